// What the time stamps of a capture say of time.
#ifndef MAILTAP_APP_MAILTAP_CAPTURE_CLOCK_H_
#define MAILTAP_APP_MAILTAP_CAPTURE_CLOCK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/time.h"

namespace mailtap::app {

// Of one capture, one thread. The time it gives never runs backwards, and stamps that don't
// either are taken as they are. Of the others,
// * one that is a little late gets the time of the packet before it;
// * so does a stray: a stamp far from the time before, to which one of those that follow is
//   nearer than to the stray;
// * where all that follow are nearer to it, the clock was set back, or captures were put
//   together out of order: from there on stamps are shifted, so that durations stay what they
//   were, until stamps are ahead by themselves.
class CaptureClock {
 public:
  // So many packets that follow are asked about a stamp.
  static constexpr std::size_t kWitnesses = 3;
  // Nobody is asked about a stamp as near as this to the time before.
  static constexpr UnixNanos kNear = 60 * kNanosPerSecond;
  // No capture begins with a single packet so long before all that follow.
  static constexpr UnixNanos kLonePause = 86'400 * kNanosPerSecond;

  // Whether a packet's stamp is near. Stamps lie from 1970 to 2106.
  bool Expects(UnixNanos stamp) const {
    return static_cast<uint64_t>(stamp + shift_ - last_ + kNear) <= 2 * kNear;
  }
  // The time of such a packet.
  UnixNanos Advance(UnixNanos stamp) {
    last_ = std::max(last_, stamp + shift_);
    return last_;
  }
  // The time of another one. `following`: the stamps of the kWitnesses packets behind it, or of
  // as many as there are.
  UnixNanos Judge(UnixNanos stamp, const std::vector<UnixNanos>& following);

  // What was wrong, for a person; empty: nothing but packets that were a little late.
  std::string Faults() const;

 private:
  static constexpr UnixNanos kBeforeAll = INT64_MIN / 2;
  // With a larger one a stamp might make no UnixNanos.
  static constexpr UnixNanos kMostShift = INT64_MAX / 2;

  struct Steps {
    uint64_t count = 0;
    UnixNanos longest = 0;
    void Add(UnixNanos length) {
      ++count;
      longest = std::max(longest, length);
    }
  };

  UnixNanos last_ = kBeforeAll;  // the time given last
  UnixNanos shift_ = 0;          // from stamps to time
  Steps strays_, set_back_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_CAPTURE_CLOCK_H_

// Brings the workers' rings together, tick by tick, for the control core.
#ifndef MAILTAP_APP_MAILTAP_TICK_COLLECTOR_H_
#define MAILTAP_APP_MAILTAP_TICK_COLLECTOR_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "lib/control/control.h"
#include "lib/exchange/ring.h"

namespace mailtap::app {

// The control core's thread only.
class TickCollector {
 public:
  // Rings and control core outlive the collector. `first_tick` is the first to be closed.
  // `observe` gives the capture's counters; it is asked at the end of each tick.
  TickCollector(std::vector<exchange::RecordRing*> rings, control::Control& control,
                std::function<control::CaptureSample()> observe, int64_t first_tick);

  // Takes what the workers have sent of the tick under way, and closes it once all have ended
  // it, or once `now` is so late that a worker that has not must be stalled; what that one
  // sends later counts for a later tick. Returns whether a tick was closed.
  bool Poll(UnixNanos now);

  // Takes everything there is, of whatever tick.
  void DrainAll();
  // Closes the last tick, after the workers have finished and DrainAll.
  void Finish();

 private:
  // How long after a tick's end a worker is waited for.
  static constexpr int64_t kGrace = 500 * kNanosPerMilli;

  struct Source {
    exchange::RecordRing* ring;
    int64_t ended = INT64_MIN;  // the last tick that its worker has ended
  };
  void Close();

  std::vector<Source> sources_;
  control::Control& control_;
  const std::function<control::CaptureSample()> observe_;
  int64_t tick_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_TICK_COLLECTOR_H_

// Where a receive loop's packets wait for the caches. Packets that a device has just written
// lie in memory: first a packet's buffer is asked for, some packets later, when it says where
// they lie, its headers, and some packets later still it is worked on. All of it goes on across
// the ends of bursts, a few packets at a time, so that memory and worker are both busy
// throughout.
#ifndef MAILTAP_LIB_PIPELINE_FEED_H_
#define MAILTAP_LIB_PIPELINE_FEED_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "lib/base/time.h"
#include "lib/pipeline/packet_view.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

// One thread, which allocates at construction only. What it calls of a `handler`:
//   bool View(const Mbuf&, PacketView&)      says what is in a buffer, but for time and port;
//                                            false where it first wants all before it settled
//   void Work(absl::Span<const PacketView>)  Worker::Take
//   void Settle()                            Worker::Settle
//   void Release(Mbuf**, uint32_t count)     buffers that nobody needs any longer
template <typename Mbuf>
class Feed {
 public:
  // How many packets before its turn a packet's buffer, and then its headers, are asked for.
  static constexpr uint32_t kMbufAhead = 24, kHeadersAhead = 12;
  // Packets are viewed and worked on so many at a time: up to one fewer wait before each.
  static constexpr uint32_t kAtOnce = 4;
  static constexpr uint32_t kMostWaiting = kMbufAhead + 2 * (kAtOnce - 1);

  // `most`: buffers in one call of Take.
  explicit Feed(uint32_t most)
      : mbufs_(std::bit_ceil(most + kMostWaiting)),
        views_(mbufs_.size()),
        mask_(static_cast<uint32_t>(mbufs_.size()) - 1) {}

  // A burst, received at `time` on `port`. Afterwards up to kMostWaiting packets wait for the
  // next burst, or for Flush().
  template <typename Handler>
  void Take(Mbuf* const* burst, uint32_t count, UnixNanos time, uint16_t port,
            Handler& handler) {
    uint32_t i = 0;
    for (; i + kAtOnce <= count; i += kAtOnce) {
      Add(burst + i, kAtOnce, time, port);
      Advance(handler);
    }
    Add(burst + i, count - i, time, port);
    Advance(handler);
    Settle(handler);
  }

  // Works on all that waits: before the sensor rests, and before its tick ends.
  template <typename Handler>
  void Flush(Handler& handler) {
    while (worked_ != received_) {
      View(std::min(kAtOnce, received_ - viewed_), handler);
      Work(handler);
    }
    Settle(handler);
  }

 private:
  // What the loops count with stays in registers: from one packet to the next memory would take
  // longer than all else that is done here.
  void Add(Mbuf* const* mbufs, uint32_t count, UnixNanos time, uint16_t port) {
    const uint32_t first = received_;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < count; ++i) {
      PrefetchPacket(mbufs[i]);
      const uint32_t place = (first + i) & mask_;
      mbufs_[place] = mbufs[i];
      views_[place].time = time;
      views_[place].port = port;
    }
    received_ = first + count;
  }

  template <typename Handler>
  void Advance(Handler& handler) {
    while (received_ - viewed_ >= kMbufAhead - kHeadersAhead + kAtOnce) View(kAtOnce, handler);
    while (viewed_ - worked_ >= kHeadersAhead + kAtOnce) Work(handler);
  }

  template <typename Handler>
  void View(uint32_t count, Handler& handler) {
    const uint32_t first = viewed_;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t place = (first + i) & mask_;
      if (!handler.View(*mbufs_[place], views_[place])) [[unlikely]] {
        viewed_ = first + i;
        while (worked_ != viewed_) Work(handler);
        Settle(handler);
        handler.View(*mbufs_[place], views_[place]);
      }
      Worker::Prefetch(views_[place]);
    }
    viewed_ = first + count;
  }

  template <typename Handler>
  void Work(Handler& handler) {
    const uint32_t place = worked_ & mask_;
    const uint32_t count = std::min({kAtOnce, viewed_ - worked_, mask_ + 1 - place});
    handler.Work({&views_[place], count});
    worked_ += count;
  }

  template <typename Handler>
  void Settle(Handler& handler) {
    handler.Settle();
    while (released_ != worked_) {
      const uint32_t place = released_ & mask_;
      const uint32_t count = std::min(worked_ - released_, mask_ + 1 - place);
      handler.Release(&mbufs_[place], count);
      released_ += count;
    }
  }

  std::vector<Mbuf*> mbufs_;  // two rings
  std::vector<PacketView> views_;
  const uint32_t mask_;
  // How many there were so far, each at most as many as the one before.
  uint32_t received_ = 0, viewed_ = 0, worked_ = 0, released_ = 0;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_FEED_H_

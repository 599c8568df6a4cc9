// Wall clock time from the timestamp counter: a few loads, no system call.
#ifndef MAILTAP_LIB_DATAPLANE_CLOCK_H_
#define MAILTAP_LIB_DATAPLANE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "lib/base/time.h"

namespace mailtap::dataplane {

// Time that goes on with a counter of cycles, and follows the system's clock without a step: a
// counter's frequency is known to a thousandth at best (DPDK rounds it to 10 MHz), which makes
// minutes a day. Where the system's clock was set, it is caught up with at kMostSlew, so that
// windows and rates stay what they are.
class SlewedClock {
 public:
  static constexpr double kMostSlew = 0.01;

  // At `cycles` the system's clock said `real`; `nanos_per_cycle` is a first guess.
  SlewedClock(uint64_t cycles, UnixNanos real, double nanos_per_cycle);

  // Any thread.
  UnixNanos At(uint64_t cycles) const;

  // What the system's clock and its steady one (CLOCK_MONOTONIC, nanoseconds) say at `cycles`.
  // Returns by how many nanoseconds the former is ahead of this one. One thread, about once a
  // second.
  int64_t Follow(uint64_t cycles, UnixNanos real, int64_t steady);

 private:
  // Written by Follow() alone; odd while it writes.
  std::atomic<uint32_t> version_{0};
  std::atomic<uint64_t> cycles_;  // where the line begins,
  std::atomic<UnixNanos> time_;   // the time there,
  std::atomic<double> slope_;     // and nanoseconds a cycle from there on

  // Of the first Follow(), from which the frequency is measured.
  uint64_t first_cycles_ = 0;
  int64_t first_steady_ = 0;
  double nanos_per_cycle_;
};

class TscClock {
 public:
  TscClock();  // after Eal::Start
  // Any thread.
  UnixNanos Now() const;
  // See SlewedClock.
  int64_t Follow();
  // What Follow() last returned. Any thread.
  int64_t offset() const { return offset_.load(std::memory_order_relaxed); }

 private:
  SlewedClock clock_;
  std::atomic<int64_t> offset_{0};
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_CLOCK_H_

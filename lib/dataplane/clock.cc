#include "lib/dataplane/clock.h"

#include <rte_cycles.h>

#include <algorithm>
#include <chrono>

namespace mailtap::dataplane {
namespace {

template <typename Clock>
int64_t NanosOf() {
  return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
}

}  // namespace

SlewedClock::SlewedClock(uint64_t cycles, UnixNanos real, double nanos_per_cycle)
    : cycles_(cycles),
      time_(real),
      slope_(nanos_per_cycle),
      nanos_per_cycle_(nanos_per_cycle) {}

// Loads acquire and stores release, so that whoever has seen a part of a new line sees its
// version too (a sequence lock).
UnixNanos SlewedClock::At(uint64_t cycles) const {
  for (;;) {
    const uint32_t version = version_.load(std::memory_order_acquire);
    const uint64_t begin = cycles_.load(std::memory_order_acquire);
    const UnixNanos time = time_.load(std::memory_order_acquire);
    const double slope = slope_.load(std::memory_order_acquire);
    if (version % 2 != 0 || version != version_.load(std::memory_order_relaxed)) continue;
    // A counter that was read before the line was drawn lies before it.
    const auto since = static_cast<double>(static_cast<int64_t>(cycles - begin));
    return time + static_cast<UnixNanos>(since * slope);
  }
}

int64_t SlewedClock::Follow(uint64_t cycles, UnixNanos real, int64_t steady) {
  if (first_cycles_ == 0) {
    first_cycles_ = cycles;
    first_steady_ = steady;
  } else if (cycles != first_cycles_) {
    nanos_per_cycle_ = static_cast<double>(steady - first_steady_) /
                       static_cast<double>(cycles - first_cycles_);
  }
  const UnixNanos time = At(cycles);
  // What is off now is to be gone in ten seconds.
  constexpr double kCatchUp = 10.0 * kNanosPerSecond;
  const double slew =
      std::clamp(static_cast<double>(real - time) / kCatchUp, -kMostSlew, kMostSlew);
  version_.fetch_add(1, std::memory_order_acq_rel);
  cycles_.store(cycles, std::memory_order_release);
  time_.store(time, std::memory_order_release);
  slope_.store(nanos_per_cycle_ * (1 + slew), std::memory_order_release);
  version_.fetch_add(1, std::memory_order_release);
  return real - time;
}

TscClock::TscClock()
    : clock_(rte_get_tsc_cycles(), NanosOf<std::chrono::system_clock>(),
             1e9 / static_cast<double>(rte_get_tsc_hz())) {}

UnixNanos TscClock::Now() const { return clock_.At(rte_get_tsc_cycles()); }

int64_t TscClock::Follow() {
  const uint64_t cycles = rte_get_tsc_cycles();
  const int64_t offset = clock_.Follow(cycles, NanosOf<std::chrono::system_clock>(),
                                       NanosOf<std::chrono::steady_clock>());
  offset_.store(offset, std::memory_order_relaxed);
  return offset;
}

}  // namespace mailtap::dataplane

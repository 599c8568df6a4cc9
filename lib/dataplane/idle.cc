// What DPDK 22.11 has of power management is marked as experimental.
#define ALLOW_EXPERIMENTAL_API

#include "lib/dataplane/idle.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_power_intrinsics.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "lib/base/time.h"

namespace mailtap::dataplane {
namespace {

constexpr std::size_t kMostMonitored = 8;

// Whether this processor can watch so many addresses, and each port can say which one.
bool CanMonitor(const std::vector<uint16_t>& ports, uint16_t queue) {
  rte_cpu_intrinsics can = {};
  rte_cpu_get_intrinsics_support(&can);
  const bool processor = ports.size() == 1 ? can.power_monitor : can.power_monitor_multi;
  if (!processor || ports.empty() || ports.size() > kMostMonitored) return false;
  return std::all_of(ports.begin(), ports.end(), [queue](uint16_t port) {
    rte_power_monitor_cond condition = {};
    return rte_eth_get_monitor_addr(port, queue, &condition) == 0;
  });
}

}  // namespace

Idler::Idler(const std::vector<uint16_t>& ports, uint16_t queue, int64_t longest_micros)
    : ports_(ports),
      queue_(queue),
      longest_micros_(longest_micros),
      monitors_(longest_micros > 0 && CanMonitor(ports, queue)) {}

void Idler::Begin() const {
  // Linux rounds sleeps up by 50 microseconds otherwise (prctl(2), PR_SET_TIMERSLACK).
  if (longest_micros_ > 0 && !monitors_) prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void Idler::Rest() {
  if (monitors_) {
    std::array<rte_power_monitor_cond, kMostMonitored> conditions = {};
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (rte_eth_get_monitor_addr(ports_[i], queue_, &conditions[i]) != 0) return;
    }
    const uint64_t end = rte_get_tsc_cycles() +
                         rte_get_tsc_hz() / 1'000'000 * static_cast<uint64_t>(longest_micros_);
    if (ports_.size() == 1) {
      rte_power_monitor(conditions.data(), end);
    } else {
      rte_power_monitor_multi(conditions.data(), static_cast<uint32_t>(ports_.size()), end);
    }
    return;
  }
  constexpr uint32_t kMostDoublings = 20;
  const uint32_t doublings = std::min(empty_rounds_ - kPatience - 1, kMostDoublings);
  const int64_t micros = std::min(int64_t{1} << doublings, longest_micros_);
  const timespec rest = {0, static_cast<long>(micros * kNanosPerMicro)};
  nanosleep(&rest, nullptr);
}

}  // namespace mailtap::dataplane

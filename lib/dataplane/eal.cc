#include "lib/dataplane/eal.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mailtap::dataplane {

absl::StatusOr<std::unique_ptr<Eal>> Eal::Start(const std::vector<std::string>& arguments) {
  // EAL permutes its argv and keeps pointers into it.
  static std::vector<std::string> kept;
  kept = arguments;
  kept.insert(kept.begin(), "mailtap");
  std::vector<char*> argv;
  for (std::string& argument : kept) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(kept.size()), argv.data()) < 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "DPDK's EAL does not start: ", rte_strerror(rte_errno),
        "; its own messages are above. Without hugepages, try -- --no-huge --no-shconf"));
  }
  return std::unique_ptr<Eal>(new Eal());
}

Eal::~Eal() { rte_eal_cleanup(); }

std::vector<unsigned> Eal::worker_lcores() const {
  std::vector<unsigned> lcores;
  unsigned lcore;
  RTE_LCORE_FOREACH_WORKER(lcore) { lcores.push_back(lcore); }
  return lcores;
}

std::string Eal::DpdkVersion() {
  return std::string(absl::StripPrefix(rte_version(), "DPDK "));
}

TscClock::TscClock()
    : start_cycles_(rte_get_tsc_cycles()),
      start_(std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch())
                 .count()),
      nanos_per_cycle_(1e9 / static_cast<double>(rte_get_tsc_hz())) {}

UnixNanos TscClock::Now() const {
  const uint64_t cycles = rte_get_tsc_cycles() - start_cycles_;
  return start_ + static_cast<UnixNanos>(static_cast<double>(cycles) * nanos_per_cycle_);
}

}  // namespace mailtap::dataplane

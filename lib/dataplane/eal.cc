#include "lib/dataplane/eal.h"

#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "lib/base/status.h"

namespace mailtap::dataplane {
namespace {

// Whether a port of this device is there. True too on a bus whose devices can't be looked up.
bool HasPort(const rte_devargs& device) {
  rte_dev_iterator ports = {};
  if (rte_eth_iterator_init(&ports, device.name) != 0) return true;
  const bool found = rte_eth_iterator_next(&ports) != RTE_MAX_ETHPORTS;
  rte_eth_iterator_cleanup(&ports);
  return found;
}

// EAL goes on without a device that was asked for by name and does not come up: half of a TAP
// would be missing, and nothing would tell.
absl::Status CheckDevices() {
  std::vector<std::string> missing;
  const rte_devargs* device;
  RTE_EAL_DEVARGS_FOREACH(nullptr, device) {
    if (device->policy != RTE_DEV_BLOCKED && !HasPort(*device)) missing.push_back(device->name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "no port came up for ", absl::StrJoin(missing, ", "), " of EAL's arguments: there is no ",
      "such device, its driver refused it (EAL's own messages are above), or DPDK has no ",
      "driver for it (dpdk-devbind.py --status)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Eal>> Eal::Start(const std::vector<std::string>& arguments) {
  // EAL permutes its argv and keeps pointers into it.
  static std::vector<std::string> kept;
  kept = arguments;
  kept.insert(kept.begin(), "mailtap");
  std::vector<char*> argv;
  for (std::string& argument : kept) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int parsed = rte_eal_init(static_cast<int>(kept.size()), argv.data());
  if (parsed < 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "DPDK's EAL does not start: ", rte_strerror(rte_errno),
        "; its own messages are above. Without hugepages, try -- --no-huge --no-shconf"));
  }
  std::unique_ptr<Eal> eal(new Eal());
  // Words that are no options are moved behind the program's name, which is moved behind the
  // options. A typing error there, such as a lost "-a", would be a port less.
  if (const auto rest = static_cast<std::size_t>(parsed) + 1; rest < kept.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("EAL does not know what to do with the argument \"", argv[rest], "\""));
  }
  MAILTAP_RETURN_IF_ERROR(CheckDevices());
  return eal;
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

}  // namespace mailtap::dataplane

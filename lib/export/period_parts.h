// The parts of GatherPeriod() that stand in files of their own.
#ifndef MAILTAP_LIB_EXPORT_PERIOD_PARTS_H_
#define MAILTAP_LIB_EXPORT_PERIOD_PARTS_H_

#include <set>
#include <string>
#include <tuple>

#include "lib/export/period.h"

namespace mailtap::exporting {

// (address, address space, port) of the peers that alerts name.
using AlertPeers = std::set<std::tuple<std::string, std::string, int>>;

// Hosts, servers and candidates; the period has its alerts.
void AddHostsAndServers(const PeriodInput& input, const AlertPeers& peers, Period& period);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_PERIOD_PARTS_H_

// What one hour held, for reports over days and months: plain data that outlives the process.
#ifndef MAILTAP_LIB_CONTROL_HOUR_H_
#define MAILTAP_LIB_CONTROL_HOUR_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/control/confidence.h"
#include "lib/control/snapshot.h"
#include "lib/net/address.h"

namespace mailtap::control {

inline constexpr int64_t kHourSeconds = 3'600;

// A host with unapproved mail.
struct HourHost {
  net::IpAddress host;
  std::string encap;  // outermost first, as net::ToString(); empty unless [tunnels] split_by
  std::string asset;  // as Alert, as the next
  std::string owner;
  HostCounts counts;
};

// A server of unapproved mail, on one port.
struct HourServer {
  static constexpr std::size_t kMostClients = 64;

  net::IpAddress server;
  std::string encap;
  uint16_t port = 0;
  Service service = Service::kSmtp;
  config::Verdict verdict = config::Verdict::kUnapprovedExternal;
  bool internal = false;  // the server is
  std::string name;       // as AlertPeer, as the next
  bool name_observed = false;
  uint64_t sessions = 0;
  uint64_t bytes[kDirectionCount] = {};
  std::vector<net::IpAddress> clients;  // sorted; the first kMostClients that came
  bool more_clients = false;            // others came
};

// A relay entry that was used, or in the mode observe would have been.
struct HourRelay {
  std::string name;
  uint64_t sessions = 0;
  uint64_t bytes = 0;  // both directions
};

struct HourTotals {
  uint64_t sessions = 0;
  uint64_t bytes[kDirectionCount] = {};

  bool empty() const { return (sessions | bytes[kUp] | bytes[kDown]) == 0; }
  HourTotals& operator+=(const HourTotals& o) {
    sessions += o.sessions;
    for (int d = 0; d < kDirectionCount; ++d) bytes[d] += o.bytes[d];
    return *this;
  }
};
// By service and verdict.
using HourTotalsTable =
    std::array<std::array<HourTotals, config::kVerdictCount>, kServiceCount>;

// How well the capture showed it.
struct HourCapture {
  int64_t seconds = 0;  // of the hour that the sensor judged
  uint64_t packets = 0;
  uint64_t dropped = 0;  // by ports, not in `packets`
  uint64_t snapped = 0;
  uint64_t undecodable = 0;
  Sight sight;  // of all mail

  HourCapture& operator+=(const HourCapture& o) {
    seconds += o.seconds;
    packets += o.packets;
    dropped += o.dropped;
    snapped += o.snapped;
    undecodable += o.undecodable;
    sight += o.sight;
    return *this;
  }
};

struct Hour {
  // Hosts and servers that are told apart; the others are summed up.
  static constexpr std::size_t kMost = 200;

  int64_t hour = 0;        // hours since 1970 (UTC)
  int64_t first_tick = 0;  // of the hour that was judged
  HourCapture capture;
  // Of mail with an internal end.
  HourTotalsTable totals = {};
  std::vector<HourHost> hosts;  // by unapproved sent bytes, then address and tag
  uint64_t more_hosts = 0;
  HostCounts others;                // of these
  std::vector<HourServer> servers;  // by clients, then sessions, then bytes, then address
  uint64_t more_servers = 0;
  std::vector<HourRelay> relays;  // in configuration order
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HOUR_H_

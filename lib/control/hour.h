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
  std::vector<uint64_t> client_sent;    // bytes that each of them sent; empty: not known
  bool more_clients = false;            // others came
};

// What an internal host did in one role and by one service with peers of one side, approved or
// not. Counted while [learning] is on, as HourPeaks.
struct HourAct {
  static constexpr std::size_t kMostPeers = 16;

  net::IpAddress host;
  std::string encap;
  Role role = Role::kClient;
  Service service = Service::kSmtp;
  bool external = false;  // the peers are
  uint64_t sessions = 0;
  uint64_t sent = 0;  // bytes, as the host sees them
  uint64_t received = 0;
  uint32_t peers = 0;       // different ones, up to kMostPeers
  bool more_peers = false;  // there were others
};

// The highest value that a host's window of a rule reached.
struct HourPeak {
  net::IpAddress host;
  std::string encap;
  Role role = Role::kClient;
  double value = 0;
};

// Of one rule of scope host, by its first condition.
struct HourPeaks {
  static constexpr std::size_t kMost = 100;  // of a rule; fewer where there are many rules

  std::string rule;
  config::Metric metric = config::Metric::kSentBytes;
  int64_t window_seconds = 0;
  std::vector<HourPeak> peaks;  // the highest first
  uint64_t more = 0;            // that are not told apart; none is above the last one told
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
  static constexpr std::size_t kMostActs = 500;

  int64_t hour = 0;        // hours since 1970 (UTC)
  int64_t first_tick = 0;  // of the hour that was judged
  HourCapture capture;
  // Of mail with an internal end, or of which the ends are not known.
  HourTotalsTable totals = {};
  std::vector<HourHost> hosts;  // by unapproved sent bytes, then address and tag
  uint64_t more_hosts = 0;
  HostCounts others;                // of these
  std::vector<HourServer> servers;  // by clients, then sessions, then bytes, then address
  uint64_t more_servers = 0;
  std::vector<HourRelay> relays;  // in configuration order
  std::vector<HourAct> acts;      // by peers, then sessions, then host
  uint64_t more_acts = 0;
  std::vector<HourPeaks> peaks;  // in configuration order; none where [learning] is off
  bool cut_down = false;         // see CutDown()

  // What of it can be learnt from: where it was cut down, nothing tells what hosts did.
  int64_t learnt_seconds() const { return cut_down ? 0 : capture.seconds; }
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HOUR_H_

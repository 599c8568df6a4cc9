// The control core's state as others may see it: built at the end of a tick, immutable,
// swapped whole. HTTP threads and the replay's report read it without locks.
#ifndef MAILTAP_LIB_CONTROL_SNAPSHOT_H_
#define MAILTAP_LIB_CONTROL_SNAPSHOT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/control/confidence.h"
#include "lib/meter/records.h"
#include "lib/net/address.h"

namespace mailtap::control {

// Counters since start of one (service, verdict).
struct Totals {
  meter::DirectionBytes bytes[kDirectionCount];  // client to server, server to client
  uint64_t sessions = 0;
  uint64_t failed_sessions = 0;
  uint64_t messages = 0;
  uint64_t rejected = 0;
  uint64_t one_way = 0;  // volume of which only one direction was seen lately
  // Of sessions that have ended and of which nothing was hidden: see SessionRecord.
  uint64_t rejected_transient = 0;
  uint64_t rejected_permanent = 0;
  uint64_t recipients = 0;
  uint64_t retrievals = 0;
  uint64_t text_bytes[kDirectionCount] = {};
  // Ended SMTP sessions whose messages are hidden: `messages` and `rejected` are at least so
  // many.
  uint64_t hidden_sessions = 0;
};

// Counters since start of one host. Sent and received as the host sees them.
struct HostCounts {
  uint64_t unapproved_sent = 0;
  uint64_t unapproved_received = 0;
  uint64_t approved_sent = 0;  // approved and inbound
  uint64_t approved_received = 0;
  uint64_t unapproved_sessions = 0;
  uint64_t approved_sessions = 0;

  HostCounts& operator+=(const HostCounts& o) {
    unapproved_sent += o.unapproved_sent;
    unapproved_received += o.unapproved_received;
    approved_sent += o.approved_sent;
    approved_received += o.approved_received;
    unapproved_sessions += o.unapproved_sessions;
    approved_sessions += o.approved_sessions;
    return *this;
  }
};

// The same with the host's name, for ranking.
struct HostTotals : HostCounts {
  net::IpAddress host;
  net::EncapStack encap;  // see Alert
};

// One host's present value against one rule, for the bounded top-K of gauges.
struct HostGauge {
  std::string rule;
  net::IpAddress host;
  net::EncapStack encap;
  Role role = Role::kClient;
  double value = 0;
  double raise = 0;
  bool alerting = false;
};

// How well the capture showed one host's mail lately: see RecentSight.
struct HostSight {
  net::IpAddress host;
  net::EncapStack encap;
  Confidence confidence;
};

// Starts of frames that could not be decoded, by net::Outcome; the first few of each.
using UndecodableSamples = std::array<std::vector<meter::SampleRecord>, net::kOutcomeCount>;

struct RelayUse {
  std::string name;
  std::string owner;
  std::string reason;
  std::string ticket;
  std::string expires;       // its last day, or empty
  int64_t ends = INT64_MAX;  // the first tick at which it no longer counts
  config::RelayMode mode = config::RelayMode::kEnforce;
  std::string file;  // the relay file that it stands in, or empty
  // What it approved or, in the mode observe, would have.
  uint64_t hosts = 0;  // different clients
  uint64_t sessions = 0;
  uint64_t bytes = 0;       // both directions
  UnixNanos last_used = 0;  // 0: never
};

// What is worth a look in the relay inventory; see relay_review.h.
enum class RelayConcern : uint8_t {
  kExpired,           // its last day is over
  kExpiresSoon,       // within kSoonDays
  kShadowed,          // an earlier enforced entry takes all that it could match
  kCoversEverything,  // from anywhere to anywhere
};
inline constexpr int64_t kSoonDays = 30;

struct RelayNote {
  uint32_t relay = 0;  // index of the entry
  RelayConcern concern = RelayConcern::kExpired;
  std::string text;  // one sentence without its full stop
};

struct AlertCount {
  std::string rule;
  config::Severity severity = config::Severity::kMedium;
  uint64_t raised = 0;  // since start
  uint64_t cleared = 0;
  uint64_t active = 0;      // now
  uint64_t suppressed = 0;  // since start: would have been raised
};

// How much a [[suppress]] entry kept back.
struct SuppressionUse {
  config::Suppression entry;
  uint64_t alerts = 0;      // since start
  UnixNanos last_used = 0;  // when the last of them would have been raised; 0: never
};

struct Snapshot {
  UnixNanos time = 0;  // end of the last tick
  UnixNanos first_packet_tick = 0;
  uint64_t ticks = 0;
  double last_tick_seconds = 0;  // what the last tick took; of the process, not of the traffic
  double total_tick_seconds = 0;
  std::array<std::array<Totals, config::kVerdictCount>, kServiceCount> totals = {};
  uint64_t hosts_known = 0;
  uint64_t conversations_known = 0;
  uint64_t peers_forgotten = 0;  // state evicted because a bound was reached
  // At most metrics.top_hosts, largest value / raise first; of a rule by baseline, below the
  // least that it asks for, by that.
  std::vector<HostGauge> host_gauges;
  uint64_t hosts_tracked = 0;         // hosts with a value in any rule's window
  std::vector<HostTotals> top_hosts;  // by unapproved_sent, at most metrics.top_hosts
  // At most metrics.top_relays, those with the most bytes; in configuration order.
  std::vector<RelayUse> relays;
  uint64_t relays_known = 0;
  std::vector<AlertCount> alerts;  // of rules in their order, of blind spots, of relay entries
  uint64_t names_known = 0;        // of addresses, by name servers' answers
  uint64_t answers_learnt = 0;     // of configured resolvers, since start
  uint64_t answers_ignored = 0;    // of others
  std::vector<HostSight> host_sights;  // of the hosts in host_gauges, each once
  Confidence capture;                  // of all mail, over metrics.capture_window
  Confidence capture_in_all;           // the same since start
  std::shared_ptr<const UndecodableSamples> samples;  // empty unless configured
  std::string config_version;

  const Totals& total(Service s, config::Verdict v) const {
    return totals[static_cast<int>(s)][static_cast<int>(v)];
  }
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SNAPSHOT_H_

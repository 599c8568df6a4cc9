// [[group]] and [[rule]]: who is judged, by what, and when it is too much. Part of
// lib/config/config.h, which says where defaults stand and how these structs live.
#ifndef MAILTAP_LIB_CONFIG_RULE_H_
#define MAILTAP_LIB_CONFIG_RULE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/net/address.h"

namespace mailtap::config {

// What the control core says of a conversation. See DESIGN: the first that fits.
enum class Verdict : uint8_t {
  kTransit,             // no internal end
  kInbound,             // an approved relay entry matches and the client is external
  kApproved,            // an approved relay entry matches
  kUnapprovedExternal,  // one end is external
  kUnapprovedInternal,  // both ends are internal
  kUnattributed,        // a full table lost an end; never raised on by address
};
inline constexpr int kVerdictCount = 6;
inline constexpr std::array<absl::string_view, kVerdictCount> kVerdictNames = {
    "transit",     "inbound", "approved", "unapproved_external", "unapproved_internal",
    "unattributed"};
constexpr absl::string_view Name(Verdict v) { return kVerdictNames[static_cast<int>(v)]; }

enum class Metric : uint8_t {
  kSentBytes,          // bytes the host transmitted
  kReceivedBytes,      // bytes it received
  kSessions,           // sessions that became established
  kMessages,           // SMTP transactions accepted
  kDistinctPeers,      // different addresses at the other end
  kSentReceivedRatio,  // sent bytes / received bytes (received counted as at least 1)
  kRejected,           // SMTP transactions refused
  kNewPeers,           // addresses that the host, in that role, never dealt with before
  kFailedSessions,     // connections to a mail port that came to nothing
};
inline constexpr int kMetricCount = 9;
inline constexpr std::array<absl::string_view, kMetricCount> kMetricNames = {
    "sent_bytes",          "received_bytes", "sessions",  "messages",       "distinct_peers",
    "sent_received_ratio", "rejected",       "new_peers", "failed_sessions"};
constexpr absl::string_view Name(Metric m) { return kMetricNames[static_cast<int>(m)]; }
// True for metrics whose thresholds are sizes ("50MB"); the others' are plain numbers.
constexpr bool IsBytes(Metric m) {
  return m == Metric::kSentBytes || m == Metric::kReceivedBytes;
}
// True for metrics that tell addresses at the other end apart.
constexpr bool CountsPeers(Metric m) {
  return m == Metric::kDistinctPeers || m == Metric::kNewPeers;
}

// True for metrics of which a longer time's amount is the sum of its parts'.
constexpr bool AddsUp(Metric m) { return !CountsPeers(m) && m != Metric::kSentReceivedRatio; }

enum class Severity : uint8_t { kLow, kMedium, kHigh, kCritical };
inline constexpr int kSeverityCount = 4;
inline constexpr std::array<absl::string_view, kSeverityCount> kSeverityNames = {
    "low", "medium", "high", "critical"};
constexpr absl::string_view Name(Severity s) { return kSeverityNames[static_cast<int>(s)]; }

// Of whom a rule adds up the traffic: of each host by itself, of all hosts of a group, or of
// all internal hosts together.
enum class Scope : uint8_t { kHost, kGroup, kSite };
inline constexpr std::array<absl::string_view, 3> kScopeNames = {"host", "group", "site"};
constexpr absl::string_view Name(Scope s) { return kScopeNames[static_cast<int>(s)]; }

enum class Weekday : uint8_t {
  kMonday,
  kTuesday,
  kWednesday,
  kThursday,
  kFriday,
  kSaturday,
  kSunday
};
inline constexpr int kWeekdayCount = 7;
inline constexpr std::array<absl::string_view, kWeekdayCount> kWeekdayNames = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr absl::string_view Name(Weekday d) { return kWeekdayNames[static_cast<int>(d)]; }

// A part of the day, "08:00-18:00": from the first minute up to, not including, the second.
// Where the second is not later, it goes past midnight. By the clock of [sensor] timezone.
struct Hours {
  static constexpr int kDayMinutes = 24 * 60;
  int from = 0;          // minutes since midnight, below kDayMinutes
  int to = kDayMinutes;  // at most kDayMinutes

  bool Holds(int minute) const {
    return from < to ? from <= minute && minute < to : minute >= from || minute < to;
  }
  friend bool operator==(const Hours&, const Hours&) = default;
};

// One row of the asset inventory ([assets] file): what an address or a network is. Of rows that
// hold an address the longest prefix counts.
struct Asset {
  // The tag of addresses that stand for several clients.
  static constexpr absl::string_view kShared = "nat";

  net::Prefix prefix;
  std::string name;
  std::string owner;
  std::string unit;  // of the business
  std::string role;  // what it is there for: "workstation", "mail server"
  std::vector<std::string> tags;

  bool shared() const;
};

// [[group]]: the internal hosts for which every key that is given fits. At least one is.
struct Group {
  std::string name;  // required, unique
  std::vector<net::Prefix> members;
  // Of the host's asset: one of these roles, one of these units, one of these tags.
  std::vector<std::string> roles;
  std::vector<std::string> units;
  std::vector<std::string> tags;

  bool by_asset() const { return !roles.empty() || !units.empty() || !tags.empty(); }
};

// What has to be reached, and how it ends. [[rule.condition]]
struct Condition {
  Metric metric = Metric::kSentBytes;
  int64_t window_seconds = 300;  // 10 s .. 24 h
  double raise = 0;              // required, > 0; bytes for byte metrics
  double clear = 0;              // <= raise; default: raise / 2
  // sent_received_ratio only: with fewer sent bytes in the window the ratio counts as 0.
  int64_t minimum = 0;
};

// [[rule]]. The base is its first condition, whose keys stand in the rule itself.
struct Rule : Condition {
  std::string name;  // required, unique
  Scope scope = Scope::kHost;
  std::vector<std::string> groups;    // names of [[group]]s; empty: every internal host
  std::vector<Service> services;      // empty: all
  std::vector<Verdict> verdicts;      // left out: unapproved_external and unapproved_internal;
                                      // parsing fills these in, so it is never empty after it
  std::vector<Role> roles;            // empty: both, each judged by itself
  std::vector<Tls> tls;               // empty: all
  Hours hours;                        // traffic at other times doesn't count
  std::vector<Weekday> weekdays;      // empty: all
  std::vector<Condition> conditions;  // that have to be reached at the same time
  int64_t sustained_seconds = 0;      // all must be at `raise` for so long; 0 s .. 24 h
  int64_t hold_seconds = 600;  // one must stay below `clear` so long, in turn; 0 s .. 24 h
  // Either given: `raise` is the least that can raise; it has to be reached and so many times
  // what is usual at that hour of the week, and what is usual plus so many deviations.
  double multiple = 0;
  double deviations = 0;
  int64_t updates = 100;  // an open alert reports at most so often that it grew
  Severity severity = Severity::kMedium;

  bool by_baseline() const { return multiple > 0 || deviations > 0; }
  bool always() const { return hours == Hours{} && weekdays.empty(); }
};

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_RULE_H_

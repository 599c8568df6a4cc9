// What a state knows of a stretch of time: for analysts and auditors, whatever the form.
#ifndef MAILTAP_LIB_EXPORT_PERIOD_H_
#define MAILTAP_LIB_EXPORT_PERIOD_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/base/time.h"
#include "lib/config/rule.h"
#include "lib/control/hour.h"

namespace mailtap::exporting {

// The state, in that history, of an alert that was open when the sensor ended and that the
// next one's configuration had no rule for. It is no line of the alert file.
inline constexpr absl::string_view kDroppedAlert = "dropped";

// A line of the state's alert history.
struct StoredAlert {
  UnixNanos time = 0;
  std::string id;
  std::string state;  // as control::AlertState's names, or kDroppedAlert
  std::string json;   // as ToJsonLine(), but of one that was dropped; empty: not known any more
};

// Whether `json` is a line of ToJsonLine()'s for the alert of that id. Any thread.
bool IsAlertLine(absl::string_view json, absl::string_view id);

struct PeriodInput {
  UnixNanos since = 0;  // up to, not including, until
  UnixNanos until = 0;
  UnixNanos state_time = 0;          // of the checkpoint that `report` is of
  std::string source;                // whose state it is
  std::vector<control::Hour> hours;  // that the period has a part of, the earliest first
  std::vector<StoredAlert> alerts;   // up to `until`, in their order
  std::string report;                // ReportJson() as of the checkpoint
};

struct PeriodAlert {
  UnixNanos raised = 0;   // 0: before all that the history has of it
  UnixNanos known = 0;    // since when the history has it
  UnixNanos cleared = 0;  // 0: open at the period's end
  std::string id, rule, severity;
  std::string host, role, asset, owner;  // empty where it has none
  std::string encap;                     // of the host, as HourHost; of its peers too
  std::string port;                      // of a blind spot
  std::string suppression;               // of one that was suppressed: the entry
  std::string summary;                   // as it was last raised or updated
  std::optional<config::Metric> metric;  // of an alert by a rule
  double highest = 0;                    // of the metric, while it was open
};

struct PeriodHost {
  std::string host, encap, asset, owner;
  control::HostCounts counts;
  int64_t hours = 0;  // in which it had unapproved mail
  // "203.0.113.66 port 25 (smtp, mx.example.net)" or "itself, port 25 (smtp)", each once and
  // those that the host sent most to first
  std::vector<std::string> servers;
  std::size_t more_servers = 0;
  uint64_t sent_elsewhere = 0;  // bytes, to servers that hours don't tell as the host's
  std::size_t alerts = 0;
};

// A relay entry as the state's last report has it, with its use in the period.
struct PeriodRelay {
  std::string name, file, owner, reason, ticket, expires, mode;
  UnixNanos ends = 0;  // 0: never
  uint64_t sessions = 0;
  uint64_t bytes = 0;
  uint64_t hosts = 0;  // different clients, since the state began
  UnixNanos last_used = 0;
};

struct PeriodSuppression {
  std::string name, reason, owner, ticket, expires;
  UnixNanos ends = 0;
  std::vector<std::string> hosts, rules;  // no rules: all
  std::size_t alerts = 0;                 // that it kept back in the period
  UnixNanos last_used = 0;
};

// A server of unapproved mail that several hosts use, or one for hours: a relay that the
// inventory may lack.
struct PeriodCandidate {
  control::HourServer server;  // with its sums and clients in the period
  int64_t hours = 0;
  bool in_alerts = false;  // it is among the peers of an alert
};

struct PeriodGap {
  UnixNanos from = 0;
  UnixNanos to = 0;
  int64_t seconds = 0;  // of it that were not judged
};

struct Period {
  UnixNanos since = 0, until = 0, state_time = 0;
  UnixNanos counted_from = 0, counted_to = 0;  // mail is counted by whole hours
  std::string source, config_version;
  int64_t covered_seconds = 0;  // of the period
  std::vector<PeriodGap> gaps;  // hours that were not judged in whole
  int64_t cut_down_hours = 0;   // of which there are sums alone
  control::HourCapture capture;
  control::HourTotalsTable totals = {};
  std::vector<PeriodHost> hosts;  // by unapproved sent bytes
  uint64_t more_hosts = 0;        // that are not told apart; one counts in each hour
  control::HostCounts others;     // of these
  std::vector<PeriodAlert> alerts, blind_spots, suppressed;
  std::vector<PeriodRelay> relays_used, relays_unused, exceptions;
  std::vector<PeriodSuppression> suppressions;
  std::vector<std::string> relay_review;
  std::vector<PeriodCandidate> candidates;
  uint64_t more_servers = 0;  // that are not told apart
};

// DataLoss where the stored report or an alert is not what mailtap writes. Any thread.
absl::StatusOr<Period> GatherPeriod(const PeriodInput& input);

// The period as indented JSON, with a newline at its end; as aligned text; and as one HTML page
// that needs nothing else and is well-formed XML too. Names off the wire are made harmless.
std::string PeriodJson(const Period& period);
std::string PeriodText(const Period& period, std::size_t width);
std::string PeriodHtml(const Period& period);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_PERIOD_H_

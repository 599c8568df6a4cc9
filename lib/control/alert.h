// One state change of an alert, with its evidence.
#ifndef MAILTAP_LIB_CONTROL_ALERT_H_
#define MAILTAP_LIB_CONTROL_ALERT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/control/baselines.h"
#include "lib/control/confidence.h"
#include "lib/net/address.h"
#include "lib/net/encap.h"

namespace mailtap::control {

// One that is suppressed would be raised but for a [[suppress]] entry: it goes to
// Output::OnSuppressed() alone, and has no other states.
enum class AlertState : uint8_t { kRaised, kUpdated, kCleared, kSuppressed };
inline constexpr std::array<absl::string_view, 4> kAlertStateNames = {"raised", "updated",
                                                                      "cleared", "suppressed"};
constexpr absl::string_view Name(AlertState s) { return kAlertStateNames[static_cast<int>(s)]; }

// One peer of the host within the rule's window, largest share of the metric first.
struct AlertPeer {
  net::IpAddress peer;
  std::string name;   // by a resolver's answer, or what it claims (SNI, greeting), or empty
  uint16_t port = 0;  // of the server end
  uint64_t sent = 0;  // bytes by the host to the peer, and back
  uint64_t received = 0;
  uint64_t sessions = 0;  // of failed_sessions: those that came to nothing
  config::Verdict verdict = config::Verdict::kUnapprovedExternal;
  bool name_observed = false;  // by a resolver's answer
  uint8_t tls = 0;             // bit per Tls: the states that its traffic was in
};

// A relay entry that approves such mail of the host: the way that it was expected to take.
struct ExpectedRelay {
  std::string name;
  std::string owner;
  std::vector<std::string> servers;  // where it is: the first few networks and names
  std::vector<uint16_t> ports;       // empty: any
};

// What a further condition of a rule stood at.
struct AlertCondition {
  config::Metric metric = config::Metric::kSentBytes;
  double value = 0;
  double threshold = 0;  // as Alert::threshold
  int64_t window_seconds = 0;
};

// Of a host by a rule, or of a group or all hosts by its scope; or of a blind spot, that is of
// the sensor itself, or of a relay entry. Then scope to service and metric mean nothing. A
// blind spot's confidence is that of all mail over [metrics] capture_window, the value of a
// relay entry the number of hosts it covered.
struct Alert {
  // Whether a rule raised it: of a host, a group or all hosts.
  bool by_rule() const { return !blind_spot.has_value() && relay.empty(); }

  std::string id;  // the same for all states of one alert; hashed from its content
  AlertState state = AlertState::kRaised;
  UnixNanos time = 0;  // end of the tick that caused the change
  std::string rule;    // of a blind spot: kBlindSpotPrefix and the kind
  config::Severity severity = config::Severity::kMedium;
  std::optional<config::BlindSpotKind> blind_spot;
  std::string port;                   // of a blind spot: the port that it concerns, or empty
  std::string relay;                  // of kRelayExpired: the entry; else empty
  std::vector<net::IpAddress> hosts;  // of kRelayExpired: those that it covered, the first few
  config::Scope scope = config::Scope::kHost;
  net::IpAddress host;    // of scope host only, as the next
  net::EncapStack encap;  // where [tunnels] split_by tells hosts apart by it, outermost first
  Role role = Role::kClient;
  config::Verdict verdict = config::Verdict::kUnapprovedExternal;  // of the largest share
  // The host's name in the inventory, else its group with the longest prefix; or the group; or
  // empty.
  std::string asset;
  std::string owner;    // as the inventory says; may be empty
  bool shared = false;  // the address stands for several clients, as the inventory says

  Service service = Service::kSmtp;  // of the largest share
  config::Metric metric = config::Metric::kSentBytes;
  double value = 0;
  double highest = 0;    // of `value`, at the end of each second since the alert was raised
  double threshold = 0;  // `raise` for raised and updated, `clear` for cleared
  int64_t window_seconds = 0;
  std::vector<AlertCondition> conditions;  // besides the rule's first
  std::optional<Baseline> baseline;        // that made the threshold
  UnixNanos first_seen = 0;                // of the traffic in the window, at the raise
  UnixNanos last_seen = 0;                 // of the traffic that counted, so far
  std::vector<AlertPeer> top_peers;
  std::vector<ExpectedRelay> expected_relays;  // of a host: the first few; may be empty
  Confidence confidence;                       // over what the window holds
  std::string config_version;
  std::string suppression;  // of one that is suppressed: the entry
  std::string summary;      // one sentence that a person can act on
};

// How high the value of one that is open has come, which no line may have told yet.
struct OpenPeak {
  std::string id;
  double highest = 0;  // as Alert::highest, up to the end of the last tick
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_ALERT_H_

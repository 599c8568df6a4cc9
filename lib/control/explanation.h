// Why a host's mail is approved or not, and where the host stands: for people who ask.
#ifndef MAILTAP_LIB_CONTROL_EXPLANATION_H_
#define MAILTAP_LIB_CONTROL_EXPLANATION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/control/baselines.h"
#include "lib/control/snapshot.h"
#include "lib/net/address.h"
#include "lib/net/encap.h"

namespace mailtap::control {

// A relay entry that was looked at.
struct ExplainedEntry {
  std::string name;
  std::string owner;
  std::string file;  // the relay file that it stands in, or empty
  config::RelayMode mode = config::RelayMode::kEnforce;
  std::vector<std::string>
      misses;  // what of it doesn't fit, each half a sentence; empty: it fits
};

struct ExplainedConversation {
  Role role = Role::kClient;  // the host's
  net::IpAddress peer;
  uint16_t port = 0;  // of the server end
  Service service = Service::kSmtp;
  Tls tls = Tls::kNone;
  bool seen = true;         // else it is what the policy would say of it
  UnixNanos last_seen = 0;  // to the second; 0 where it was not seen, or is in transit
  config::Verdict verdict = config::Verdict::kTransit;
  bool peer_internal = false;
  std::string relay;     // the entry that approves it, or empty
  std::string observed;  // the first entry in the mode observe that would, or empty
  std::string name;      // of the server, as AlertPeer, as the next
  bool name_observed = false;
  std::vector<std::string>
      claimed;  // names that were claimed in it, where an entry believes such
  // Where asked for: the entries that come nearest, those that fit first; and how many more
  // there are.
  std::vector<ExplainedEntry> entries;
  std::size_t more_entries = 0;
  // The rules that count it for the host; of an external host, for the peer.
  std::vector<std::string> counted_by;
};

struct ExplainedCondition {
  config::Metric metric = config::Metric::kSentBytes;
  double value = 0;
  double raise = 0;
  double clear = 0;
  int64_t window_seconds = 0;
};

enum class Watch : uint8_t { kQuiet, kPending, kRaised, kSuppressed };
inline constexpr std::array<absl::string_view, 4> kWatchNames = {"quiet", "pending", "raised",
                                                                 "suppressed"};
constexpr absl::string_view Name(Watch w) { return kWatchNames[static_cast<int>(w)]; }

// Where the host, its group or the site stands against one rule, in one role.
struct ExplainedRule {
  std::string rule;
  config::Severity severity = config::Severity::kMedium;
  config::Scope scope = config::Scope::kHost;
  std::string group;  // of scope group: which
  Role role = Role::kClient;
  std::string why_not;  // why it doesn't look at the host, or empty
  std::vector<ExplainedCondition> conditions;
  bool by_baseline = false;  // without a baseline it raises nothing: too little is known
  // Of a rule that asks for it: what the first condition's thresholds were made of, as its
  // alert began or, without one, now.
  std::optional<Baseline> baseline;
  Watch watch = Watch::kQuiet;
  std::string suppression;  // the entry that covers alerts of it now, or empty
};

struct Explanation {
  net::IpAddress host;
  net::EncapStack encap;  // see Alert
  bool internal = false;
  bool known = false;  // the state knows it; else the next three are 0
  HostCounts totals;   // since start; 0 of an external host
  // Of an external host: the internal ones that have conversations with it, by verdict.
  std::array<uint64_t, config::kVerdictCount> dealings = {};
  UnixNanos last_seen = 0;
  std::string asset;  // its name in the inventory, or empty, as the next
  std::string owner;
  bool shared = false;
  std::vector<std::string> groups;                   // the most specific first
  std::vector<ExplainedConversation> conversations;  // the latest first
  std::size_t more_conversations = 0;
  std::vector<ExplainedRule> rules;  // in configuration order
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_EXPLANATION_H_

#include "lib/control/summary.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/config/amount.h"
#include "lib/control/failure_log.h"

namespace mailtap::control {
namespace {

using config::Amount;
using config::AmountOf;
using config::Metric;
using config::Noun;
using config::Verdict;

absl::string_view Display(Service service) {
  switch (service) {
    case Service::kSmtp:
      return "SMTP";
    case Service::kImap:
      return "IMAP";
    case Service::kPop3:
      return "POP3";
  }
  return "";
}

absl::string_view Plural(double count, absl::string_view one, absl::string_view many) {
  return count == 1 ? one : many;
}

std::string HostName(const Alert& alert) {
  if (alert.scope == config::Scope::kSite) return "The site";
  if (alert.scope == config::Scope::kGroup) return absl::StrCat("Group ", alert.asset);
  return absl::StrCat(net::ToString(alert.host),
                      alert.asset.empty() ? "" : absl::StrCat(" (", alert.asset, ")"),
                      alert.encap.depth == 0 ? "" : " in ", net::ToString(alert.encap));
}

// "sent 52.4 MB", "was talking to 41 peers"
std::string Deed(const Alert& alert) {
  const std::string amount = Amount(alert.metric, alert.value);
  switch (alert.metric) {
    case Metric::kSentBytes:
      return absl::StrCat("sent ", amount);
    case Metric::kReceivedBytes:
      return absl::StrCat("received ", amount);
    case Metric::kSessions:
      return absl::StrCat("had ", amount, Plural(alert.value, " session", " sessions"));
    case Metric::kMessages:
      return absl::StrCat("had ", amount, Plural(alert.value, " message", " messages"),
                          " accepted");
    case Metric::kDistinctPeers:
      return absl::StrCat("talked to ", amount,
                          Plural(alert.value, " different peer", " different peers"));
    case Metric::kNewPeers:
      return absl::StrCat("talked to ", amount, Plural(alert.value, " peer", " peers"),
                          " that it never met before");
    case Metric::kSentReceivedRatio:
      return absl::StrCat("sent ", amount, " times the bytes that it received");
    case Metric::kRejected:
      return absl::StrCat("had ", amount, Plural(alert.value, " message", " messages"),
                          " refused");
    case Metric::kFailedSessions:
      return absl::StrCat("had ", amount, Plural(alert.value, " connection", " connections"),
                          " that came to nothing");
  }
  return "";
}

// "(12 hosts)" behind the name of a group or of the site.
std::string Hosts(const Alert& alert, const Parties& parties) {
  if (alert.scope == config::Scope::kHost) return "";
  return absl::StrCat(" (", parties.hosts,
                      Plural(static_cast<double>(parties.hosts), " host)", " hosts)"));
}

// ", with 180 messages refused" for each further condition.
std::string Besides(const Alert& alert) {
  std::string text;
  for (const AlertCondition& condition : alert.conditions) {
    absl::StrAppend(&text, text.empty() ? ", besides " : ", ", Noun(condition.metric), " ",
                    Amount(condition.metric, condition.value), " within ",
                    FormatDuration(condition.window_seconds));
  }
  return text;
}

// " by SMTP and IMAP"
std::string Services(const Alert& alert, const Parties& parties) {
  if (parties.services.size() < 2) return absl::StrCat(" by ", Display(alert.service));
  std::string text;
  int left = parties.services.size();
  for (const Service service : {Service::kSmtp, Service::kImap, Service::kPop3}) {
    if (!parties.services.Contains(static_cast<int>(service))) continue;
    --left;
    absl::StrAppend(&text,
                    text.empty() ? " by "
                    : left == 0  ? " and "
                                 : ", ",
                    Display(service));
  }
  return text;
}

// What the verdicts say of the peers, before and behind the word for these.
struct Standing {
  absl::string_view before, behind;
};

Standing StandingOf(const Alert& alert, const Parties& parties) {
  const auto met = [&](Verdict verdict) {
    return parties.verdicts.size() == 0 ? verdict == alert.verdict
                                        : parties.verdicts.Contains(static_cast<int>(verdict));
  };
  const bool external = met(Verdict::kUnapprovedExternal);
  const bool internal = met(Verdict::kUnapprovedInternal);
  const bool approved = met(Verdict::kApproved) || met(Verdict::kInbound);
  if (approved) {
    return external || internal ? Standing{"", ", approved ones among them"}
                                : Standing{"approved ", ""};
  }
  if (!external && !internal) return {};
  Standing standing;
  if (external != internal) standing.before = external ? "external " : "internal ";
  standing.behind = alert.role == Role::kServer ? " that no relay entry covers"
                                                : Plural(static_cast<double>(parties.peers),
                                                         " that is not an approved relay",
                                                         " that are not approved relays");
  return standing;
}

// " to 3 external servers that are not approved relays"
std::string Partners(const Alert& alert, const Parties& parties) {
  const std::size_t peers = parties.peers;
  if (alert.metric == Metric::kFailedSessions && peers == 0) return "";
  // With distinct peers the number is the value, and has been said.
  const bool said = alert.metric == Metric::kDistinctPeers;
  // Of a scan no more are told apart.
  const bool most = alert.metric == Metric::kFailedSessions && peers >= FailureLog::kMostPeers;
  const std::string number = said ? "" : absl::StrCat(most ? "at least " : "", peers, " ");
  const absl::string_view kind = alert.role == Role::kClient
                                     ? Plural(peers, "server", "servers")
                                     : Plural(peers, "client", "clients");
  const Standing standing = StandingOf(alert, parties);
  return absl::StrCat(said ? ", " : " with ", number, standing.before, kind, standing.behind);
}

// ", most with 198.51.100.7 port 25 (mx.example.net): 41.2 MB sent, 80 kB received"
std::string Most(const Alert& alert, std::size_t peers) {
  if (alert.top_peers.empty()) return "";
  const AlertPeer& top = alert.top_peers.front();
  const std::string name = top.name.empty() ? "" : absl::StrCat(" (", top.name, ")");
  const std::string amount =
      alert.metric == Metric::kFailedSessions
          ? absl::StrCat(top.sessions, Plural(static_cast<double>(top.sessions), " connection",
                                              " connections"))
          : absl::StrCat(FormatBytes(top.sent), " sent, ", FormatBytes(top.received),
                         " received");
  return absl::StrCat(", ", peers > 1 ? "most with " : "", net::ToString(top.peer), " port ",
                      top.port, name, ": ", amount);
}

// ", although its mail is expected to go by relay entry "gateway" or "cloud mail","
std::string Expected(const Alert& alert) {
  constexpr std::size_t kMost = 2;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, alert.expected_relays.size()); ++i) {
    absl::StrAppend(&text,
                    i == 0 ? ", although its mail is expected to go by relay entry " : " or ",
                    "\"", alert.expected_relays[i].name, "\"");
  }
  return text.empty() ? "" : text + ",";
}

std::string Advice(const Alert& alert) {
  const absl::string_view host = alert.scope == config::Scope::kHost ? "the host" : "each host";
  switch (alert.verdict) {
    case Verdict::kUnapprovedExternal:
      return alert.role == Role::kClient
                 ? absl::StrCat("check which program on ", host, " sends mail there",
                                Expected(alert),
                                " and whether it may; if the server is a relay of yours, add "
                                "it to the inventory")
                 : absl::StrCat("check why ", host, " serves mail to the outside and what was ",
                                "fetched; if it is a mail server of yours, add it to the ",
                                "inventory");
    case Verdict::kUnapprovedInternal:
      return alert.role == Role::kClient
                 ? "check whether the internal server is a mail relay that the inventory "
                   "lacks, or one that nobody set up on purpose"
                 : absl::StrCat("check whether ", host, " is meant to be a mail server; if it ",
                                "is, add it to the inventory");
    case Verdict::kApproved:
    case Verdict::kInbound:
      return absl::StrCat("the relay is approved: check whether this much mail is expected of ",
                          host);
    case Verdict::kTransit:
    case Verdict::kUnattributed:
      break;
  }
  return "check where the traffic comes from";
}

// What has to be known of an address that stands for several clients.
absl::string_view Sharing(const Alert& alert) {
  return alert.shared ? "; the address is shared: how many clients are behind it, and which of "
                        "them it was, can't be told from here"
                      : "";
}

// ", usual at this hour of the week: 20.0 kB (the host's median of 5 weeks)". An alert keeps
// the threshold that it was raised by, and may be updated in another hour.
std::string Usual(const Alert& alert) {
  if (!alert.baseline) return "";
  return absl::StrCat(", usual at ",
                      alert.state == AlertState::kUpdated
                          ? "the hour of the week in which the alert began"
                          : "this hour of the week",
                      ": ", Amount(alert.metric, alert.baseline->expected), " (the ",
                      Name(alert.baseline->of), "'s median of ", alert.baseline->weeks,
                      Plural(alert.baseline->weeks, " week)", " weeks)"));
}

std::string Threshold(const Alert& alert) {
  return absl::StrCat("rule \"", alert.rule, "\", threshold ",
                      Amount(alert.metric, alert.threshold), Usual(alert));
}

// ", and now stands at 3 rejected within 10m, below 10", of each condition that is below what
// clears: any of them may have ended the alert.
std::string Unmet(const Alert& alert) {
  std::vector<AlertCondition> conditions = {
      {alert.metric, alert.value, alert.threshold, alert.window_seconds}};
  conditions.insert(conditions.end(), alert.conditions.begin(), alert.conditions.end());
  std::string text;
  for (const AlertCondition& condition : conditions) {
    if (condition.value >= condition.threshold) continue;
    absl::StrAppend(&text, text.empty() ? ", and now stands at " : ", and at ",
                    AmountOf(condition.metric, condition.value), " within ",
                    FormatDuration(condition.window_seconds), ", below ",
                    Amount(condition.metric, condition.threshold));
  }
  return text;
}

std::string Cleared(const Alert& alert, int64_t hold_seconds) {
  const std::string held =
      hold_seconds == 0 ? "" : absl::StrCat(" for ", FormatDuration(hold_seconds));
  // Updates come seldom, and may have missed it.
  constexpr absl::string_view kAfter = ", after at most ";
  if (!alert.conditions.empty()) {
    return absl::StrCat(HostName(alert), held.empty() ? " does not meet" : " has not met",
                        " all conditions of rule \"", alert.rule, "\" as ", Name(alert.role),
                        held, Unmet(alert), kAfter, AmountOf(alert.metric, alert.highest),
                        " within ", FormatDuration(alert.window_seconds), ".");
  }
  return absl::StrCat(HostName(alert), held.empty() ? " is below " : " has been below ",
                      AmountOf(alert.metric, alert.threshold), " within ",
                      FormatDuration(alert.window_seconds), " as ", Name(alert.role), held,
                      ", and now stands at ", Amount(alert.metric, alert.value), kAfter,
                      Amount(alert.metric, alert.highest), " (rule \"", alert.rule, "\").");
}

// How an alert begins that is cleared by something else than its traffic.
std::string StandsAt(const Alert& alert) {
  return absl::StrCat(HostName(alert), " stands at ", Amount(alert.metric, alert.value), " of ",
                      Noun(alert.metric), " as ", Name(alert.role));
}

}  // namespace

std::string Summarize(const Alert& alert, const Parties& parties, int64_t hold_seconds) {
  if (alert.state == AlertState::kCleared) return Cleared(alert, hold_seconds);
  return absl::StrCat(HostName(alert), Hosts(alert, parties),
                      alert.state == AlertState::kUpdated ? " still " : " ", Deed(alert),
                      Services(alert, parties), " within ",
                      FormatDuration(alert.window_seconds), Partners(alert, parties),
                      Most(alert, parties.peers), Besides(alert), " (", Threshold(alert), "); ",
                      Advice(alert), Sharing(alert), ".");
}

std::string SummarizeSuppression(const Alert& alert, const config::Suppression& by) {
  return absl::StrCat(StandsAt(alert), "; the alert is cleared because suppression \"", by.name,
                      "\" covers it through ", config::ToString(by.expires), " (", by.reason,
                      "), not because the traffic ended.");
}

std::string SummarizeGroupGone(const Alert& alert) {
  return absl::StrCat(StandsAt(alert), " by rule \"", alert.rule,
                      "\"; the alert is cleared because a reload of the configuration removed",
                      " the group, not because the traffic ended.");
}

std::string SummarizeReload(const Alert& alert) {
  if (alert.blind_spot.has_value()) {
    return absl::StrCat("The alert is cleared because a reload of the configuration turned ",
                        alert.rule, " off or changed its window, not because the sensor sees",
                        " better now.");
  }
  return absl::StrCat(StandsAt(alert), "; the alert is cleared because ",
                      "a reload of the configuration removed rule \"", alert.rule,
                      "\" or changed what it counts, not because the traffic ended.");
}

}  // namespace mailtap::control

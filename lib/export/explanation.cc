#include "lib/export/explanation.h"

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/config/amount.h"
#include "lib/export/table.h"

namespace mailtap::exporting {
namespace {

using config::Amount;
using control::ExplainedConversation;
using control::ExplainedRule;
using control::Explanation;

constexpr auto kLeft = Table::Align::kLeft;

// Of the threshold: 100 % is not below it.
std::string Share(const control::ExplainedCondition& c) {
  const double percent = 100 * c.value / c.raise;
  return absl::StrFormat("%.0f%%", c.value < c.raise ? std::min(percent, 99.0) : percent);
}

// Wrapped, so that what follows is under the text.
void Line(std::ostream& out, std::size_t indent, const std::string& text, std::size_t width) {
  out << std::string(indent, ' ');
  WriteWrapped(out, Printable(text), indent + 2, width);
}

// Who of ours deals with an external host.
std::string Dealings(const Explanation& e) {
  std::vector<std::string> parts;
  for (int v = 0; v < config::kVerdictCount; ++v) {
    if (e.dealings[v] == 0) continue;
    parts.push_back(absl::StrCat(Name(static_cast<config::Verdict>(v)), " with ", e.dealings[v],
                                 e.dealings[v] == 1 ? " host" : " hosts"));
  }
  const std::string last =
      e.last_seen == 0 ? "" : absl::StrCat("; last mail ", FormatSeconds(e.last_seen));
  return absl::StrCat("its mail with internal hosts: ",
                      parts.empty() ? "none" : absl::StrJoin(parts, ", "), last);
}

void WriteHost(std::ostream& out, const Explanation& e, std::size_t width) {
  std::string who = net::ToString(e.host);
  if (e.encap.depth > 0) absl::StrAppend(&who, " in ", net::ToString(e.encap));
  if (!e.asset.empty()) absl::StrAppend(&who, " (", e.asset, ")");
  if (!e.owner.empty()) absl::StrAppend(&who, ", of ", e.owner);
  Line(out, 0, who, width);
  Line(out, 2,
       absl::StrCat(e.internal ? "internal" : "external: only internal hosts are judged",
                    "; groups: ", e.groups.empty() ? "none" : absl::StrJoin(e.groups, ", "),
                    e.shared ? "; stands for several clients" : ""),
       width);
  if (!e.known) {
    Line(out, 2, "The state knows no mail of it.", width);
    return;
  }
  if (!e.internal) {
    Line(out, 2, Dealings(e), width);
    return;
  }
  Line(out, 2,
       absl::StrCat("since the state began: unapproved ", FormatBytes(e.totals.unapproved_sent),
                    " sent, ", FormatBytes(e.totals.unapproved_received), " received in ",
                    e.totals.unapproved_sessions, " sessions; approved ",
                    FormatBytes(e.totals.approved_sent), " sent, ",
                    FormatBytes(e.totals.approved_received), " received in ",
                    e.totals.approved_sessions, " sessions; last mail ",
                    FormatSeconds(e.last_seen)),
       width);
}

// "approved by relay entry "gateway"", or why not.
std::string Reason(const ExplainedConversation& c) {
  switch (c.verdict) {
    case config::Verdict::kApproved:
      return absl::StrCat("approved by relay entry \"", c.relay, "\"");
    case config::Verdict::kInbound:
      return absl::StrCat("inbound: approved by relay entry \"", c.relay,
                          "\", and the client is external");
    case config::Verdict::kUnapprovedExternal:
    case config::Verdict::kUnapprovedInternal:
      return absl::StrCat(
          Name(c.verdict), ": no enforced relay entry fits, and ",
          c.verdict == config::Verdict::kUnapprovedInternal ? "both ends are internal"
                                                            : "one end is external",
          c.observed.empty() ? ""
                             : absl::StrCat("; entry \"", c.observed,
                                            "\" fits, and is on trial: it approves nothing"));
    case config::Verdict::kTransit:
      return "transit: neither end is internal, so it is not judged";
    case config::Verdict::kUnattributed:
      break;
  }
  return std::string(Name(c.verdict));
}

void WriteEntries(std::ostream& out, const ExplainedConversation& c, std::size_t width) {
  Line(out, 6,
       absl::StrCat("relay entries looked at, the nearest first",
                    c.entries.empty() ? ": there are none" : ":"),
       width);
  for (const control::ExplainedEntry& entry : c.entries) {
    const bool observes = entry.mode == config::RelayMode::kObserve;
    Line(out, 8,
         absl::StrCat("\"", entry.name, "\"", observes ? " (on trial)" : "",
                      entry.owner.empty() ? "" : absl::StrCat(" of ", entry.owner),
                      entry.file.empty() ? "" : absl::StrCat(" in ", entry.file), ": ",
                      entry.misses.empty() ? "fits" : absl::StrJoin(entry.misses, "; ")),
         width);
  }
  if (c.more_entries > 0) {
    Line(out, 8, absl::StrCat("and ", c.more_entries, " more, that fit no better"), width);
  }
}

void WriteConversation(std::ostream& out, const ExplainedConversation& c, bool internal,
                       std::size_t width) {
  const bool client = c.role == Role::kClient;
  std::string what =
      absl::StrCat(client ? "to " : "from ", net::ToString(c.peer),
                   client ? " port " : " to its port ", c.port, " by ", Name(c.service),
                   c.tls == Tls::kImplicit   ? " with TLS from the first byte"
                   : c.tls == Tls::kStarttls ? " with STARTTLS"
                                             : "");
  if (!c.name.empty()) {
    absl::StrAppend(&what, ", server ", c.name,
                    c.name_observed ? " (by a resolver's answer)" : " (its own claim)");
  }
  if (!c.seen) {
    absl::StrAppend(&what, ", not seen: what the policy would say");
  } else if (c.last_seen != 0) {
    absl::StrAppend(&what, ", last ", FormatSeconds(c.last_seen));
  }
  Line(out, 4, what, width);
  Line(out, 6, Reason(c), width);
  if (!c.claimed.empty()) {
    Line(out, 6, absl::StrCat("names claimed in it: ", absl::StrJoin(c.claimed, ", ")), width);
  }
  Line(out, 6,
       absl::StrCat("rules that count it",
                    internal || !c.peer_internal ? "" : " for the internal host", ": ",
                    c.counted_by.empty() ? "none" : absl::StrJoin(c.counted_by, ", ")),
       width);
}

void WriteConversations(std::ostream& out, const Explanation& e, bool entries,
                        std::size_t width) {
  if (e.conversations.empty()) return;
  out << "\n  Conversations\n";
  for (const ExplainedConversation& c : e.conversations) {
    WriteConversation(out, c, e.internal, width);
    if (entries) WriteEntries(out, c, width);
  }
  if (e.more_conversations > 0) {
    Line(out, 4, absl::StrCat("and ", e.more_conversations, " older ones"), width);
  }
}

std::string Subject(const ExplainedRule& rule) {
  if (rule.scope == config::Scope::kSite) return "site";
  if (rule.scope == config::Scope::kGroup) return absl::StrCat("group ", rule.group);
  return "host";
}

// Where the first threshold of a rule by the usual comes from.
std::string UsualNote(const ExplainedRule& rule) {
  const std::string whose = absl::StrCat("rule \"", rule.rule, "\" as ", Name(rule.role));
  if (!rule.baseline) {
    return absl::StrCat(whose,
                        ": what is usual at this hour of the week isn't known, so it "
                        "raises nothing; the threshold is the least that could");
  }
  const bool lasts =
      rule.watch == control::Watch::kRaised || rule.watch == control::Watch::kSuppressed;
  return absl::StrCat(
      whose, ": usual at ",
      lasts ? "the hour of the week in which the alert began, " : "this hour of the week ",
      Amount(rule.conditions[0].metric, rule.baseline->expected), " (the ",
      Name(rule.baseline->of), "'s median of ", rule.baseline->weeks, " weeks)");
}

std::string Standing(const ExplainedRule& rule) {
  std::string text(Name(rule.watch));
  if (!rule.suppression.empty()) absl::StrAppend(&text, ", covered by ", rule.suppression);
  return text;
}

void WriteRules(std::ostream& out, const Explanation& e, std::size_t width) {
  Table table({{"rule", kLeft},
               {"of", kLeft},
               {"as", kLeft},
               {"metric", kLeft},
               {"window"},
               {"value"},
               {"raise"},
               {"share"},
               {"state", kLeft}});
  std::vector<std::string> notes;
  for (const ExplainedRule& rule : e.rules) {
    if (!rule.why_not.empty()) {
      notes.push_back(absl::StrCat("rule \"", rule.rule, "\" as ", Name(rule.role),
                                   " doesn't look at the host: ", rule.why_not));
      continue;
    }
    for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
      const control::ExplainedCondition& c = rule.conditions[i];
      table.Add({i == 0 ? rule.rule : "  and", i == 0 ? Subject(rule) : "",
                 i == 0 ? std::string(Name(rule.role)) : "", std::string(Name(c.metric)),
                 FormatDuration(c.window_seconds), Amount(c.metric, c.value),
                 Amount(c.metric, c.raise), Share(c), i == 0 ? Standing(rule) : ""});
    }
    // Of nothing it doesn't matter how much would be usual.
    if (rule.baseline || (rule.by_baseline && rule.conditions[0].value > 0)) {
      notes.push_back(UsualNote(rule));
    }
  }
  out << "\n  Thresholds\n";
  if (table.empty()) {
    Line(out, 4, "no rule looks at it", width);
  } else {
    table.Write(out, {.width = width});
  }
  for (const std::string& note : notes) Line(out, 4, note, width);
}

}  // namespace

std::string ExplanationText(const ExplanationInput& input, std::size_t width) {
  std::ostringstream out;
  const int64_t age = std::max<int64_t>(0, (input.now - input.state_time) / kNanosPerSecond);
  Line(out, 0,
       absl::StrCat("As of ", FormatSeconds(input.state_time), ", ", FormatDuration(age),
                    " ago (the last checkpoint), by configuration ", input.config_version, "."),
       width);
  if (!input.state_config_version.empty() &&
      input.state_config_version != input.config_version) {
    Line(out, 0,
         absl::StrCat("The sensor judged by configuration ", input.state_config_version,
                      " then: what follows is what this one says."),
         width);
  }
  for (const Explanation& e : input.explanations) {
    out << '\n';
    WriteHost(out, e, width);
    const bool entries =
        std::any_of(e.conversations.begin(), e.conversations.end(),
                    [](const auto& c) { return !c.entries.empty() || !c.seen; });
    WriteConversations(out, e, entries, width);
    if (e.internal) WriteRules(out, e, width);
  }
  return out.str();
}

}  // namespace mailtap::exporting

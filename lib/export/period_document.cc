// A period's report for people.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lib/base/bytes.h"
#include "lib/base/mail.h"
#include "lib/config/amount.h"
#include "lib/export/document.h"
#include "lib/export/period.h"

namespace mailtap::exporting {
namespace {

constexpr auto kLeft = Table::Align::kLeft;
constexpr std::size_t kMostCandidates = 20;
constexpr std::size_t kMostGaps = 50;

std::string Stamp(UnixNanos time) { return time == 0 ? "never" : FormatSeconds(time); }

// The line that raised it may be missing, as one that the state had no room for.
std::string Raised(const PeriodAlert& alert) {
  return alert.raised != 0 ? Stamp(alert.raised) : absl::StrCat("before ", Stamp(alert.known));
}

std::string Times(uint64_t count) {
  return absl::StrCat(count, count == 1 ? " time" : " times");
}

std::string Percent(double share) { return absl::StrFormat("%.2f%%", 100 * share); }

// "10.1.0.23 in vlan:7 (Ada's laptop, Ada)"
std::string Who(const std::string& host, const std::string& encap, const std::string& asset,
                const std::string& owner) {
  std::string text = host;
  if (!encap.empty()) absl::StrAppend(&text, " in ", encap);
  if (!asset.empty() || !owner.empty()) {
    absl::StrAppend(&text, " (", asset, !asset.empty() && !owner.empty() ? ", " : "", owner,
                    ")");
  }
  return text;
}

std::string ServersOf(const PeriodHost& host) {
  std::vector<std::string> parts = host.servers;
  if (host.more_servers > 0) parts.push_back(absl::StrCat("and ", host.more_servers, " more"));
  if (host.sent_elsewhere > 0) {
    parts.push_back(
        absl::StrCat(FormatBytes(host.sent_elsewhere), " to servers not told apart"));
  } else if (parts.empty()) {
    parts.emplace_back("not told apart");
  }
  return absl::StrJoin(parts, "; ");
}

DocumentSection Hosts(const Period& period) {
  DocumentSection section;
  section.heading = "Hosts with unapproved mail";
  section.table.columns = {{"host", kLeft}, {"sent"},   {"received"},      {"sessions"},
                           {"hours"},       {"alerts"}, {"approved sent"}, {"servers", kLeft}};
  for (const PeriodHost& host : period.hosts) {
    section.table.rows.push_back(
        {Who(host.host, host.encap, host.asset, host.owner),
         FormatBytes(host.counts.unapproved_sent), FormatBytes(host.counts.unapproved_received),
         absl::StrCat(host.counts.unapproved_sessions), absl::StrCat(host.hours),
         absl::StrCat(host.alerts), FormatBytes(host.counts.approved_sent), ServersOf(host)});
  }
  if (period.more_hosts > 0) {
    section.paragraphs.push_back(absl::StrCat(
        "Hosts beyond the ", control::Hour::kMost, " with the most in their hour, ",
        Times(period.more_hosts), ": ", FormatBytes(period.others.unapproved_sent), " sent, ",
        FormatBytes(period.others.unapproved_received), " received in all."));
  }
  return section;
}

DocumentSection Alerts(const Period& period) {
  DocumentSection section;
  section.heading = "Alerts";
  section.table.columns = {{"raised", kLeft}, {"cleared", kLeft}, {"severity", kLeft},
                           {"rule", kLeft},   {"host", kLeft},    {"what", kLeft},
                           {"highest", kLeft}};
  for (const PeriodAlert& alert : period.alerts) {
    section.table.rows.push_back(
        {Raised(alert), alert.cleared == 0 ? "still open" : Stamp(alert.cleared),
         alert.severity, alert.rule, Who(alert.host, alert.encap, alert.asset, alert.owner),
         alert.summary, alert.metric ? config::AmountOf(*alert.metric, alert.highest) : "-"});
  }
  return section;
}

DocumentSection Relays(const Period& period) {
  DocumentSection section;
  section.heading = "Relays in use";
  section.note = "Hosts are the different clients, external ones too, since the state began.";
  section.table.columns = {{"relay", kLeft},     {"owner", kLeft}, {"reason", kLeft},
                           {"sessions"},         {"bytes"},        {"hosts"},
                           {"last used", kLeft}, {"mode", kLeft}};
  for (const PeriodRelay& relay : period.relays_used) {
    section.table.rows.push_back({relay.name, relay.owner.empty() ? "-" : relay.owner,
                                  relay.reason, absl::StrCat(relay.sessions),
                                  FormatBytes(relay.bytes), absl::StrCat(relay.hosts),
                                  Stamp(relay.last_used), relay.mode});
  }
  std::vector<std::string> unused;
  for (const PeriodRelay& relay : period.relays_unused) unused.push_back(relay.name);
  if (!unused.empty()) {
    section.paragraphs.push_back(
        absl::StrCat("Not used in the period: ", absl::StrJoin(unused, ", "), "."));
  }
  for (const std::string& note : period.relay_review) {
    section.paragraphs.push_back(absl::StrCat("Worth a look: ", note, "."));
  }
  return section;
}

std::string Standing(UnixNanos ends, UnixNanos now) {
  constexpr UnixNanos kSoon = control::kSoonDays * 86'400 * kNanosPerSecond;
  if (ends == 0) return "no end";
  if (ends <= now) return "expired";
  return ends - now <= kSoon ? "expires soon" : "in force";
}

std::string Reason(const std::string& reason, const std::string& ticket) {
  if (ticket.empty()) return reason;
  return absl::StrCat(reason, reason.empty() ? "" : " ", "(", ticket, ")");
}

DocumentSection Exceptions(const Period& period) {
  DocumentSection section;
  section.heading = "Exceptions";
  section.note =
      "Relay entries with a last day or on trial, and alerts that are suppressed, as of the "
      "state's time.";
  section.table.columns = {{"exception", kLeft}, {"kind", kLeft},     {"owner", kLeft},
                           {"reason", kLeft},    {"expires", kLeft},  {"state", kLeft},
                           {"use", kLeft},       {"last used", kLeft}};
  for (const PeriodRelay& relay : period.exceptions) {
    section.table.rows.push_back(
        {relay.name, relay.mode == "observe" ? "relay on trial" : "relay entry",
         relay.owner.empty() ? "-" : relay.owner, Reason(relay.reason, relay.ticket),
         relay.expires.empty() ? "never" : relay.expires,
         Standing(relay.ends, period.state_time),
         absl::StrCat(relay.sessions, " sessions, ", FormatBytes(relay.bytes)),
         Stamp(relay.last_used)});
  }
  for (const PeriodSuppression& entry : period.suppressions) {
    const std::string rules =
        entry.rules.empty() ? "every rule" : absl::StrJoin(entry.rules, ", ");
    section.table.rows.push_back(
        {absl::StrCat(entry.name, ": ", rules, " on ", absl::StrJoin(entry.hosts, ", ")),
         "suppression", entry.owner.empty() ? "-" : entry.owner,
         Reason(entry.reason, entry.ticket), entry.expires,
         Standing(entry.ends, period.state_time),
         absl::StrCat(entry.alerts, " alerts kept back"), Stamp(entry.last_used)});
  }
  return section;
}

DocumentSection Suppressed(const Period& period) {
  DocumentSection section;
  section.heading = "Suppressed alerts";
  section.table.columns = {{"time", kLeft},
                           {"suppression", kLeft},
                           {"rule", kLeft},
                           {"host", kLeft},
                           {"what", kLeft}};
  for (const PeriodAlert& alert : period.suppressed) {
    section.table.rows.push_back({Raised(alert), alert.suppression, alert.rule,
                                  Who(alert.host, alert.encap, alert.asset, alert.owner),
                                  alert.summary});
  }
  return section;
}

DocumentSection Candidates(const Period& period) {
  DocumentSection section;
  section.heading = "Candidates for the inventory";
  section.note =
      "Servers of unapproved mail that several hosts used, or that were used in several hours: "
      "relays that the inventory lacks, or findings. Nothing is approved by itself.";
  section.table.columns = {{"server", kLeft}, {"hosts"},   {"hours"},          {"sessions"},
                           {"to it"},         {"from it"}, {"verdict", kLeft}, {"note", kLeft}};
  for (const PeriodCandidate& candidate : period.candidates) {
    if (section.table.rows.size() == kMostCandidates) break;
    const control::HourServer& server = candidate.server;
    std::vector<std::string> notes;
    if (candidate.in_alerts) notes.emplace_back("in alerts: look at these first");
    if (!server.name.empty() && !server.name_observed) {
      notes.emplace_back("its name is its own claim");
    }
    section.table.rows.push_back(
        {absl::StrCat(net::ToString(server.server), server.encap.empty() ? "" : " in ",
                      server.encap, " port ", server.port, " (", Name(server.service),
                      server.name.empty() ? "" : ", ", server.name, ")"),
         absl::StrCat(server.more_clients ? "over " : "", server.clients.size()),
         absl::StrCat(candidate.hours), absl::StrCat(server.sessions),
         FormatBytes(server.bytes[kUp]), FormatBytes(server.bytes[kDown]),
         std::string(Name(server.verdict)), absl::StrJoin(notes, "; ")});
  }
  if (period.candidates.size() > kMostCandidates) {
    section.paragraphs.push_back(
        absl::StrCat("And ", period.candidates.size() - kMostCandidates, " more."));
  }
  if (period.more_servers > 0) {
    section.paragraphs.push_back(absl::StrCat(
        "Servers beyond the ", control::Hour::kMost, " with the most clients in their hour, ",
        Times(period.more_servers), ", are not told apart and stand nowhere here."));
  }
  return section;
}

DocumentSection Coverage(const Period& period) {
  DocumentSection section;
  section.heading = "Coverage and blind spots";
  section.if_empty = "No blind spot was reported.";
  section.table.columns = {{"raised", kLeft},
                           {"cleared", kLeft},
                           {"blind spot", kLeft},
                           {"port", kLeft},
                           {"what", kLeft}};
  for (const PeriodAlert& alert : period.blind_spots) {
    section.table.rows.push_back(
        {Raised(alert), alert.cleared == 0 ? "still open" : Stamp(alert.cleared), alert.rule,
         alert.port.empty() ? "-" : alert.port, alert.summary});
  }
  const control::HourCapture& c = period.capture;
  const control::Confidence sight = c.sight.confidence();
  section.paragraphs.push_back(
      absl::StrCat(c.packets, " packets were looked at; ", c.dropped, " were lost by ports, ",
                   c.snapped, " captured short, ", c.undecodable, " could not be decoded."));
  section.paragraphs.push_back(absl::StrCat(
      "Of the mail's bytes ", Percent(sight.loss_ratio), " were inferred and never seen, ",
      Percent(sight.repeat_ratio), " seen twice, ", Percent(sight.one_way_ratio),
      " of which only one direction is seen."));
  for (std::size_t i = 0; i < std::min(kMostGaps, period.gaps.size()); ++i) {
    const PeriodGap& gap = period.gaps[i];
    section.paragraphs.push_back(
        absl::StrCat("From ", FormatSeconds(gap.from), " to ", FormatSeconds(gap.to),
                     " the sensor did not judge for ", FormatDuration(gap.seconds), "."));
  }
  if (period.gaps.size() > kMostGaps) {
    section.paragraphs.push_back(
        absl::StrCat("And ", period.gaps.size() - kMostGaps, " more such times."));
  }
  if (period.cut_down_hours > 0) {
    section.paragraphs.push_back(
        absl::StrCat("Hours of which only sums are known, as the state could not be stored for "
                     "too long: ",
                     period.cut_down_hours, ". Their hosts, servers and relays are lost."));
  }
  return section;
}

DocumentSection Mail(const Period& period) {
  DocumentSection section;
  section.heading = "Mail by service and verdict";
  section.if_empty = "No mail was seen.";
  section.table.columns = {
      {"service", kLeft}, {"verdict", kLeft}, {"sessions"}, {"client sent"}, {"server sent"}};
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      const control::HourTotals& t = period.totals[s][v];
      if (t.empty()) continue;
      section.table.rows.push_back(
          {std::string(kServiceNames[s]), std::string(config::kVerdictNames[v]),
           absl::StrCat(t.sessions), FormatBytes(t.bytes[kUp]), FormatBytes(t.bytes[kDown])});
    }
  }
  return section;
}

Document DocumentOf(const Period& period) {
  const int64_t seconds = (period.until - period.since) / kNanosPerSecond;
  Document document;
  document.title = "mailtap report";
  document.facts = {
      {"Period", absl::StrCat(FormatSeconds(period.since), " to ", FormatSeconds(period.until),
                              " (", FormatDuration(seconds), ")")},
      {"Counted",
       period.counted_to == 0
           ? std::string("no hour of it")
           : absl::StrCat("mail by whole hours, ", FormatSeconds(period.counted_from), " to ",
                          FormatSeconds(period.counted_to), "; alerts to the second")},
      {"Covered", absl::StrCat(FormatDuration(period.covered_seconds), " (",
                               Percent(control::Share(
                                   static_cast<uint64_t>(period.covered_seconds),
                                   static_cast<uint64_t>(std::max<int64_t>(0, seconds)))),
                               ")")},
      {"State", absl::StrCat("of ", period.source, ", as of ", Stamp(period.state_time))},
      {"Configuration", period.config_version}};
  document.sections = {Hosts(period),      Alerts(period),     Relays(period),
                       Exceptions(period), Suppressed(period), Candidates(period),
                       Coverage(period),   Mail(period)};
  return document;
}

}  // namespace

std::string PeriodText(const Period& period, std::size_t width) {
  return DocumentText(DocumentOf(period), width);
}

std::string PeriodHtml(const Period& period) { return DocumentHtml(DocumentOf(period)); }

}  // namespace mailtap::exporting

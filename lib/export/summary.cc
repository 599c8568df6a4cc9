#include "lib/export/summary.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/base/bytes.h"
#include "lib/base/mail.h"
#include "lib/config/amount.h"
#include "lib/config/config.h"
#include "lib/net/address.h"

namespace mailtap::exporting {
namespace {

constexpr auto kLeft = Table::Align::kLeft;

// 1234567 -> "1,234,567": a person compares counts with those of other tools.
std::string Grouped(uint64_t value) {
  std::string digits = absl::StrCat(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string Colored(const TextStyle& style, absl::string_view code, absl::string_view text) {
  if (!style.color) return std::string(text);
  return absl::StrCat("\033[", code, "m", text, "\033[0m");
}

absl::string_view ColorOf(config::Severity severity) {
  constexpr absl::string_view kColors[config::kSeverityCount] = {"36", "33", "31", "1;31"};
  return kColors[static_cast<int>(severity)];
}

void WriteHeading(std::ostream& out, const TextStyle& style, absl::string_view text) {
  out << '\n' << Colored(style, "1", text) << '\n';
}

std::string Seconds(double seconds) {
  return seconds < 60 ? absl::StrFormat("%.2fs", seconds)
                      : FormatDuration(static_cast<int64_t>(seconds));
}

std::string Percent(double share) { return absl::StrFormat("%.2f%%", 100 * share); }

// "4.21 M packets/s, 22.1 Gbit/s (1.20s)"
std::string Speed(const ReportInput& report, double seconds) {
  const double divisor = std::max(seconds, 1e-9);
  const auto packets = static_cast<uint64_t>(static_cast<double>(report.packets) / divisor);
  const auto bits = static_cast<uint64_t>(static_cast<double>(report.bytes) * 8 / divisor);
  return absl::StrCat(FormatCount(packets), " packets/s, ", FormatCount(bits),
                      bits < 1000 ? " bit/s (" : "bit/s (", Seconds(seconds), ")");
}

void WriteFacts(std::ostream& out, const SummaryInput& input, const TextStyle& style) {
  const ReportInput& report = input.report;
  const auto line = [&](absl::string_view name, const std::string& text) {
    out << Colored(style, "1", absl::StrFormat("%-12s", std::string(name)));
    WriteWrapped(out, text, 12, style.width);
  };
  line("packets", absl::StrCat(Grouped(report.packets), " (", FormatBytes(report.bytes), ")"));
  if (report.packets == 0) return;
  const UnixNanos span = report.last_packet - report.first_packet;
  line("time span", absl::StrCat(FormatRfc3339(report.first_packet), " to ",
                                 FormatRfc3339(report.last_packet), " (",
                                 Seconds(static_cast<double>(span) / kNanosPerSecond), ")"));
  line("speed", Speed(report, input.seconds));
  const control::Confidence& capture = report.snapshot->capture_in_all;
  line("capture", absl::StrCat("loss ", Percent(capture.loss_ratio), ", repeats ",
                               Percent(capture.repeat_ratio), ", duplicates ",
                               Percent(capture.duplicate_ratio), ", one-way ",
                               Percent(capture.one_way_ratio)));
}

void WriteMail(std::ostream& out, const control::Snapshot& snapshot, const TextStyle& style) {
  Table table({{"service", kLeft},
               {"verdict", kLeft},
               {"sessions"},
               {"failed"},
               {"messages"},
               {"client sent"},
               {"server sent"}});
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      const control::Totals& t = snapshot.totals[s][v];
      const uint64_t up = t.bytes[kUp].volume(), down = t.bytes[kDown].volume();
      if (t.sessions + t.failed_sessions + up + down == 0) continue;
      // What some sessions hide is missing from the sum.
      const std::string messages =
          absl::StrCat(t.hidden_sessions > 0 ? "at least " : "", Grouped(t.messages));
      table.Add({std::string(kServiceNames[s]), std::string(config::kVerdictNames[v]),
                 Grouped(t.sessions), Grouped(t.failed_sessions), messages, FormatBytes(up),
                 FormatBytes(down)});
    }
  }
  WriteHeading(out, style, "Mail by service and verdict");
  if (table.empty()) {
    out << "  no mail traffic seen\n";
    return;
  }
  table.Write(out, style);
}

void WriteHosts(std::ostream& out, const SummaryInput& input, const TextStyle& style) {
  Table table({{"host", kLeft},
               {"sent"},
               {"received"},
               {"sessions"},
               {"approved sent"},
               {"approved received"}});
  std::size_t with_unapproved = 0;
  for (const control::HostTotals& host : input.report.hosts) {
    if (host.unapproved_sessions + host.unapproved_sent + host.unapproved_received == 0) {
      continue;
    }
    if (with_unapproved++ >= input.top_hosts) continue;
    std::string name = net::ToString(host.host);
    if (host.encap.depth > 0) absl::StrAppend(&name, " in ", net::ToString(host.encap));
    table.Add({std::move(name), FormatBytes(host.unapproved_sent),
               FormatBytes(host.unapproved_received), Grouped(host.unapproved_sessions),
               FormatBytes(host.approved_sent), FormatBytes(host.approved_received)});
  }
  WriteHeading(out, style, "Hosts by unapproved sent bytes");
  if (table.empty()) {
    out << "  none\n";
    return;
  }
  table.Write(out, style);
  if (with_unapproved > input.top_hosts) {
    out << "  and " << Grouped(with_unapproved - input.top_hosts) << " more\n";
  }
}

// ", 3 suppressed"
std::string Suppressed(const ReportInput& report) {
  uint64_t suppressed = 0;
  for (const control::AlertCount& count : report.snapshot->alerts) {
    suppressed += count.suppressed;
  }
  return suppressed == 0 ? "" : absl::StrCat(", ", suppressed, " suppressed");
}

void WriteAlertsHeading(std::ostream& out, const SummaryInput& input, const TextStyle& style,
                        uint64_t raised, uint64_t open) {
  WriteHeading(out, style,
               absl::StrCat("Alerts (", Grouped(raised), " raised, ", Grouped(open),
                            " still open", Suppressed(input.report), ")"));
}

// Where the alerts went on and were not kept.
void WriteAlertCounts(std::ostream& out, const SummaryInput& input, const TextStyle& style) {
  uint64_t raised = 0, open = 0;
  Table table({{"rule", kLeft}, {"severity", kLeft}, {"raised"}, {"still open"}});
  for (const control::AlertCount& count : input.report.snapshot->alerts) {
    if (count.raised == 0) continue;
    raised += count.raised;
    open += count.active;
    table.Add({count.rule, std::string(Name(count.severity)), Grouped(count.raised),
               Grouped(count.active)});
  }
  WriteAlertsHeading(out, input, style, raised, open);
  if (table.empty()) {
    out << "  none\n";
  } else {
    table.Write(out, style);
  }
}

// An alert's sentence says how high it was when it was last told of.
std::string Highest(const AlertHistory& history) {
  if (!history.alert.by_rule()) return "";
  return "; highest " + config::Amount(history.alert.metric, history.highest_value);
}

void WriteAlerts(std::ostream& out, const SummaryInput& input, const TextStyle& style) {
  const std::vector<AlertHistory>& alerts = input.report.alerts;
  if (alerts.empty()) return WriteAlertCounts(out, input, style);
  const auto open = std::count_if(alerts.begin(), alerts.end(),
                                  [](const AlertHistory& a) { return a.cleared == 0; });
  WriteAlertsHeading(out, input, style, alerts.size(), static_cast<uint64_t>(open));
  for (std::size_t i = 0; i < std::min(alerts.size(), input.top_alerts); ++i) {
    const AlertHistory& history = alerts[i];
    const std::string severity = std::string(Name(history.alert.severity));
    out << "  " << Colored(style, ColorOf(history.alert.severity), severity)
        << std::string(10 - severity.size(), ' ');
    WriteWrapped(out, Printable(history.alert.summary), 12, style.width);
    out << "            raised " << FormatRfc3339(history.raised)
        << (history.cleared == 0 ? std::string(", still open")
                                 : ", cleared " + FormatRfc3339(history.cleared))
        << Highest(history) << "\n            rule \"" << Printable(history.alert.rule)
        << "\", alert " << Printable(history.alert.id) << '\n';
  }
  if (alerts.size() > input.top_alerts) {
    out << "  and " << Grouped(alerts.size() - input.top_alerts) << " more\n";
  }
}

bool IsOfTable(const DropCount& drop) {
  return absl::StartsWith(drop.reason, kFullTablePrefix);
}

void WriteDrops(std::ostream& out, const ReportInput& report, const TextStyle& style) {
  Table table({{"reason", kLeft}, {"packets"}, {"share"}});
  for (const DropCount& drop : report.drops) {
    if (drop.packets == 0 || IsOfTable(drop)) continue;
    const uint64_t all = std::max<uint64_t>(1, report.packets + report.missed);
    const double share = static_cast<double>(drop.packets) / static_cast<double>(all);
    table.Add({drop.reason, Grouped(drop.packets), Percent(share)});
  }
  if (table.empty()) return;
  WriteHeading(out, style, "Packets that were not looked into");
  table.Write(out, style);
}

void WriteFullTables(std::ostream& out, const ReportInput& report, const TextStyle& style) {
  Table table({{"table", kLeft}, {"times"}});
  for (const DropCount& drop : report.drops) {
    if (drop.packets == 0 || !IsOfTable(drop)) continue;
    table.Add({drop.reason.substr(kFullTablePrefix.size()), Grouped(drop.packets)});
  }
  if (table.empty()) return;
  WriteHeading(out, style, "Tables that had no room");
  table.Write(out, style);
}

void WriteWarnings(std::ostream& out, const SummaryInput& input, const TextStyle& style) {
  std::vector<std::string> warnings;
  for (const CaptureRead& capture : input.report.captures) {
    if (!capture.damage.empty()) {
      warnings.push_back(absl::StrCat(capture.path, ": damaged after ",
                                      Grouped(capture.packets),
                                      " packets, which are counted: ", capture.damage));
    }
    if (!capture.clock.empty()) {
      warnings.push_back(absl::StrCat(capture.path, ": ", capture.clock));
    }
  }
  warnings.insert(warnings.end(), input.warnings.begin(), input.warnings.end());
  if (warnings.empty()) return;
  WriteHeading(out, style, "Warnings");
  for (const std::string& warning : warnings) {
    out << "  " << Colored(style, "33", "!") << ' ';
    WriteWrapped(out, Printable(warning), 4, style.width);
  }
}

}  // namespace

void WriteSummary(std::ostream& out, const SummaryInput& input, const TextStyle& style) {
  WriteFacts(out, input, style);
  WriteMail(out, *input.report.snapshot, style);
  WriteHosts(out, input, style);
  WriteAlerts(out, input, style);
  WriteDrops(out, input.report, style);
  WriteFullTables(out, input.report, style);
  WriteWarnings(out, input, style);
}

}  // namespace mailtap::exporting

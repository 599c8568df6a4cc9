#include "lib/export/report.h"

#include <map>
#include <string>
#include <utility>

#include "lib/base/mail.h"
#include "lib/config/config.h"
#include "lib/export/file_writer.h"
#include "lib/export/json.h"
#include "lib/export/undecodable.h"
#include "lib/net/address.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;

// Version of the report object; grows when a field changes its meaning or goes.
constexpr int kReportSchema = 1;

Json Text(absl::string_view text) { return std::string(text); }

Json TimeOrNull(UnixNanos time) {
  if (time == 0) return nullptr;
  return FormatRfc3339(time);
}

// The first tick at which an entry no longer counts.
Json EndOrNull(int64_t tick) {
  if (tick == INT64_MAX) return nullptr;
  return FormatRfc3339(StartOfTick(tick));
}

Json CapturesJson(const std::vector<CaptureRead>& captures) {
  Json array = Json::array();
  for (const CaptureRead& capture : captures) {
    array.push_back({{"path", capture.path},
                     {"packets", capture.packets},
                     {"bytes", capture.bytes},
                     {"snapped", capture.snapped},
                     {"damage", TextOrNull(capture.damage)},
                     {"clock", TextOrNull(capture.clock)}});
  }
  return array;
}

Json DropsJson(const std::vector<DropCount>& drops) {
  Json object = Json::object();
  for (const DropCount& drop : drops) object[drop.reason] = drop.packets;
  return object;
}

// Every service and verdict, so that a zero can be told from a missing one.
Json TotalsJson(const control::Snapshot& snapshot) {
  Json array = Json::array();
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      const control::Totals& totals = snapshot.totals[s][v];
      const meter::DirectionBytes& up = totals.bytes[kUp];
      const meter::DirectionBytes& down = totals.bytes[kDown];
      array.push_back({{"service", Text(kServiceNames[s])},
                       {"verdict", Text(config::kVerdictNames[v])},
                       {"sessions", totals.sessions},
                       {"failed_sessions", totals.failed_sessions},
                       {"messages", totals.messages},
                       {"rejected", totals.rejected},
                       {"rejected_4xx", totals.rejected_transient},
                       {"rejected_5xx", totals.rejected_permanent},
                       {"recipients", totals.recipients},
                       {"retrievals", totals.retrievals},
                       {"text_up", totals.text_bytes[kUp]},
                       {"text_down", totals.text_bytes[kDown]},
                       {"hidden_sessions", totals.hidden_sessions},
                       {"bytes_up", up.volume()},
                       {"bytes_down", down.volume()},
                       {"inferred_up", up.inferred},
                       {"inferred_down", down.inferred},
                       {"repeated_up", up.repeated},
                       {"repeated_down", down.repeated},
                       {"duplicate_up", up.duplicate},
                       {"duplicate_down", down.duplicate},
                       {"one_way", totals.one_way},
                       {"packets_up", up.packets},
                       {"packets_down", down.packets}});
    }
  }
  return array;
}

Json HostsJson(const std::vector<control::HostTotals>& hosts) {
  Json array = Json::array();
  for (const control::HostTotals& host : hosts) {
    array.push_back({{"host", net::ToString(host.host)},
                     {"encap", EncapNames(host.encap)},
                     {"unapproved_sent", host.unapproved_sent},
                     {"unapproved_received", host.unapproved_received},
                     {"unapproved_sessions", host.unapproved_sessions},
                     {"approved_sent", host.approved_sent},
                     {"approved_received", host.approved_received},
                     {"approved_sessions", host.approved_sessions}});
  }
  return array;
}

Json RelaysJson(const std::vector<control::RelayUse>& relays) {
  Json array = Json::array();
  for (const control::RelayUse& relay : relays) {
    // A relay file may hold very many; RelayFilesJson() counts those that nobody used.
    if (!relay.file.empty() && relay.last_used == 0) continue;
    array.push_back({{"name", relay.name},
                     {"file", TextOrNull(relay.file)},
                     {"owner", TextOrNull(relay.owner)},
                     {"reason", TextOrNull(relay.reason)},
                     {"ticket", TextOrNull(relay.ticket)},
                     {"expires", TextOrNull(relay.expires)},
                     {"ends", EndOrNull(relay.ends)},
                     {"mode", Text(Name(relay.mode))},
                     {"hosts", relay.hosts},
                     {"sessions", relay.sessions},
                     {"bytes", relay.bytes},
                     {"last_used", TimeOrNull(relay.last_used)}});
  }
  return array;
}

Json RelayFilesJson(const std::vector<control::RelayUse>& relays) {
  Json array = Json::array();
  for (const control::RelayUse& relay : relays) {
    if (relay.file.empty()) continue;
    // The entries of a file stand together.
    if (array.empty() || array.back()["path"] != relay.file) {
      array.push_back({{"path", relay.file}, {"entries", 0}, {"used", 0}});
    }
    Json& file = array.back();
    file["entries"] = file["entries"].get<uint64_t>() + 1;
    if (relay.last_used != 0) file["used"] = file["used"].get<uint64_t>() + 1;
  }
  return array;
}

// At most the first kMostNotes: a relay file may give very many.
Json RelayNotesJson(const std::vector<control::RelayNote>& notes) {
  constexpr std::size_t kMostNotes = 1'000;
  Json array = Json::array();
  for (const control::RelayNote& note : notes) {
    if (array.size() == kMostNotes) break;
    array.push_back(note.text);
  }
  return array;
}

Json AlertCountsJson(const std::vector<control::AlertCount>& counts) {
  Json array = Json::array();
  for (const control::AlertCount& count : counts) {
    array.push_back({{"rule", count.rule},
                     {"severity", Text(Name(count.severity))},
                     {"raised", count.raised},
                     {"cleared", count.cleared},
                     {"active", count.active},
                     {"suppressed", count.suppressed}});
  }
  return array;
}

Json AlertsJson(const std::vector<AlertHistory>& alerts) {
  Json array = Json::array();
  for (const AlertHistory& history : alerts) {
    const control::Alert& alert = history.alert;
    AlertSubject subject = SubjectOf(alert);
    array.push_back({{"id", alert.id},
                     {"rule", alert.rule},
                     {"severity", Text(Name(alert.severity))},
                     {"state", Text(Name(alert.state))},
                     {"raised", TimeOrNull(history.raised)},
                     {"cleared", TimeOrNull(history.cleared)},
                     {"updates", history.updates},
                     {"host", std::move(subject.host)},
                     {"encap", std::move(subject.encap)},
                     {"role", std::move(subject.role)},
                     {"verdict", std::move(subject.verdict)},
                     {"service", std::move(subject.service)},
                     {"port", TextOrNull(alert.port)},
                     {"relay", TextOrNull(alert.relay)},
                     {"metric", MetricName(alert)},
                     {"highest_value", AlertNumber(alert, history.highest_value)},
                     {"threshold", AlertNumber(alert, alert.threshold)},
                     {"window_seconds", alert.window_seconds},
                     {"summary", alert.summary}});
  }
  return array;
}

Json OpenPeaksJson(const std::vector<control::OpenPeak>& peaks) {
  std::map<std::string, double> highest;  // in an order that is the same on every run
  for (const control::OpenPeak& peak : peaks) highest[peak.id] = peak.highest;
  return highest;
}

Json SuppressionsJson(const std::vector<control::SuppressionUse>& suppressions) {
  Json array = Json::array();
  for (const control::SuppressionUse& use : suppressions) {
    const config::Suppression& entry = use.entry;
    Json hosts = Json::array();
    for (const net::Prefix& prefix : entry.hosts) hosts.push_back(net::ToString(prefix));
    array.push_back({{"name", entry.name},
                     {"hosts", std::move(hosts)},
                     {"rules", entry.rules.empty() ? Json(nullptr) : Json(entry.rules)},
                     {"expires", config::ToString(entry.expires)},
                     {"ends", EndOrNull(entry.ends)},
                     {"reason", entry.reason},
                     {"owner", TextOrNull(entry.owner)},
                     {"ticket", TextOrNull(entry.ticket)},
                     {"alerts", use.alerts},
                     {"last_used", TimeOrNull(use.last_used)}});
  }
  return array;
}

Json SuppressedJson(const std::vector<control::Alert>& alerts) {
  Json array = Json::array();
  for (const control::Alert& alert : alerts) {
    array.push_back({{"time", TimeOrNull(alert.time)},
                     {"rule", alert.rule},
                     {"host", net::ToString(alert.host)},
                     {"encap", EncapNames(alert.encap)},
                     {"role", Text(Name(alert.role))},
                     {"metric", MetricName(alert)},
                     {"value", AlertNumber(alert, alert.value)},
                     {"threshold", AlertNumber(alert, alert.threshold)},
                     {"window_seconds", alert.window_seconds},
                     {"suppression", alert.suppression},
                     {"summary", alert.summary}});
  }
  return array;
}

}  // namespace

std::string ReportJson(const ReportInput& input) {
  const control::Snapshot& snapshot = *input.snapshot;
  const Json report = {{"schema", kReportSchema},
                       {"config_version", snapshot.config_version},
                       {"packets", input.packets},
                       {"bytes", input.bytes},
                       {"first_packet", TimeOrNull(input.first_packet)},
                       {"last_packet", TimeOrNull(input.last_packet)},
                       {"captures", CapturesJson(input.captures)},
                       {"cut_packets", input.cut_packets},
                       {"capture", ConfidenceJson(snapshot.capture_in_all)},
                       {"drops", DropsJson(input.drops)},
                       {"undecodable", UndecodableJson(&snapshot, input.drops)},
                       {"totals", TotalsJson(snapshot)},
                       {"hosts", HostsJson(input.hosts)},
                       {"relays", RelaysJson(input.relays)},
                       {"relay_files", RelayFilesJson(input.relays)},
                       {"relay_review", RelayNotesJson(input.relay_notes)},
                       {"alert_counts", AlertCountsJson(snapshot.alerts)},
                       {"alerts", AlertsJson(input.alerts)},
                       {"open_alerts_highest", OpenPeaksJson(input.open_peaks)},
                       {"suppressions", SuppressionsJson(input.suppressions)},
                       {"suppressed", SuppressedJson(input.suppressed)}};
  return Dump(report, 2) + "\n";
}

absl::Status WriteReport(const std::string& path, const ReportInput& input) {
  return WriteWholeFile(path, ReportJson(input));
}

}  // namespace mailtap::exporting

// A period's report for programs.
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/export/json.h"
#include "lib/export/period.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;

// Version of the object; grows when a field changes its meaning or goes.
constexpr int kPeriodSchema = 1;

Json TimeOrNull(UnixNanos time) {
  if (time == 0) return nullptr;
  return FormatRfc3339(time);
}

Json CountsJson(const control::HostCounts& counts) {
  return {{"unapproved_sent", counts.unapproved_sent},
          {"unapproved_received", counts.unapproved_received},
          {"unapproved_sessions", counts.unapproved_sessions},
          {"approved_sent", counts.approved_sent},
          {"approved_received", counts.approved_received},
          {"approved_sessions", counts.approved_sessions}};
}

Json HostsJson(const Period& period) {
  Json array = Json::array();
  for (const PeriodHost& host : period.hosts) {
    Json json = {{"host", host.host},
                 {"encap", TextOrNull(host.encap)},
                 {"asset", TextOrNull(host.asset)},
                 {"owner", TextOrNull(host.owner)}};
    json.update(CountsJson(host.counts));
    json["hours"] = host.hours;
    json["alerts"] = host.alerts;
    json["servers"] = host.servers;
    json["more_servers"] = host.more_servers;
    json["sent_elsewhere"] = host.sent_elsewhere;
    array.push_back(std::move(json));
  }
  return array;
}

Json AlertsJson(const std::vector<PeriodAlert>& alerts) {
  Json array = Json::array();
  for (const PeriodAlert& alert : alerts) {
    array.push_back(
        {{"id", alert.id},
         {"rule", alert.rule},
         {"severity", alert.severity},
         {"raised", TimeOrNull(alert.raised)},
         {"known_since", TimeOrNull(alert.known)},
         {"cleared", TimeOrNull(alert.cleared)},
         {"host", TextOrNull(alert.host)},
         {"encap", TextOrNull(alert.encap)},
         {"role", TextOrNull(alert.role)},
         {"asset", TextOrNull(alert.asset)},
         {"owner", TextOrNull(alert.owner)},
         {"port", TextOrNull(alert.port)},
         {"suppression", TextOrNull(alert.suppression)},
         {"metric", alert.metric ? Json(std::string(Name(*alert.metric))) : Json()},
         {"highest", alert.metric ? MetricNumber(*alert.metric, alert.highest) : Json()},
         {"summary", alert.summary}});
  }
  return array;
}

Json RelaysJson(const std::vector<PeriodRelay>& relays) {
  Json array = Json::array();
  for (const PeriodRelay& relay : relays) {
    array.push_back({{"name", relay.name},
                     {"file", TextOrNull(relay.file)},
                     {"owner", TextOrNull(relay.owner)},
                     {"reason", TextOrNull(relay.reason)},
                     {"ticket", TextOrNull(relay.ticket)},
                     {"mode", relay.mode},
                     {"expires", TextOrNull(relay.expires)},
                     {"ends", TimeOrNull(relay.ends)},
                     {"sessions", relay.sessions},
                     {"bytes", relay.bytes},
                     {"hosts_since_start", relay.hosts},
                     {"last_used", TimeOrNull(relay.last_used)}});
  }
  return array;
}

Json SuppressionsJson(const Period& period) {
  Json array = Json::array();
  for (const PeriodSuppression& entry : period.suppressions) {
    array.push_back({{"name", entry.name},
                     {"hosts", entry.hosts},
                     {"rules", entry.rules.empty() ? Json(nullptr) : Json(entry.rules)},
                     {"owner", TextOrNull(entry.owner)},
                     {"reason", entry.reason},
                     {"ticket", TextOrNull(entry.ticket)},
                     {"expires", entry.expires},
                     {"ends", TimeOrNull(entry.ends)},
                     {"expired", entry.ends <= period.state_time},
                     {"alerts", entry.alerts},
                     {"last_used", TimeOrNull(entry.last_used)}});
  }
  return array;
}

Json CandidatesJson(const Period& period) {
  Json array = Json::array();
  for (const PeriodCandidate& candidate : period.candidates) {
    const control::HourServer& server = candidate.server;
    Json clients = Json::array();
    for (const net::IpAddress& client : server.clients) {
      clients.push_back(net::ToString(client));
    }
    array.push_back({{"server", net::ToString(server.server)},
                     {"encap", TextOrNull(server.encap)},
                     {"port", server.port},
                     {"service", std::string(Name(server.service))},
                     {"verdict", std::string(Name(server.verdict))},
                     {"internal", server.internal},
                     {"name", TextOrNull(server.name)},
                     {"name_source", server.name.empty()    ? Json(nullptr)
                                     : server.name_observed ? Json("dns")
                                                            : Json("claimed")},
                     {"hours", candidate.hours},
                     {"sessions", server.sessions},
                     {"bytes_up", server.bytes[kUp]},
                     {"bytes_down", server.bytes[kDown]},
                     {"clients", std::move(clients)},
                     {"more_clients", server.more_clients},
                     {"in_alerts", candidate.in_alerts}});
  }
  return array;
}

Json CoverageJson(const Period& period) {
  Json gaps = Json::array();
  for (const PeriodGap& gap : period.gaps) {
    gaps.push_back({{"from", FormatRfc3339(gap.from)},
                    {"to", FormatRfc3339(gap.to)},
                    {"seconds", gap.seconds}});
  }
  return {{"seconds", (period.until - period.since) / kNanosPerSecond},
          {"covered_seconds", period.covered_seconds},
          {"gaps", std::move(gaps)},
          {"cut_down_hours", period.cut_down_hours},
          {"packets", period.capture.packets},
          {"dropped", period.capture.dropped},
          {"snapped", period.capture.snapped},
          {"undecodable", period.capture.undecodable},
          {"mail", ConfidenceJson(period.capture.sight.confidence())},
          {"blind_spots", AlertsJson(period.blind_spots)}};
}

Json TotalsJson(const Period& period) {
  Json array = Json::array();
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      array.push_back(HourTotalsJson(period.totals, s, v));
    }
  }
  return array;
}

}  // namespace

std::string PeriodJson(const Period& period) {
  const Json json = {
      {"schema", kPeriodSchema},
      {"since", FormatRfc3339(period.since)},
      {"until", FormatRfc3339(period.until)},
      {"counted_from", TimeOrNull(period.counted_from)},
      {"counted_to", TimeOrNull(period.counted_to)},
      {"source", period.source},
      {"state_time", FormatRfc3339(period.state_time)},
      {"config_version", period.config_version},
      {"totals", TotalsJson(period)},
      {"hosts", HostsJson(period)},
      {"more_hosts", period.more_hosts},
      {"others", CountsJson(period.others)},
      {"alerts", AlertsJson(period.alerts)},
      {"relays_used", RelaysJson(period.relays_used)},
      {"relays_unused", RelaysJson(period.relays_unused)},
      {"relay_review", period.relay_review},
      {"exceptions",
       {{"relays", RelaysJson(period.exceptions)}, {"suppressions", SuppressionsJson(period)}}},
      {"suppressed", AlertsJson(period.suppressed)},
      {"candidates", CandidatesJson(period)},
      {"more_servers", period.more_servers},
      {"coverage", CoverageJson(period)}};
  return Dump(json, 2) + "\n";
}

}  // namespace mailtap::exporting

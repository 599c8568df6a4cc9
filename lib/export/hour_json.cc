#include "lib/export/hour_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/export/json.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;
using control::Hour;
using control::HourCapture;
using control::HourHost;
using control::HourServer;

Json CaptureJson(const HourCapture& c) {
  return {{"seconds", c.seconds},           {"packets", c.packets},
          {"dropped", c.dropped},           {"snapped", c.snapped},
          {"undecodable", c.undecodable},   {"volume", c.sight.volume},
          {"inferred", c.sight.inferred},   {"repeated", c.sight.repeated},
          {"duplicate", c.sight.duplicate}, {"followed", c.sight.followed},
          {"one_way", c.sight.one_way}};
}

HourCapture CaptureOf(const Json& json) {
  HourCapture c;
  json.at("seconds").get_to(c.seconds);
  json.at("packets").get_to(c.packets);
  json.at("dropped").get_to(c.dropped);
  json.at("snapped").get_to(c.snapped);
  json.at("undecodable").get_to(c.undecodable);
  json.at("volume").get_to(c.sight.volume);
  json.at("inferred").get_to(c.sight.inferred);
  json.at("repeated").get_to(c.sight.repeated);
  json.at("duplicate").get_to(c.sight.duplicate);
  json.at("followed").get_to(c.sight.followed);
  json.at("one_way").get_to(c.sight.one_way);
  return c;
}

// Only what is not 0: most of it is.
Json TotalsJson(const Hour& hour) {
  Json array = Json::array();
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      if (!hour.totals[s][v].empty()) array.push_back(HourTotalsJson(hour.totals, s, v));
    }
  }
  return array;
}

Json CountsJson(const control::HostCounts& c) {
  return {c.unapproved_sent, c.unapproved_received, c.unapproved_sessions,
          c.approved_sent,   c.approved_received,   c.approved_sessions};
}

control::HostCounts CountsOf(const Json& json) {
  control::HostCounts c;
  json.at(0).get_to(c.unapproved_sent);
  json.at(1).get_to(c.unapproved_received);
  json.at(2).get_to(c.unapproved_sessions);
  json.at(3).get_to(c.approved_sent);
  json.at(4).get_to(c.approved_received);
  json.at(5).get_to(c.approved_sessions);
  return c;
}

Json HostJson(const HourHost& host) {
  return {{"host", net::ToString(host.host)},
          {"encap", host.encap},
          {"asset", host.asset},
          {"owner", host.owner},
          {"counts", CountsJson(host.counts)}};
}

Json ServerJson(const HourServer& server) {
  Json clients = Json::array();
  for (const net::IpAddress& client : server.clients) clients.push_back(net::ToString(client));
  return {{"server", net::ToString(server.server)},
          {"encap", server.encap},
          {"port", server.port},
          {"service", std::string(Name(server.service))},
          {"verdict", std::string(Name(server.verdict))},
          {"internal", server.internal},
          {"name", server.name},
          {"observed", server.name_observed},
          {"sessions", server.sessions},
          {"bytes_up", server.bytes[kUp]},
          {"bytes_down", server.bytes[kDown]},
          {"clients", std::move(clients)},
          {"client_sent", server.client_sent},
          {"more_clients", server.more_clients}};
}

Json ActJson(const control::HourAct& act) {
  return {{"host", net::ToString(act.host)},
          {"encap", act.encap},
          {"role", std::string(Name(act.role))},
          {"service", std::string(Name(act.service))},
          {"external", act.external},
          {"sessions", act.sessions},
          {"sent", act.sent},
          {"received", act.received},
          {"peers", act.peers},
          {"more_peers", act.more_peers}};
}

Json PeaksJson(const control::HourPeaks& rule) {
  Json peaks = Json::array();
  for (const control::HourPeak& peak : rule.peaks) {
    peaks.push_back(
        {net::ToString(peak.host), peak.encap, std::string(Name(peak.role)), peak.value});
  }
  return {{"rule", rule.rule},
          {"metric", std::string(Name(rule.metric))},
          {"window", rule.window_seconds},
          {"peaks", std::move(peaks)},
          {"more", rule.more}};
}

// The exceptions of a value that is missing or not of its kind end up in ParseHour().
net::IpAddress AddressOf(const Json& json) {
  const auto address = net::ParseAddress(json.get<std::string>());
  if (!address.ok()) throw Json::other_error::create(501, "no address", nullptr);
  return *address;
}

template <typename Enum, std::size_t N>
Enum EnumOf(const Json& json, const std::array<absl::string_view, N>& names) {
  const auto value = FromName<Enum>(names, json.get<std::string>());
  if (!value) throw Json::other_error::create(501, "no such name", nullptr);
  return *value;
}

HourHost HostOf(const Json& json) {
  HourHost host;
  host.host = AddressOf(json.at("host"));
  json.at("encap").get_to(host.encap);
  json.at("asset").get_to(host.asset);
  json.at("owner").get_to(host.owner);
  host.counts = CountsOf(json.at("counts"));
  return host;
}

HourServer ServerOf(const Json& json) {
  HourServer server;
  server.server = AddressOf(json.at("server"));
  json.at("encap").get_to(server.encap);
  json.at("port").get_to(server.port);
  server.service = EnumOf<Service>(json.at("service"), kServiceNames);
  server.verdict = EnumOf<config::Verdict>(json.at("verdict"), config::kVerdictNames);
  json.at("internal").get_to(server.internal);
  json.at("name").get_to(server.name);
  json.at("observed").get_to(server.name_observed);
  json.at("sessions").get_to(server.sessions);
  json.at("bytes_up").get_to(server.bytes[kUp]);
  json.at("bytes_down").get_to(server.bytes[kDown]);
  for (const Json& client : json.at("clients")) server.clients.push_back(AddressOf(client));
  json.at("more_clients").get_to(server.more_clients);
  // Hours of before the clients were told apart by it lack it.
  if (json.contains("client_sent")) json.at("client_sent").get_to(server.client_sent);
  if (!server.client_sent.empty() && server.client_sent.size() != server.clients.size()) {
    throw Json::other_error::create(501, "not one a client", nullptr);
  }
  return server;
}

control::HourAct ActOf(const Json& json) {
  control::HourAct act;
  act.host = AddressOf(json.at("host"));
  json.at("encap").get_to(act.encap);
  act.role = EnumOf<Role>(json.at("role"), kRoleNames);
  act.service = EnumOf<Service>(json.at("service"), kServiceNames);
  json.at("external").get_to(act.external);
  json.at("sessions").get_to(act.sessions);
  json.at("sent").get_to(act.sent);
  json.at("received").get_to(act.received);
  json.at("peers").get_to(act.peers);
  json.at("more_peers").get_to(act.more_peers);
  return act;
}

control::HourPeaks PeaksOf(const Json& json) {
  control::HourPeaks rule;
  json.at("rule").get_to(rule.rule);
  rule.metric = EnumOf<config::Metric>(json.at("metric"), config::kMetricNames);
  json.at("window").get_to(rule.window_seconds);
  for (const Json& peak : json.at("peaks")) {
    control::HourPeak& row = rule.peaks.emplace_back();
    row.host = AddressOf(peak.at(0));
    peak.at(1).get_to(row.encap);
    row.role = EnumOf<Role>(peak.at(2), kRoleNames);
    peak.at(3).get_to(row.value);
  }
  json.at("more").get_to(rule.more);
  return rule;
}

Hour HourOf(const Json& json) {
  Hour hour;
  json.at("hour").get_to(hour.hour);
  json.at("first_tick").get_to(hour.first_tick);
  hour.capture = CaptureOf(json.at("capture"));
  for (const Json& total : json.at("totals")) {
    const auto service = EnumOf<Service>(total.at("service"), kServiceNames);
    const auto verdict = EnumOf<config::Verdict>(total.at("verdict"), config::kVerdictNames);
    control::HourTotals& t = hour.totals[static_cast<int>(service)][static_cast<int>(verdict)];
    total.at("sessions").get_to(t.sessions);
    total.at("bytes_up").get_to(t.bytes[kUp]);
    total.at("bytes_down").get_to(t.bytes[kDown]);
  }
  for (const Json& host : json.at("hosts")) hour.hosts.push_back(HostOf(host));
  json.at("more_hosts").get_to(hour.more_hosts);
  hour.others = CountsOf(json.at("others"));
  for (const Json& server : json.at("servers")) hour.servers.push_back(ServerOf(server));
  json.at("more_servers").get_to(hour.more_servers);
  for (const Json& relay : json.at("relays")) {
    control::HourRelay& row = hour.relays.emplace_back();
    relay.at("name").get_to(row.name);
    relay.at("sessions").get_to(row.sessions);
    relay.at("bytes").get_to(row.bytes);
  }
  hour.cut_down = json.value("cut_down", false);  // most lack it
  // Written since there is a learning mode.
  if (!json.contains("acts")) return hour;
  for (const Json& act : json.at("acts")) hour.acts.push_back(ActOf(act));
  json.at("more_acts").get_to(hour.more_acts);
  for (const Json& rule : json.at("peaks")) hour.peaks.push_back(PeaksOf(rule));
  return hour;
}

}  // namespace

std::string HourJson(const Hour& hour) {
  Json hosts = Json::array(), servers = Json::array(), relays = Json::array();
  Json acts = Json::array(), peaks = Json::array();
  for (const HourHost& host : hour.hosts) hosts.push_back(HostJson(host));
  for (const HourServer& server : hour.servers) servers.push_back(ServerJson(server));
  for (const control::HourRelay& relay : hour.relays) {
    relays.push_back(
        {{"name", relay.name}, {"sessions", relay.sessions}, {"bytes", relay.bytes}});
  }
  for (const control::HourAct& act : hour.acts) acts.push_back(ActJson(act));
  for (const control::HourPeaks& rule : hour.peaks) peaks.push_back(PeaksJson(rule));
  Json json{{"hour", hour.hour},
            {"first_tick", hour.first_tick},
            {"capture", CaptureJson(hour.capture)},
            {"totals", TotalsJson(hour)},
            {"hosts", std::move(hosts)},
            {"more_hosts", hour.more_hosts},
            {"others", CountsJson(hour.others)},
            {"servers", std::move(servers)},
            {"more_servers", hour.more_servers},
            {"relays", std::move(relays)},
            {"acts", std::move(acts)},
            {"more_acts", hour.more_acts},
            {"peaks", std::move(peaks)}};
  if (hour.cut_down) json["cut_down"] = true;
  return Dump(json);
}

absl::StatusOr<Hour> ParseHour(absl::string_view json) {
  try {
    return HourOf(Json::parse(json.begin(), json.end()));
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("no hour of mailtap: ", error.what()));
  }
}

}  // namespace mailtap::exporting

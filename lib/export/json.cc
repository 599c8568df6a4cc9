#include "lib/export/json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/net/address.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;

// Version of the alert object; grows when a field changes its meaning or goes.
constexpr int kAlertSchema = 1;

Json Text(absl::string_view text) { return std::string(text); }

// Six decimals are finer than any capture's truth and coarser than a double's last bits, which
// differ with the order of a sum. Adding zero turns -0.0 into 0.0.
Json Ratio(double value) { return std::round(value * 1e6) / 1e6 + 0.0; }

Json CountOrNull(uint32_t count) {
  if (count == meter::SessionRecord::kUnknownCount) return nullptr;
  return count;
}

// What a 5xx reply refused: all that no 4xx did.
Json RefusedForGood(const meter::SessionRecord& record) {
  if (record.rejected == meter::SessionRecord::kUnknownCount) return nullptr;
  return record.rejected - record.rejected_transient;
}

// Bytes of messages that `service` moves that way; null for the others.
Json MessageBytes(const meter::SessionRecord& record, Service service, Direction direction) {
  const uint64_t bytes = record.text_bytes[direction];
  if (record.key.service != service || bytes == meter::SessionRecord::kUnknownBytes) {
    return nullptr;
  }
  return bytes;
}

Json NameSource(const control::AlertPeer& peer) {
  if (peer.name.empty()) return nullptr;
  return peer.name_observed ? "dns" : "claimed";
}

// The states that the bits of `tls` stand for.
Json TlsJson(uint8_t tls) {
  Json array = Json::array();
  for (int i = 0; i < kTlsCount; ++i) {
    if ((tls >> i & 1) != 0) array.push_back(Text(kTlsNames[i]));
  }
  return array;
}

Json ExpectedJson(const std::vector<control::ExpectedRelay>& relays) {
  Json array = Json::array();
  for (const control::ExpectedRelay& relay : relays) {
    array.push_back({{"relay", relay.name},
                     {"owner", TextOrNull(relay.owner)},
                     {"servers", relay.servers},
                     {"ports", relay.ports}});
  }
  return array;
}

Json PeerJson(const control::AlertPeer& peer) {
  return {{"peer", net::ToString(peer.peer)},  //
          {"name", TextOrNull(peer.name)},
          {"name_source", NameSource(peer)},
          {"port", peer.port},
          {"sent", peer.sent},
          {"received", peer.received},
          {"sessions", peer.sessions},
          {"tls", TlsJson(peer.tls)},
          {"verdict", Text(Name(peer.verdict))}};
}

Json PeersJson(const std::vector<control::AlertPeer>& peers) {
  Json array = Json::array();
  for (const control::AlertPeer& peer : peers) array.push_back(PeerJson(peer));
  return array;
}

Json BaselineJson(const control::Alert& alert) {
  if (!alert.baseline) return nullptr;
  return {{"expected", MetricNumber(alert.metric, alert.baseline->expected)},
          {"deviation", Ratio(alert.baseline->deviation)},
          {"weeks", alert.baseline->weeks},
          {"of", Text(Name(alert.baseline->of))}};
}

Json ConditionsJson(const std::vector<control::AlertCondition>& conditions) {
  Json array = Json::array();
  for (const control::AlertCondition& condition : conditions) {
    array.push_back({{"metric", Text(Name(condition.metric))},
                     {"value", MetricNumber(condition.metric, condition.value)},
                     {"threshold", MetricNumber(condition.metric, condition.threshold)},
                     {"window_seconds", condition.window_seconds}});
  }
  return array;
}

Json AddressesJson(const std::vector<net::IpAddress>& addresses) {
  Json array = Json::array();
  for (const net::IpAddress& address : addresses) array.push_back(net::ToString(address));
  return array;
}

}  // namespace

Json MetricNumber(config::Metric metric, double value) {
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  const bool counts = metric != config::Metric::kSentReceivedRatio;
  if (counts && value == std::floor(value) && std::abs(value) <= kLargestExact) {
    return static_cast<int64_t>(value);
  }
  return Ratio(value);
}

Json MetricName(const control::Alert& alert) {
  if (!alert.relay.empty()) return "covered_hosts";
  if (!alert.blind_spot.has_value()) return Text(Name(alert.metric));
  switch (*alert.blind_spot) {
    case config::BlindSpotKind::kSilentPort:
      return "silent_seconds";
    case config::BlindSpotKind::kTableFull:
      return "shortages";
    default:
      return absl::StrCat(Name(*alert.blind_spot), "_ratio");
  }
}

Json AlertNumber(const control::Alert& alert, double value) {
  if (!alert.blind_spot.has_value()) return MetricNumber(alert.metric, value);
  // Half a shortage, the default to clear below, is no integer.
  if (config::IsShare(*alert.blind_spot) || value != std::floor(value)) return Ratio(value);
  return static_cast<int64_t>(value);
}

AlertSubject SubjectOf(const control::Alert& alert) {
  if (!alert.by_rule()) return {nullptr, Json::array(), nullptr, nullptr, nullptr};
  const bool host = alert.scope == config::Scope::kHost;
  return {host ? Json(net::ToString(alert.host)) : Json(nullptr), EncapNames(alert.encap),
          Text(Name(alert.role)), Text(Name(alert.verdict)), Text(Name(alert.service))};
}

Json ConfidenceJson(const control::Confidence& confidence) {
  return {{"loss_ratio", Ratio(confidence.loss_ratio)},
          {"repeat_ratio", Ratio(confidence.repeat_ratio)},
          {"duplicate_ratio", Ratio(confidence.duplicate_ratio)},
          {"one_way_ratio", Ratio(confidence.one_way_ratio)}};
}

Json HourTotalsJson(const control::HourTotalsTable& totals, int service, int verdict) {
  const control::HourTotals& t = totals[service][verdict];
  return {{"service", Text(kServiceNames[service])},
          {"verdict", Text(config::kVerdictNames[verdict])},
          {"sessions", t.sessions},
          {"bytes_up", t.bytes[kUp]},
          {"bytes_down", t.bytes[kDown]}};
}

Json EncapNames(const net::EncapStack& stack) {
  Json names = Json::array();
  for (uint32_t i = 0; i < stack.depth; ++i) names.push_back(net::ToString(stack.layers[i]));
  return names;
}

Json TextOrNull(absl::string_view text) {
  if (text.empty()) return nullptr;
  return Text(text);
}

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string ValidUtf8(absl::string_view text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return std::string(text);
  return Json::parse(Dump(Text(text))).get<std::string>();
}

std::string ToJsonLine(const control::JudgedSession& session) {
  const meter::SessionRecord& record = session.record;
  const meter::DirectionBytes& up = record.bytes[kUp];
  const meter::DirectionBytes& down = record.bytes[kDown];
  return Dump(Json{{"first_seen", FormatRfc3339(record.first_seen)},
                   {"last_seen", FormatRfc3339(record.last_seen)},
                   {"client", net::ToString(record.key.client)},
                   {"client_port", record.client_port},
                   {"server", net::ToString(record.key.server)},
                   {"server_port", record.key.server_port},
                   {"service", Text(Name(record.key.service))},
                   {"evidence", Text(Name(record.evidence))},
                   {"tls", Text(Name(record.tls))},
                   {"sni", TextOrNull(session.sni)},
                   {"via", record.via == Via::kNone ? Json() : Text(Name(record.via))},
                   {"bytes_up", up.volume()},
                   {"bytes_down", down.volume()},
                   {"inferred_up", up.inferred},
                   {"inferred_down", down.inferred},
                   {"repeated_up", up.repeated},
                   {"repeated_down", down.repeated},
                   {"packets_up", up.packets},
                   {"packets_down", down.packets},
                   {"messages", CountOrNull(record.messages)},
                   {"rejected", CountOrNull(record.rejected)},
                   {"rejected_4xx", CountOrNull(record.rejected_transient)},
                   {"rejected_5xx", RefusedForGood(record)},
                   {"recipients", CountOrNull(record.recipients)},
                   {"message_bytes", MessageBytes(record, Service::kSmtp, kUp)},
                   {"appended_bytes", MessageBytes(record, Service::kImap, kUp)},
                   {"fetched_bytes", MessageBytes(record, Service::kImap, kDown)},
                   {"retrievals", CountOrNull(record.retrievals)},
                   {"retrieved_bytes", MessageBytes(record, Service::kPop3, kDown)},
                   {"established", record.established},
                   {"verdict", Text(Name(session.verdict))},
                   {"relay", TextOrNull(session.relay)},
                   {"encap", EncapNames(record.encap)}});
}

std::string ToJsonLine(const control::Alert& alert, absl::string_view sensor) {
  AlertSubject subject = SubjectOf(alert);
  Json json = {{"schema", kAlertSchema},
               {"sensor", Text(sensor)},
               {"id", alert.id},
               {"state", Text(Name(alert.state))},
               {"time", FormatRfc3339(alert.time)},
               {"rule", alert.rule},
               {"severity", Text(Name(alert.severity))},
               {"scope", alert.by_rule() ? Json(Text(Name(alert.scope))) : Json(nullptr)},
               {"host", std::move(subject.host)},
               {"encap", std::move(subject.encap)},
               {"role", std::move(subject.role)},
               {"verdict", std::move(subject.verdict)},
               {"asset", TextOrNull(alert.asset)},
               {"owner", TextOrNull(alert.owner)},
               {"service", std::move(subject.service)},
               {"port", TextOrNull(alert.port)},
               {"relay", TextOrNull(alert.relay)},
               {"hosts", AddressesJson(alert.hosts)},
               {"metric", MetricName(alert)},
               {"value", AlertNumber(alert, alert.value)},
               {"highest", alert.relay.empty() ? AlertNumber(alert, alert.highest) : Json()},
               {"threshold", AlertNumber(alert, alert.threshold)},
               {"window_seconds", alert.window_seconds},
               {"conditions", ConditionsJson(alert.conditions)},
               {"baseline", BaselineJson(alert)},
               {"first_seen", FormatRfc3339(alert.first_seen)},
               {"last_seen", FormatRfc3339(alert.last_seen)},
               {"top_peers", PeersJson(alert.top_peers)},
               {"expected_relays", ExpectedJson(alert.expected_relays)},
               {"confidence", ConfidenceJson(alert.confidence)},
               {"attack",
                {{"technique", "T1071.003"},  // Application Layer Protocol: Mail
                 {"analytic", "AN0382"},
                 {"detection", "DET0135"}}},
               {"config_version", alert.config_version},
               {"summary", alert.summary}};
  if (alert.state == control::AlertState::kSuppressed) json["suppression"] = alert.suppression;
  return Dump(json);
}

}  // namespace mailtap::exporting

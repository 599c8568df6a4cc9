#include "tests/unit/control/testing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mailtap::control {

net::IpAddress Ip(const std::string& text) { return net::ParseAddress(text).value(); }
net::Prefix Net(const std::string& text) { return net::ParsePrefix(text).value(); }

config::Config BaseConfig() {
  config::Config config;
  config.sensor.name = "test";
  config.version = "0123456789ab";
  for (config::BlindSpot& spot : config.blind_spots) spot.enabled = false;
  config.networks.internal = {Net("10.0.0.0/8"), Net("fd00::/8")};
  return config;
}

config::Rule BytesRule(const std::string& name) {
  config::Rule rule;
  rule.name = name;
  rule.window_seconds = 60;
  rule.raise = 1000;
  rule.clear = 500;
  rule.hold_seconds = 0;
  return rule;
}

config::Config OneRule() {
  config::Config config = BaseConfig();
  config.rules = {BytesRule()};
  return config;
}

config::Rule NewPeersRule() {
  config::Rule rule = BytesRule("new peers");
  rule.metric = config::Metric::kNewPeers;
  rule.verdicts = {config::Verdict::kUnapprovedExternal, config::Verdict::kApproved};
  rule.raise = rule.clear = 1;
  return rule;
}

config::Relay Relay(const std::string& name) {
  config::Relay relay;
  relay.name = name;
  return relay;
}

config::Relay RelayTo(const std::string& name, const std::string& destination) {
  config::Relay relay = Relay(name);
  relay.destinations = {Net(destination)};
  return relay;
}

config::BlindSpot SilentPort() {
  config::BlindSpot spot = config::Config().blind_spot(config::BlindSpotKind::kSilentPort);
  spot.enabled = true;
  spot.minimum = 1;
  spot.raise = 10;
  spot.clear = 5;
  spot.hold_seconds = 0;
  return spot;
}

meter::DeltaRecord Delta(const std::string& client, const std::string& server, int64_t tick,
                         uint64_t up, uint64_t down, uint16_t port, Service service) {
  meter::DeltaRecord delta;
  delta.key.client = Ip(client);
  delta.key.server = Ip(server);
  delta.key.server_port = port;
  delta.key.service = service;
  delta.bytes[kUp].observed = up;
  delta.bytes[kUp].packets = 1;
  delta.bytes[kDown].observed = down;
  delta.bytes[kDown].packets = 1;
  delta.first_seen = StartOfTick(tick);
  delta.last_seen = StartOfTick(tick) + kNanosPerMilli;
  delta.sessions = 1;
  return delta;
}

meter::AnswerRecord Answer(const std::string& name, const std::string& address, int64_t tick,
                           uint32_t ttl, const std::string& by) {
  meter::AnswerRecord answer;
  answer.server = Ip(by);
  answer.time = StartOfTick(tick);
  answer.ttl = ttl;
  answer.length = static_cast<uint8_t>(name.size());
  std::copy(name.begin(), name.end(), answer.name);
  answer.address_count = 1;
  answer.addresses[0] = Ip(address);
  return answer;
}

meter::ConversationKey Key(const std::string& client, const std::string& server, uint16_t port,
                           Service service) {
  return Delta(client, server, 0, 0, 0, port, service).key;
}

void Bench::Tick(const meter::DeltaRecord& delta) {
  control.Apply(delta);
  control.EndTick(TickOf(delta.first_seen));
}

std::string Volumes(const Control& control) {
  const auto snapshot = control.MakeSnapshot();
  std::string text;
  for (int v = 0; v < config::kVerdictCount; ++v) {
    uint64_t bytes = 0;
    for (int s = 0; s < kServiceCount; ++s) bytes += snapshot->totals[s][v].bytes[kUp].volume();
    if (bytes == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", config::kVerdictNames[v], "=", bytes);
  }
  return text;
}

std::string Describe(const Alert& alert) {
  std::string text = absl::StrFormat(
      "%s %s@%d %s %s %s/%s/%s %s value=%.17g highest=%.17g threshold=%.17g window=%d "
      "seen=%d..%d",
      std::string(Name(alert.state)), alert.rule, alert.time, net::ToString(alert.host),
      std::string(Name(alert.role)), std::string(Name(alert.verdict)),
      std::string(Name(alert.service)), std::string(Name(alert.metric)),
      std::string(Name(alert.severity)), alert.value, alert.highest, alert.threshold,
      alert.window_seconds, alert.first_seen, alert.last_seen);
  absl::StrAppendFormat(&text, " loss=%.17g repeat=%.17g duplicate=%.17g oneway=%.17g",
                        alert.confidence.loss_ratio, alert.confidence.repeat_ratio,
                        alert.confidence.duplicate_ratio, alert.confidence.one_way_ratio);
  if (alert.scope != config::Scope::kHost) {
    absl::StrAppend(&text, " of ", Name(alert.scope), " ", alert.asset);
  }
  for (const AlertCondition& condition : alert.conditions) {
    absl::StrAppendFormat(&text, "\n  and %s value=%.17g threshold=%.17g window=%d",
                          std::string(Name(condition.metric)), condition.value,
                          condition.threshold, condition.window_seconds);
  }
  for (const AlertPeer& peer : alert.top_peers) {
    absl::StrAppend(&text, "\n    ", net::ToString(peer.peer), ":", peer.port, "[", peer.name,
                    "] ", peer.sent, "/", peer.received, " x", peer.sessions, " ",
                    Name(peer.verdict));
  }
  return text;
}

std::vector<std::string> Describe(const std::vector<Alert>& alerts) {
  std::vector<std::string> lines;
  for (const Alert& alert : alerts) lines.push_back(Describe(alert));
  return lines;
}

std::vector<std::string> Visible(const RecordingOutput& output, const Control& control) {
  std::vector<std::string> lines;
  for (const Alert& alert : output.alerts) {
    lines.push_back(absl::StrCat(alert.id, " ", Describe(alert), alert.asset, alert.summary));
  }
  const auto snapshot = control.MakeSnapshot();
  for (const HostGauge& g : snapshot->host_gauges) {
    lines.push_back(absl::StrCat("gauge ", g.rule, " ", net::ToString(g.host), " ",
                                 Name(g.role), " ", g.value, " ", g.alerting));
  }
  for (const HostTotals& h : control.RankedHosts()) {
    lines.push_back(absl::StrCat("host ", net::ToString(h.host), " ", h.unapproved_sent, " ",
                                 h.approved_sent, " ", h.unapproved_sessions));
  }
  for (const HostSight& s : snapshot->host_sights) {
    lines.push_back(absl::StrCat("sight ", net::ToString(s.host), " ", s.confidence.loss_ratio,
                                 " ", s.confidence.one_way_ratio));
  }
  for (const AlertCount& c : snapshot->alerts) {
    lines.push_back(
        absl::StrCat("count ", c.rule, " ", c.raised, " ", c.cleared, " ", c.active));
  }
  for (const RelayUse& r : snapshot->relays) {
    lines.push_back(absl::StrCat("relay ", r.name, " ", r.hosts, " ", r.sessions, " ", r.bytes,
                                 " ", r.last_used));
  }
  lines.push_back(absl::StrCat("known ", snapshot->conversations_known, " tracked ",
                               snapshot->hosts_tracked, " ticks ", snapshot->ticks, " oneway ",
                               snapshot->capture_in_all.one_way_ratio, " next ",
                               control.NextEventTick()));
  return lines;
}

std::vector<std::string> Changes(const std::vector<Alert>& alerts) {
  std::vector<std::string> changes;
  for (const Alert& alert : alerts) {
    changes.push_back(
        absl::StrCat(Name(alert.state), " @", alert.time / kNanosPerSecond - kT0));
  }
  return changes;
}

}  // namespace mailtap::control

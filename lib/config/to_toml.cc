#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/time.h"
#include "lib/config/findings.h"
#include "lib/config/parse.h"
#include "lib/config/quantity.h"

namespace mailtap::config {
namespace {

// Appends "key = value" lines under a heading.
class Writer {
 public:
  void Heading(absl::string_view heading) {
    absl::StrAppend(&out_, out_.empty() ? "" : "\n", heading, "\n");
  }
  void Raw(absl::string_view key, absl::string_view value) {
    absl::StrAppend(&out_, key, " = ", value, "\n");
  }
  void Comment(absl::string_view text) { absl::StrAppend(&out_, "# ", text, "\n"); }
  void Bool(absl::string_view key, bool value) { Raw(key, value ? "true" : "false"); }
  void Text(absl::string_view key, absl::string_view value) { Raw(key, Quoted(value)); }
  void Integer(absl::string_view key, int64_t value) { Raw(key, absl::StrCat(value)); }
  void Duration(absl::string_view key, int64_t seconds) { Text(key, FormatDuration(seconds)); }
  void Size(absl::string_view key, int64_t bytes) { Text(key, FormatSize(bytes)); }
  void Threshold(absl::string_view key, bool is_bytes, double value) {
    if (is_bytes) return Size(key, static_cast<int64_t>(value));
    Raw(key, FormatNumber(value));
  }

  void List(absl::string_view key, const std::vector<std::string>& items) {
    constexpr size_t kWidest = 96;
    const std::string line = absl::StrCat("[", absl::StrJoin(items, ", "), "]");
    if (line.size() + key.size() <= kWidest) return Raw(key, line);
    Raw(key, absl::StrCat("[\n  ", absl::StrJoin(items, ",\n  "), ",\n]"));
  }
  // As List; an empty list means "any" and is what leaving the key out means.
  template <typename T, typename Format>
  void AnyOrList(absl::string_view key, const std::vector<T>& values, Format format) {
    if (values.empty()) {
      Comment(absl::StrCat(key, ": any"));
    } else {
      List(key, Each(values, format));
    }
  }

  template <typename T, typename Format>
  static std::vector<std::string> Each(const std::vector<T>& values, Format format) {
    std::vector<std::string> items;
    items.reserve(values.size());
    for (const T& value : values) items.push_back(format(value));
    return items;
  }

  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string PrefixItem(const net::Prefix& prefix) { return Quoted(net::ToString(prefix)); }
std::string PortItem(uint16_t port) { return absl::StrCat(port); }
std::string TextItem(const std::string& text) { return Quoted(text); }
template <typename Enum>
std::string NameItem(Enum value) {
  return Quoted(Name(value));
}

// What an entry and a file of entries have in common.
void WriteTerms(Writer& w, const Relay& relay) {
  w.Text("trust", Name(relay.trust));
  w.AnyOrList("services", relay.services, NameItem<Service>);
  w.AnyOrList("ports", relay.ports, PortItem);
  if (relay.direction) {
    w.Text("direction", Name(*relay.direction));
  } else {
    w.Comment("direction: any");
  }
  w.Text("owner", relay.owner);
  w.Text("reason", relay.reason);
  w.Text("ticket", relay.ticket);
  if (relay.expires) {
    w.Raw("expires", ToString(*relay.expires));
  } else {
    w.Comment("expires: never");
  }
  w.Text("mode", Name(relay.mode));
}

void WriteRelay(Writer& w, const Relay& relay) {
  w.Heading("[[relay]]");
  w.Text("name", relay.name);
  w.AnyOrList("sources", relay.sources, PrefixItem);
  w.AnyOrList("destinations", relay.destinations, PrefixItem);
  w.AnyOrList("names", relay.names, TextItem);
  WriteTerms(w, relay);
}

void WriteRelayFile(Writer& w, const RelayFile& file) {
  w.Heading("[[relay_file]]");
  w.Text("name", file.entry.name);
  w.Text("path", file.path);
  w.Text("format", Name(file.format));
  if (file.format == RelayFormat::kMicrosoft365) {
    w.AnyOrList("service_areas", file.service_areas, TextItem);
  }
  w.AnyOrList("sources", file.entry.sources, PrefixItem);
  WriteTerms(w, file.entry);
}

void WriteGroup(Writer& w, const Group& group) {
  w.Heading("[[group]]");
  w.Text("name", group.name);
  w.AnyOrList("members", group.members, PrefixItem);
  w.AnyOrList("roles", group.roles, TextItem);
  w.AnyOrList("units", group.units, TextItem);
  w.AnyOrList("tags", group.tags, TextItem);
}

void WriteCondition(Writer& w, const Condition& condition) {
  const bool is_bytes = IsBytes(condition.metric);
  w.Text("metric", Name(condition.metric));
  w.Duration("window", condition.window_seconds);
  w.Threshold("raise", is_bytes, condition.raise);
  w.Threshold("clear", is_bytes, condition.clear);
  if (condition.metric == Metric::kSentReceivedRatio) w.Size("minimum", condition.minimum);
}

void WriteRule(Writer& w, const Rule& rule) {
  w.Heading("[[rule]]");
  w.Text("name", rule.name);
  w.Text("scope", Name(rule.scope));
  w.AnyOrList("groups", rule.groups, TextItem);
  w.AnyOrList("services", rule.services, NameItem<Service>);
  w.AnyOrList("verdicts", rule.verdicts, NameItem<Verdict>);
  w.AnyOrList("roles", rule.roles, NameItem<Role>);
  w.AnyOrList("tls", rule.tls, NameItem<Tls>);
  w.Text("hours", FormatHours(rule.hours));
  w.AnyOrList("weekdays", rule.weekdays, NameItem<Weekday>);
  WriteCondition(w, rule);
  if (rule.multiple > 0) w.Raw("multiple", FormatNumber(rule.multiple));
  if (rule.deviations > 0) w.Raw("deviations", FormatNumber(rule.deviations));
  w.Duration("sustained", rule.sustained_seconds);
  w.Duration("hold", rule.hold_seconds);
  w.Integer("updates", rule.updates);
  w.Text("severity", Name(rule.severity));
  for (const Condition& condition : rule.conditions) {
    w.Heading("[[rule.condition]]");
    WriteCondition(w, condition);
  }
}

void WriteSuppression(Writer& w, const Suppression& entry) {
  w.Heading("[[suppress]]");
  w.Text("name", entry.name);
  w.List("hosts", Writer::Each(entry.hosts, PrefixItem));
  w.AnyOrList("rules", entry.rules, TextItem);
  w.Raw("expires", ToString(entry.expires));
  w.Text("reason", entry.reason);
  w.Text("owner", entry.owner);
  w.Text("ticket", entry.ticket);
}

void WriteMinimum(Writer& w, BlindSpotKind kind, int64_t minimum) {
  switch (kind) {
    case BlindSpotKind::kSilentPort:
      return w.Duration("minimum", minimum);
    case BlindSpotKind::kLoss:
    case BlindSpotKind::kOneWay:
      return w.Size("minimum", minimum);
    case BlindSpotKind::kSnapped:
    case BlindSpotKind::kDrops:
    case BlindSpotKind::kUndecodable:
      return w.Integer("minimum", minimum);
    case BlindSpotKind::kTableFull:
      return;
  }
}

void WriteBlindSpot(Writer& w, BlindSpotKind kind, const BlindSpot& spot) {
  const auto threshold = [&](absl::string_view key, double value) {
    if (kind == BlindSpotKind::kSilentPort) return w.Duration(key, static_cast<int64_t>(value));
    w.Threshold(key, /*is_bytes=*/false, value);
  };
  w.Heading(absl::StrCat("[blind_spots.", Name(kind), "]"));
  w.Bool("enabled", spot.enabled);
  w.Duration("window", spot.window_seconds);
  threshold("raise", spot.raise);
  threshold("clear", spot.clear);
  w.Duration("hold", spot.hold_seconds);
  w.Text("severity", Name(spot.severity));
  WriteMinimum(w, kind, spot.minimum);
}

void WriteWhoAndWhere(Writer& w, const Config& config) {
  w.Heading("[sensor]");
  w.Text("name", config.sensor.name);
  w.Text("timezone", config.sensor.timezone);
  w.Heading("[networks]");
  w.List("internal", Writer::Each(config.networks.internal, PrefixItem));
  w.Heading("[dns]");
  w.List("resolvers", Writer::Each(config.dns.resolvers, PrefixItem));
  w.Duration("grace", config.dns.grace_seconds);
  w.Integer("names", config.dns.names);
  for (int i = 0; i < kServiceCount; ++i) {
    w.Heading(absl::StrCat("[services.", kServiceNames[i], "]"));
    w.List("ports", Writer::Each(config.services[i].ports, PortItem));
    w.List("tls_ports", Writer::Each(config.services[i].tls_ports, PortItem));
  }
  w.Heading("[tls]");
  for (int i = 0; i < kServiceCount; ++i) {
    w.List(absl::StrCat(kServiceNames[i], "_names"),
           Writer::Each(config.tls.services[i], TextItem));
  }
  w.List("web_mail_names", Writer::Each(config.tls.web_mail, TextItem));
  w.List("web_ports", Writer::Each(config.tls.web_ports, PortItem));
}

void WriteOutputs(Writer& w, const Config& config) {
  w.Heading("[alerts]");
  w.Text("file", config.alerts.file);
  w.Duration("update", config.alerts.update_seconds);
  w.Integer("top_peers", config.alerts.top_peers);
  w.Heading("[state]");
  w.Text("directory", config.state.directory);
  w.Heading("[http]");
  w.Text("address", config.http.address);
  w.Integer("port", config.http.port);
  w.Integer("connections", config.http.connections);
  w.Integer("connections_per_address", config.http.connections_per_address);
  w.Duration("timeout", config.http.timeout_seconds);
  w.Heading("[metrics]");
  w.Integer("top_hosts", config.metrics.top_hosts);
  w.Integer("top_relays", config.metrics.top_relays);
  w.Duration("capture_window", config.metrics.capture_window_seconds);
  w.Heading("[diagnostics]");
  w.Integer("samples", config.diagnostics.samples);
}

void WriteSizing(Writer& w, const Config& config) {
  w.Heading("[limits]");
  w.Integer("sessions", config.limits.sessions);
  w.Integer("conversations", config.limits.conversations);
  w.Integer("handshakes", config.limits.handshakes);
  w.Integer("dialogues", config.limits.dialogues);
  w.Integer("undecided", config.limits.undecided);
  w.Integer("holes", config.limits.holes);
  w.Integer("reorder_buffers", config.limits.reorder_buffers);
  w.Size("ring", config.limits.ring_bytes);
  w.Integer("fragments", config.limits.fragments);
  w.Integer("encapsulations", config.limits.encapsulations);
  w.Heading("[timeouts]");
  w.Duration("established", config.timeouts.established);
  w.Duration("candidate", config.timeouts.candidate);
  w.Duration("closed", config.timeouts.closed);
  w.Duration("inference", config.timeouts.inference);
  w.Heading("[tunnels]");
  for (int i = 0; i < net::kTunnelKindCount; ++i) {
    w.List(net::kTunnelKindNames[i], Writer::Each(config.tunnels.ports[i], PortItem));
  }
  w.List("split_by", Writer::Each(config.tunnels.split_by, NameItem<net::EncapKind>));
  w.Heading("[dataplane]");
  w.Integer("burst", config.dataplane.burst);
  w.Integer("rx_descriptors", config.dataplane.rx_descriptors);
  w.Integer("mbufs", config.dataplane.mbufs);
  w.Integer("mtu", config.dataplane.mtu);
  w.Bool("promiscuous", config.dataplane.promiscuous);
  w.Integer("idle_sleep_us", config.dataplane.idle_sleep_us);
}

}  // namespace

std::string ToToml(const Config& config) {
  Writer w;
  WriteWhoAndWhere(w, config);
  for (const Relay& relay : config.relays) {
    if (relay.file.empty()) WriteRelay(w, relay);
  }
  for (const RelayFile& file : config.relay_files) WriteRelayFile(w, file);
  w.Heading("[assets]");
  w.Text("file", config.assets.file);
  for (const Group& group : config.groups) WriteGroup(w, group);
  for (const Rule& rule : config.rules) WriteRule(w, rule);
  for (const Suppression& entry : config.suppressions) WriteSuppression(w, entry);
  w.Heading("[baselines]");
  w.Integer("weeks", config.baselines.weeks);
  for (int i = 0; i < kBlindSpotCount; ++i) {
    WriteBlindSpot(w, static_cast<BlindSpotKind>(i), config.blind_spots[i]);
  }
  WriteOutputs(w, config);
  WriteSizing(w, config);
  w.Heading("[log]");
  w.Text("level", Name(config.log_level));
  return w.Take();
}

std::string FileRelaysToToml(const Config& config) {
  Writer w;
  for (const Relay& relay : config.relays) {
    if (!relay.file.empty()) WriteRelay(w, relay);
  }
  return w.Take();
}

}  // namespace mailtap::config

#include <filesystem>
#include <string>
#include <system_error>

#include "lib/config/parse.h"
#include "lib/config/toml_writer.h"

namespace mailtap::config {
namespace {

void WriteMinimum(TomlWriter& w, BlindSpotKind kind, int64_t minimum) {
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

void WriteBlindSpot(TomlWriter& w, BlindSpotKind kind, const BlindSpot& spot) {
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

void WriteWhoAndWhere(TomlWriter& w, const Config& config) {
  w.Heading("[sensor]");
  w.Text("name", config.sensor.name);
  w.Text("timezone", config.sensor.timezone);
  w.Heading("[networks]");
  w.List("internal", TomlWriter::Each(config.networks.internal, PrefixItem));
  w.Heading("[dns]");
  w.List("resolvers", TomlWriter::Each(config.dns.resolvers, PrefixItem));
  w.Duration("grace", config.dns.grace_seconds);
  w.Integer("names", config.dns.names);
  for (int i = 0; i < kServiceCount; ++i) {
    w.Heading(absl::StrCat("[services.", kServiceNames[i], "]"));
    w.List("ports", TomlWriter::Each(config.services[i].ports, PortItem));
    w.List("tls_ports", TomlWriter::Each(config.services[i].tls_ports, PortItem));
  }
  w.Heading("[tls]");
  for (int i = 0; i < kServiceCount; ++i) {
    w.List(absl::StrCat(kServiceNames[i], "_names"),
           TomlWriter::Each(config.tls.services[i], TextItem));
  }
  w.List("web_mail_names", TomlWriter::Each(config.tls.web_mail, TextItem));
  w.List("web_ports", TomlWriter::Each(config.tls.web_ports, PortItem));
}

void WriteOutputs(TomlWriter& w, const Config& config) {
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

void WriteSizing(TomlWriter& w, const Config& config) {
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
    w.List(net::kTunnelKindNames[i], TomlWriter::Each(config.tunnels.ports[i], PortItem));
  }
  w.List("split_by", TomlWriter::Each(config.tunnels.split_by, NameItem<net::EncapKind>));
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
  TomlWriter w;
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
  if (config.learning.on()) {
    w.Heading("[learning]");
    w.Duration("after", config.learning.after_seconds);
    w.Text("file", config.learning.file);
  }
  for (int i = 0; i < kBlindSpotCount; ++i) {
    WriteBlindSpot(w, static_cast<BlindSpotKind>(i), config.blind_spots[i]);
  }
  WriteOutputs(w, config);
  WriteSizing(w, config);
  w.Heading("[log]");
  w.Text("level", Name(config.log_level));
  return w.Take();
}

Config WithAbsolutePaths(Config config) {
  const auto make_absolute = [](std::string& path) {
    std::error_code unknown;
    const auto absolute = std::filesystem::absolute(path, unknown);
    if (!path.empty() && !unknown) path = absolute.lexically_normal().string();
  };
  make_absolute(config.assets.file);
  for (RelayFile& file : config.relay_files) make_absolute(file.path);
  return config;
}

std::string FileRelaysToToml(const Config& config) {
  TomlWriter w;
  for (const Relay& relay : config.relays) {
    if (!relay.file.empty()) WriteRelay(w, relay);
  }
  return w.Take();
}

}  // namespace mailtap::config

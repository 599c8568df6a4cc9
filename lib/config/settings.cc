#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/config/quantity.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kDay = 86'400;
constexpr size_t kLongestName = 128;
constexpr size_t kLongestPath = 4'095;  // PATH_MAX without its NUL

// Calls `read` with a reader for the table `key`, where the file has one.
template <typename Read>
void Section(TableReader& parent, absl::string_view key, Findings& findings, Read read) {
  const toml::node* node = parent.Find(key);
  if (node == nullptr) return;
  const toml::table* table = node->as_table();
  if (table == nullptr) {
    return parent.Error(*node, absl::StrCat(parent.PathOf(key), " must be a table, [",
                                            parent.PathOf(key), "], not ", Describe(*node)));
  }
  TableReader reader(*table, parent.PathOf(key), findings);
  read(reader);
  reader.Finish();
}

void ReadTimezone(TableReader& t, std::string& timezone) {
  t.Text("timezone", 1, kLongestName, timezone);
  absl::TimeZone zone;
  if (absl::LoadTimeZone(timezone, &zone)) return;
  const toml::node& given = *t.table().get("timezone");
  t.Error(given, absl::StrCat("sensor.timezone must be the name of a time zone that this "
                              "machine knows, such as \"UTC\" or \"Europe/Berlin\", not ",
                              Describe(given)));
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' ? name : "mailtap";
}

void ReadNetworks(TableReader& root, Findings& findings, Config& config) {
  const auto missing = [&](const toml::source_region& at) {
    findings.Error(at,
                   "networks.internal is missing: list your own networks, such as "
                   "[\"10.0.0.0/8\", \"fd00::/8\"]");
  };
  const toml::node* networks = root.table().get("networks");
  if (networks == nullptr) missing(root.table().source());
  Section(root, "networks", findings, [&](TableReader& t) {
    t.Prefixes("internal", IfEmpty::kAllow, config.networks.internal);
    const toml::node* given = t.table().get("internal");
    if (given == nullptr) return missing(t.table().source());
    if (given->is_array() && given->as_array()->empty()) missing(given->source());
  });
}

void ReadServices(TableReader& root, Findings& findings, Config& config) {
  Section(root, "services", findings, [&](TableReader& services) {
    for (int i = 0; i < kServiceCount; ++i) {
      Section(services, kServiceNames[i], findings, [&](TableReader& t) {
        t.Ports("ports", IfEmpty::kAllow, config.services[i].ports);
        t.Ports("tls_ports", IfEmpty::kAllow, config.services[i].tls_ports);
      });
    }
  });
}

void ReadTlsNames(TableReader& t, TlsNames& tls) {
  const auto patterns = [&](absl::string_view key, std::vector<std::string>& out) {
    std::vector<std::string> given;
    t.Patterns(key, IfEmpty::kAllow, given);
    if (t.table().contains(std::string(key))) out = std::move(given);
  };
  for (int i = 0; i < kServiceCount; ++i) {
    patterns(absl::StrCat(kServiceNames[i], "_names"), tls.services[i]);
  }
  patterns("web_mail_names", tls.web_mail);
  t.Ports("web_ports", IfEmpty::kAllow, tls.web_ports);
}

void ReadHttp(TableReader& t, Findings& findings, Http& http) {
  std::string address = http.address;
  t.Text("address", 1, kLongestName, address);
  const toml::node* given = t.table().get("address");
  if (given != nullptr && given->is_string()) {
    const auto parsed = net::ParseAddress(address);
    const auto loopback = net::ParsePrefix("127.0.0.0/8");
    if (!parsed.ok()) {
      t.Error(*given, absl::StrCat("http.address must be an IP address to listen on, not ",
                                   Describe(*given)));
    } else if (!loopback->Contains(*parsed) && net::ToString(*parsed) != "::1") {
      findings.Warn(given->source(),
                    "http.address is reachable from other hosts, and the pages ask for no "
                    "password: shield the port with a firewall or a proxy");
    }
  }
  http.address = address;
  int64_t port = http.port;
  t.Integer("port", 1, 65'535, port);
  http.port = static_cast<uint16_t>(port);
  t.Integer("connections", 1, 10'000, http.connections);
  t.Integer("connections_per_address", 1, 10'000, http.connections_per_address);
  t.Duration("timeout", 1, 10 * kMinute, http.timeout_seconds);
}

void ReadMetrics(TableReader& t, Metrics& metrics) {
  t.Integer("top_hosts", 0, 10'000, metrics.top_hosts);
  t.Integer("top_relays", 0, 10'000, metrics.top_relays);
  t.Duration("capture_window", 10, kDay, metrics.capture_window_seconds);
}

void ReadLimits(TableReader& t, Limits& limits) {
  constexpr int64_t kMost = 1 << 28;
  t.Integer("sessions", 1'024, kMost, limits.sessions);
  t.Integer("conversations", 1'024, kMost, limits.conversations);
  t.Integer("handshakes", 1'024, kMost, limits.handshakes);
  t.Integer("dialogues", 64, kMost, limits.dialogues);
  t.Integer("undecided", 64, kMost, limits.undecided);
  t.Integer("holes", 64, kMost, limits.holes);
  t.Integer("reorder_buffers", 64, 1 << 22, limits.reorder_buffers);
  t.Size("ring", 64 << 10, int64_t{1} << 30, limits.ring_bytes);
  t.Integer("fragments", 16, 65'536, limits.fragments);
  t.Integer("encapsulations", 64, 65'535, limits.encapsulations);
}

void ReadTimeouts(TableReader& t, Timeouts& timeouts) {
  t.Duration("established", kMinute, kDay, timeouts.established);
  t.Duration("candidate", 1, 60 * kMinute, timeouts.candidate);
  t.Duration("closed", 1, 10 * kMinute, timeouts.closed);
  t.Duration("inference", 1, kMinute, timeouts.inference);
}

// What [blind_spots.<kind>] raise and clear are.
void ReadBlindSpotThreshold(TableReader& t, absl::string_view key, BlindSpotKind kind,
                            double& out) {
  if (kind == BlindSpotKind::kSilentPort) {
    auto seconds = static_cast<int64_t>(out);
    t.Duration(key, 1, kDay, seconds);
    out = static_cast<double>(seconds);
  } else if (IsShare(kind)) {
    t.Share(key, out);
  } else {
    t.Threshold(key, /*is_bytes=*/false, out);
  }
}

void ReadMinimum(TableReader& t, BlindSpotKind kind, BlindSpot& spot) {
  switch (kind) {
    case BlindSpotKind::kSilentPort:
      spot.minimum = spot.window_seconds / 2;
      t.Duration("minimum", 1, kDay, spot.minimum);
      if (spot.minimum <= spot.window_seconds) break;
      t.Error(*t.table().get("minimum"),
              absl::StrCat(t.PathOf("minimum"), " must not be above ", t.PathOf("window")));
      break;
    case BlindSpotKind::kLoss:
    case BlindSpotKind::kOneWay:
      t.Size("minimum", 1, kMaxSize, spot.minimum);
      break;
    case BlindSpotKind::kSnapped:
    case BlindSpotKind::kDrops:
    case BlindSpotKind::kUndecodable:
      t.Integer("minimum", 1, 1'000'000'000, spot.minimum);
      break;
    case BlindSpotKind::kTableFull:
      break;
  }
}

void ReadBlindSpot(TableReader& t, BlindSpotKind kind, BlindSpot& spot) {
  t.Bool("enabled", spot.enabled);
  t.Duration("window", 10, kDay, spot.window_seconds);
  ReadBlindSpotThreshold(t, "raise", kind, spot.raise);
  spot.clear = spot.raise / 2;
  // Durations are whole seconds.
  if (kind == BlindSpotKind::kSilentPort) spot.clear = std::max(1.0, std::floor(spot.clear));
  ReadBlindSpotThreshold(t, "clear", kind, spot.clear);
  if (spot.clear > spot.raise) {
    t.Error(*t.table().get("clear"),
            absl::StrCat(t.PathOf("clear"), " must not be above ", t.PathOf("raise"),
                         ": the alert would clear while it is being raised"));
  }
  t.Duration("hold", 0, kDay, spot.hold_seconds);
  t.Choice("severity", kSeverityNames, spot.severity);
  ReadMinimum(t, kind, spot);
}

void ReadLearning(TableReader& t, Learning& learning) {
  t.Require("after", "how long to learn before anything is proposed, such as \"7d\"");
  t.Duration("after", 60 * kMinute, 60 * kDay, learning.after_seconds);
  t.Text("file", 0, kLongestPath, learning.file);
}

// 0, which means `automatic`, or from `least` to `most`.
void ReadZeroOr(TableReader& t, const char* key, const char* automatic, int64_t least,
                int64_t most, int64_t& value) {
  t.Integer(key, 0, most, value);
  if (value != 0 && value < least) {
    t.Error(*t.table().get(key),
            absl::StrCat(t.PathOf(key), " must be 0, for ", automatic, ", or from ", least,
                         " to ", most, ", not ", value));
  }
}

void ReadDataplane(TableReader& t, Dataplane& dataplane) {
  t.Integer("burst", 1, 512, dataplane.burst);
  t.Integer("rx_descriptors", 64, 65'535, dataplane.rx_descriptors);
  // What at least lets one queue work: its shortest ring, the longest burst, and the mbufs that
  // an lcore keeps for itself. How many it takes is known with the port.
  constexpr int64_t kFewestMbufs = 1'024;
  ReadZeroOr(t, "mbufs", "as many as it takes", kFewestMbufs, 1 << 26, dataplane.mbufs);
  ReadZeroOr(t, "mtu", "9216 where the port takes that", 576, 65'535, dataplane.mtu);
  t.Bool("promiscuous", dataplane.promiscuous);
  t.Integer("idle_sleep_us", 0, 1'000, dataplane.idle_sleep_us);
}

}  // namespace

void ReadSettings(TableReader& root, Findings& findings, Config& config) {
  Section(root, "sensor", findings, [&](TableReader& t) {
    t.Text("name", 1, kLongestName, config.sensor.name);
    ReadTimezone(t, config.sensor.timezone);
  });
  if (config.sensor.name.empty()) config.sensor.name = HostName();
  ReadNetworks(root, findings, config);
  Section(root, "dns", findings, [&](TableReader& t) { ReadDns(t, config.dns); });
  ReadServices(root, findings, config);
  Section(root, "tls", findings, [&](TableReader& t) { ReadTlsNames(t, config.tls); });
  Section(root, "baselines", findings,
          [&](TableReader& t) { t.Integer("weeks", 1, 8, config.baselines.weeks); });
  Section(root, "learning", findings,
          [&](TableReader& t) { ReadLearning(t, config.learning); });
  Section(root, "assets", findings,
          [&](TableReader& t) { t.Text("file", 0, kLongestPath, config.assets.file); });
  Section(root, "alerts", findings, [&](TableReader& t) {
    t.Text("file", 0, kLongestPath, config.alerts.file);
    t.Duration("update", 1, kDay, config.alerts.update_seconds);
    t.Integer("top_peers", 1, 1'000, config.alerts.top_peers);
  });
  Section(root, "state", findings, [&](TableReader& t) {
    t.Text("directory", 0, kLongestPath, config.state.directory);
  });
  Section(root, "http", findings, [&](TableReader& t) { ReadHttp(t, findings, config.http); });
  Section(root, "metrics", findings, [&](TableReader& t) { ReadMetrics(t, config.metrics); });
  Section(root, "blind_spots", findings, [&](TableReader& spots) {
    for (int i = 0; i < kBlindSpotCount; ++i) {
      Section(spots, kBlindSpotNames[i], findings, [&](TableReader& t) {
        ReadBlindSpot(t, static_cast<BlindSpotKind>(i), config.blind_spots[i]);
      });
    }
  });
  Section(root, "diagnostics", findings,
          [&](TableReader& t) { t.Integer("samples", 0, 64, config.diagnostics.samples); });
  Section(root, "limits", findings, [&](TableReader& t) { ReadLimits(t, config.limits); });
  Section(root, "timeouts", findings,
          [&](TableReader& t) { ReadTimeouts(t, config.timeouts); });
  Section(root, "tunnels", findings, [&](TableReader& t) {
    for (int i = 0; i < net::kTunnelKindCount; ++i) {
      t.Ports(net::kTunnelKindNames[i], IfEmpty::kAllow, config.tunnels.ports[i]);
    }
    t.Choices("split_by", net::kEncapKindNames, IfEmpty::kAllow, config.tunnels.split_by);
  });
  Section(root, "dataplane", findings,
          [&](TableReader& t) { ReadDataplane(t, config.dataplane); });
  Section(root, "log", findings,
          [&](TableReader& t) { t.Choice("level", kLogLevelNames, config.log_level); });
}

}  // namespace mailtap::config

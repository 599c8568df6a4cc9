// The configuration as the program sees it: documented structs, filled from TOML by
// lib/config/parse.h. Every field's default stands here and nowhere else; `mailtap check
// --print` prints these structs back as TOML.
//
// Immutable once parsed: shared between threads as std::shared_ptr<const Config>.
#ifndef MAILTAP_LIB_CONFIG_CONFIG_H_
#define MAILTAP_LIB_CONFIG_CONFIG_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/base/log.h"
#include "lib/base/mail.h"
#include "lib/config/relay.h"
#include "lib/config/rule.h"
#include "lib/config/suppression.h"
#include "lib/net/address.h"
#include "lib/net/encap.h"
#include "lib/net/tunnel_ports.h"

namespace mailtap::config {

// The spellings of [log] level.
inline constexpr std::array<absl::string_view, 4> kLogLevelNames = {"debug", "info", "warn",
                                                                    "error"};
constexpr absl::string_view Name(LogLevel l) { return kLogLevelNames[static_cast<int>(l)]; }

// Ways in which the sensor can fail to see. Each is judged by itself.
enum class BlindSpotKind : uint8_t {
  kSilentPort,   // a port that carried packets carries none
  kLoss,         // mail payload that was never seen, only inferred
  kOneWay,       // mail of which only one direction is seen
  kSnapped,      // packets captured short
  kDrops,        // packets lost by a port or for want of a buffer
  kUndecodable,  // packets that could not be looked into
  kTableFull,    // state that a bounded table had no room for
};
inline constexpr int kBlindSpotCount = 7;
inline constexpr std::array<absl::string_view, kBlindSpotCount> kBlindSpotNames = {
    "silent_port", "loss", "one_way", "snapped", "drops", "undecodable", "table_full"};
constexpr absl::string_view Name(BlindSpotKind k) {
  return kBlindSpotNames[static_cast<int>(k)];
}
// The `rule` of a blind spot's alert is this and the kind's name; no [[rule]] may be called so.
inline constexpr absl::string_view kBlindSpotPrefix = "blind_spot:";

// [sensor]
struct Sensor {
  std::string name;              // in alerts and the build info; default: the host's name
  std::string timezone = "UTC";  // by which days and hours of the configuration are meant

  friend bool operator==(const Sensor&, const Sensor&) = default;
};

// [networks]
struct Networks {
  std::vector<net::Prefix> internal;  // required; everything else is external
};

// [services.smtp], [services.imap], [services.pop3]: standard ports, in host order.
struct ServicePorts {
  std::vector<uint16_t> ports;      // clear text, or STARTTLS
  std::vector<uint16_t> tls_ports;  // TLS from the first byte

  friend bool operator==(const ServicePorts&, const ServicePorts&) = default;
};

// [tls]: which TLS is mail on ports that are no mail ports, by what its ClientHello says. The
// patterns are config::NormalizePattern's.
struct TlsNames {
  // Server names of each service: a usual first label before at least two more.
  std::array<std::vector<std::string>, kServiceCount> services = {
      {{"smtp.*.*"}, {"imap.*.*"}, {"pop.*.*", "pop3.*.*"}}};
  // Server names that are never mail, whatever the patterns say: mail in a browser.
  std::vector<std::string> web_mail = {"mail.google.com",    "outlook.live.com",
                                       "outlook.office.com", "outlook.office365.com",
                                       "mail.yahoo.com",     "webmail.*"};
  std::vector<uint16_t> web_ports = {443};  // where names say nothing, in host order

  friend bool operator==(const TlsNames&, const TlsNames&) = default;
};

// [blind_spots.<kind>]
struct BlindSpot {
  bool enabled = true;
  int64_t window_seconds = 60;  // 10 s .. 24 h; of silent_port: the time before the silence
  // silent_port: seconds without a packet; table_full: how often; others: a share, at most 1.
  double raise = 0;
  double clear = 0;  // <= raise; default: raise / 2
  int64_t hold_seconds = 60;
  Severity severity = Severity::kMedium;
  // What the window has to hold, or there is nothing to judge: seconds with packets
  // (silent_port), bytes of mail (loss, one_way), packets (snapped, drops, undecodable).
  int64_t minimum = 0;
};
constexpr bool IsShare(BlindSpotKind k) {
  return k != BlindSpotKind::kSilentPort && k != BlindSpotKind::kTableFull;
}

// [baselines]: what is usual, for rules that ask for it
struct Baselines {
  int64_t weeks = 3;  // so many have to be known before anything is called unusual; 1..8
};

// [learning]: off unless the file has the section
struct Learning {
  int64_t after_seconds = 0;  // 1 h .. 60 d of traffic before anything is proposed; 0: off
  std::string file;           // where to; empty: proposals.toml in the state's folder

  bool on() const { return after_seconds > 0; }
};

// [assets]
struct Assets {
  std::string file;  // CSV, see lib/config/assets.h; empty: none. Relative to the configuration
  std::vector<Asset> rows;  // what it held when the configuration was read
};

// [alerts]
struct Alerts {
  std::string file = "/var/log/mailtap/alerts.jsonl";  // `run` only; empty: no file
  int64_t update_seconds = 300;  // an open alert reports again at most so often
  int64_t top_peers = 10;        // evidence rows an alert
};

// [state]
struct State {
  // Where `run` keeps what has to outlive it; made where it is missing. Empty: nowhere.
  std::string directory = "/var/lib/mailtap";

  friend bool operator==(const State&, const State&) = default;
};

// [http]
struct Http {
  std::string address = "127.0.0.1";
  uint16_t port = 9382;
  int64_t connections = 64;              // at once
  int64_t connections_per_address = 16;  // at once
  int64_t timeout_seconds = 10;          // for a request, and three times that for the answer

  friend bool operator==(const Http&, const Http&) = default;
};

// [metrics]
struct Metrics {
  int64_t top_hosts = 50;               // hosts with series of their own
  int64_t top_relays = 200;             // relay entries with series of their own
  int64_t capture_window_seconds = 60;  // what the gauges of the capture's quality look back
};

// [diagnostics]
struct Diagnostics {
  // Frames whose start is kept for each reason why frames can't be decoded. Such a frame may
  // hold anything, so none is kept unless asked for.
  int64_t samples = 0;

  friend bool operator==(const Diagnostics&, const Diagnostics&) = default;
};

// [limits]: sizes of tables, for each worker. Everything is allocated at start.
struct Limits {
  int64_t sessions = 838'860;       // mail sessions and candidates
  int64_t conversations = 131'072;  // counter rows
  int64_t handshakes = 65'536;      // remembered SYNs: odd ports, mail ports in a flood
  int64_t dialogues = 32'768;       // sessions whose text is still being read
  int64_t undecided = 8'192;        // of these, at most so many on ports that are no mail ports
  int64_t holes = 131'072;          // gaps in sequence space waiting to be filled
  int64_t reorder_buffers = 4'096;  // out-of-order segments held, 2 KiB each
  int64_t ring_bytes = 16'777'216;  // from a worker to the control core
  int64_t fragments = 1'024;        // IP packets waiting for their missing pieces
  int64_t encapsulations = 4'096;   // different encapsulation stacks remembered

  friend bool operator==(const Limits&, const Limits&) = default;
};

// [timeouts], in seconds
struct Timeouts {
  int64_t established = 2'400;  // idle: IMAP IDLE renews at 29 min (RFC 2177)
  int64_t candidate = 30;       // idle, not yet recognised or established
  int64_t closed = 10;          // linger after FIN or RST, for late copies
  int64_t inference = 3;        // a hole not filled for so long counts as inferred

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// [tunnels]: UDP ports that carry tunnels, in host order, by net::TunnelKind. An empty list
// leaves that kind of tunnel closed.
struct Tunnels {
  // IANA's numbers, and 8472, which Linux took before VXLAN had one.
  std::array<std::vector<uint16_t>, net::kTunnelKindCount> ports = {
      {{4789, 8472}, {4790}, {6081}, {2152}, {4754}, {5072}}};
  // Kinds of encapsulation whose numbers tell address spaces apart: sessions, conversations and
  // hosts in different ones are different. A VLAN is none by default, since the two directions
  // of a connection may carry different tags.
  std::vector<net::EncapKind> split_by;

  friend bool operator==(const Tunnels&, const Tunnels&) = default;
};

// [dataplane]: `mailtap run` only
struct Dataplane {
  int64_t burst = 32;             // packets a receive call; 1..512
  int64_t rx_descriptors = 4096;  // per queue; rounded to what the port allows
  int64_t mbufs = 0;              // per port; 0: computed from queues and descriptors
  int64_t mtu = 0;                // the largest frame's payload; 0: of jumbo frames, or less
                                  // where the port takes no more
  bool promiscuous = true;
  // The longest that a worker without packets rests before it looks again; 0: it never rests.
  // 0..1000 microseconds.
  int64_t idle_sleep_us = 0;

  friend bool operator==(const Dataplane&, const Dataplane&) = default;
};

struct Config {
  const BlindSpot& blind_spot(BlindSpotKind kind) const {
    return blind_spots[static_cast<int>(kind)];
  }
  // Whether `port` is a standard one of any mail service.
  bool IsMailPort(uint16_t port) const {
    const auto has = [port](const std::vector<uint16_t>& ports) {
      return std::find(ports.begin(), ports.end(), port) != ports.end();
    };
    return std::any_of(services.begin(), services.end(), [&](const ServicePorts& service) {
      return has(service.ports) || has(service.tls_ports);
    });
  }

  Sensor sensor;
  Networks networks;
  std::array<ServicePorts, kServiceCount> services = {{
      {{25, 587}, {465}},
      {{143}, {993}},
      {{110}, {995}},
  }};
  TlsNames tls;
  std::vector<Relay> relays;  // once the relay files are read, theirs too
  std::vector<RelayFile> relay_files;
  Dns dns;
  Assets assets;
  std::vector<Group> groups;
  std::vector<Rule> rules;
  std::vector<Suppression> suppressions;
  Baselines baselines;
  Learning learning;
  // By BlindSpotKind. A good mirror raises none of them, even in a quiet hour.
  std::array<BlindSpot, kBlindSpotCount> blind_spots = {{
      {.raise = 60, .clear = 30, .severity = Severity::kHigh, .minimum = 30},
      {.window_seconds = 300, .raise = 0.01, .clear = 0.005, .minimum = 1'000'000},
      {.window_seconds = 300, .raise = 0.2, .clear = 0.1, .minimum = 1'000'000},
      {.raise = 0.01, .clear = 0.005, .minimum = 1'000},
      {.raise = 0.001, .clear = 0.0005, .severity = Severity::kHigh, .minimum = 1'000},
      {.raise = 0.01, .clear = 0.005, .minimum = 1'000},
      {.raise = 1, .clear = 0.5},
  }};
  Alerts alerts;
  State state;
  Http http;
  Metrics metrics;
  Diagnostics diagnostics;
  Limits limits;
  Timeouts timeouts;
  Tunnels tunnels;
  Dataplane dataplane;
  LogLevel log_level = LogLevel::kInfo;  // [log] level
  std::string version;                   // 12 hex digits: a hash of the effective configuration
};

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_CONFIG_H_

#include "app/mailtap-gen/option_texts.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <optional>

#include "app/mailtap-gen/units.h"

namespace mailtap::gen {
namespace {

template <typename T>
void StoreSize(const std::string& name, const std::string& text, uint64_t low, uint64_t high,
               T& value) {
  if (text.empty()) return;
  const std::optional<uint64_t> size = ParseSize(text);
  if (!size || *size < low || *size > high) {
    throw Fault(name + ": from " + std::to_string(low) + " to " + std::to_string(high));
  }
  value = static_cast<T>(*size);
}

// Of sending on a port. The traffic's own times don't matter then.
void StorePort(const Texts& texts, PortOptions& port) {
  StoreSize("--rate", texts.rate, 1, 1'000'000'000, port.rate);
  if (texts.duration.empty()) return;
  const std::optional<uint64_t> duration = ParseDuration(texts.duration);
  if (!duration || *duration == 0) throw Fault("--duration: like 90s or 10m");
  port.duration_ns = *duration;
}

void StoreStart(const Texts& texts, CaptureFormat format, EngineOptions& engine) {
  const std::optional<int64_t> start = ParseTime(texts.start);
  if (!start) throw Fault("--start: like 2026-01-05T09:00:00Z, from 1970 to 2261");
  if (*start > CaptureFile::LastStamp(format)) {
    throw Fault(
        "--start: a pcap's stamps end at 2106-02-07T06:28:15Z; --format pcapng goes on");
  }
  engine.start_ns = *start;
}

void StoreTimes(const Texts& texts, EngineOptions& engine) {
  if (!texts.rate.empty() && !texts.duration.empty()) {
    throw Fault("--rate and --duration exclude each other");
  }
  StoreSize("--rate", texts.rate, 1, 1'000'000'000, engine.rate);
  if (!texts.duration.empty()) {
    const std::optional<uint64_t> duration = ParseDuration(texts.duration);
    if (!duration || *duration == 0) throw Fault("--duration: like 90s or 10m");
    engine.rate = static_cast<double>(engine.packets) / (static_cast<double>(*duration) * 1e-9);
  }
  // A flow sends some twenty packets a second by itself. Stretched by more than sixty, pauses
  // would reach the times after which a sensor gives a session up.
  constexpr double kLeastFlowRate = 1.0 / 3;
  const double least = kLeastFlowRate * engine.flows;
  if (engine.rate > 0 && engine.packets != 0 && engine.rate < least) {
    throw Fault("so many --flows need at least " + std::to_string(static_cast<int>(least) + 1) +
                " packets a second: lower --flows, or raise --rate or --packets");
  }
}

// Where something belongs that is not named: beside the capture, unless that has no place.
std::string Beside(const std::string& out, const char* extension) {
  if (out == "-" || out.empty()) return "";
  // Of a capture's usual endings alone: day.1 and day.2 are not to share a truth.
  const std::filesystem::path path(out);
  for (const char* usual : {".pcap", ".pcapng", ".cap", ".dmp"}) {
    if (path.extension() == usual) {
      return std::filesystem::path(path).replace_extension(extension).string();
    }
  }
  return out + extension;
}

// The index of `text` in `names`, which holds it.
template <typename Enum>
Enum Choose(const std::string& text, std::initializer_list<const char*> names) {
  const auto at = std::find(names.begin(), names.end(), text);
  return static_cast<Enum>(at - names.begin());
}

void StoreMirror(const Texts& texts, Options& options) {
  MirrorOptions& mirror = options.mirror;
  mirror.seed = options.engine.seed;
  mirror.copy =
      Choose<CopyKind>(texts.copy, {"exact", "ttl", "vlan", "mac", "tunnel", "mixed"});
  mirror.one_way = Choose<OneWay>(texts.one_way, {"off", "up", "down", "mixed"});
  const std::optional<uint64_t> by = ParseDuration(texts.reorder_by);
  if (!by || *by == 0 || *by > 2'000'000'000) throw Fault("--reorder-by: up to 2s");
  mirror.reorder_by_ns = *by;
  mirror.fragment = mirror.fragment / 8 * 8;
  options.engine.may_fragment = mirror.fragment != 0;
  StoreSize("--forge-within", texts.forge_within, 1, 65'536, options.engine.forge_within);
  if (texts.encap == "mixed") {
    options.engine.encapsulations = Encapsulation::All();
  } else if (!texts.encap.empty()) {
    absl::StatusOr<Encapsulation> encap = Encapsulation::Parse(texts.encap);
    if (!encap.ok()) throw Fault(std::string(encap.status().message()));
    options.engine.encapsulations = {*encap};
  }
}

}  // namespace

void Store(const Texts& texts, Options& options) {
  EngineOptions& engine = options.engine;
  const bool port = options.port.port >= 0;
  if (texts.out.empty() != port) throw Fault("--out or --port is required, and not both");
  if (!port && !options.port.eal_arguments.empty()) {
    throw Fault("arguments behind -- are for --port");
  }
  options.out = texts.out;
  options.truth = texts.truth.empty() ? Beside(texts.out, ".truth.jsonl") : texts.truth;
  options.summary = texts.summary.empty() ? Beside(texts.out, ".summary.json") : texts.summary;
  options.format = Choose<CaptureFormat>(texts.format, {"pcap", "pcap-ns", "pcapng"});
  StoreSize("--packets", texts.packets, 0, uint64_t{1} << 40, engine.packets);
  StoreSize("--hosts", texts.hosts, 1, 1'000'000, engine.population.hosts);
  StoreSize("--flows", texts.flows, 1, 10'000'000, engine.flows);
  StoreSize("--message-size", texts.message_size, 1, 1'000'000'000,
            engine.population.message_bytes);
  if (texts.packet_size == "imix") {
    engine.frame_bytes = 0;
  } else {
    StoreSize("--packet-size", texts.packet_size, 128, kMaxFrameBytes, engine.frame_bytes);
  }
  if (engine.population.starttls + engine.population.implicit_tls > 100) {
    throw Fault("--starttls and --implicit-tls are more than 100 together");
  }
  StoreStart(texts, options.format, engine);
  if (port) {
    StorePort(texts, options.port);
  } else {
    StoreTimes(texts, engine);
  }
  StoreMirror(texts, options);
}

}  // namespace mailtap::gen

// What recognising mail costs the packets that are none: the worker's pipeline over the same
// frames with and without their payload. Without it there is nothing to recognise, and all else
// is the same, down to the cache lines. Both are measured in turn, pass by pass.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "bench/cold_frames.h"
#include "bench/report.h"
#include "lib/pipeline/worker.h"

namespace mailtap::bench {
namespace {

using net::Bytes;

constexpr std::size_t kHeaders = 14 + 20 + 20;  // Ethernet, IPv4, TCP
constexpr std::size_t kBurst = 32;

enum Kind { kWebTls, kOtherTls, kText, kBinary, kMixed };

// A segment from the middle of a connection that is no mail.
Bytes Packet(Kind kind, std::mt19937& random) {
  static const std::vector<std::string> kLines = {
      "GET /list HTTP/1.1\r\nHost: www.example.com\r\n", "HTTP/1.1 200 OK\r\nServer: x\r\n",
      "select id from mail where name = 'x';", "{\"status\": 250, \"name\": \"list\"}",
      "220518 12:00:01 INFO all is well\r\n"};
  std::string payload = kLines[random() % kLines.size()];
  payload.resize(600, 'x');
  if (kind == kWebTls || kind == kOtherTls) payload = "\x17\x03\x03\x02\x53" + payload;
  if (kind == kBinary) {
    for (char& byte : payload) byte = static_cast<char>(random());
  }
  payload.resize(600);
  const uint16_t server_port = kind == kWebTls ? 443 : 8'443;
  const auto client_port = static_cast<uint16_t>(32'768 + random() % 28'000);
  const bool up = random() % 3 == 0;
  return net::Ethernet(
      0x0800, net::Ipv4({}, net::Tcp({.source_port = up ? client_port : server_port,
                                      .destination_port = up ? server_port : client_port,
                                      .flags = net::kAck},
                                     payload)));
}

std::vector<Bytes> Packets(Kind kind) {
  std::mt19937 random(1);
  std::vector<Bytes> packets;
  for (int i = 0; i < 4'096; ++i) {
    packets.push_back(Packet(kind == kMixed ? static_cast<Kind>(i % kMixed) : kind, random));
  }
  return packets;
}

// The time that a pass over all frames takes, in seconds.
double Pass(pipeline::Worker& worker, const std::vector<pipeline::PacketView>& views) {
  const ThreadStopwatch watch;
  for (std::size_t i = 0; i + kBurst <= views.size(); i += kBurst) {
    worker.Process({views.data() + i, kBurst});
  }
  return watch.seconds();
}

void Classify(benchmark::State& state) {
  const ColdFrames frames(Packets(static_cast<Kind>(state.range(0))));
  std::vector<pipeline::PacketView> off, on;
  frames.ForEach([&](const uint8_t* data, uint32_t length) {
    on.push_back(
        {.data = data, .captured = length, .wire_length = length, .time = kNanosPerSecond});
    off.push_back(
        {.data = data, .captured = kHeaders, .wire_length = kHeaders, .time = kNanosPerSecond});
  });
  exchange::RecordRing ring(1 << 20);
  const auto patterns = classify::PatternDatabase::Load().value();
  const auto worker = pipeline::Worker::Create(config::Config(), patterns, ring).value();
  double off_seconds = 0, on_seconds = 0;
  for (auto _ : state) {
    const double first = Pass(*worker, off), second = Pass(*worker, on);
    state.SetIterationTime(first + second);
    off_seconds += first;
    on_seconds += second;
  }
  const double packets = static_cast<double>(state.iterations() * ColdFrames::kFrames);
  state.counters["off ns/packet"] = off_seconds / packets * 1e9;
  state.counters["on ns/packet"] = on_seconds / packets * 1e9;
  state.counters["on/off"] = on_seconds / off_seconds;
}

BENCHMARK(Classify)->ArgName("kind")->DenseRange(kWebTls, kMixed)->UseManualTime();

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

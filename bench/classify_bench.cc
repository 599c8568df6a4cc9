// What recognising mail costs where there is none: a live worker takes the same mbufs twice,
// pass by pass in turn. "Off" they have the RST flag set: nobody looks at such a segment's
// payload, and all else is the same.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "bench/bench_worker.h"
#include "bench/mbuf_frames.h"
#include "bench/report.h"
#include "tests/unit/net/packet_builder.h"

namespace mailtap::bench {
namespace {

using net::Bytes;

enum Kind { kWebTls, kOtherTls, kText, kBinary, kMixed };  // kMixed: the others in no order

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

void Fill(Kind kind, MbufFrames& frames) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < MbufFrames::kFrames; ++i) {
    const Bytes frame =
        Packet(kind == kMixed ? static_cast<Kind>(random() % kMixed) : kind, random);
    const auto size = static_cast<uint32_t>(frame.size());
    frames.Add(frame.data(), size, size, kNanosPerSecond);
  }
}

// Where the flags of TCP segments are, but for SYNs, which matter without payload, and for the
// few that are wrapped or have IPv6 extension headers.
std::vector<uint8_t*> FlagsOf(MbufFrames& frames) {
  std::vector<uint8_t*> flags;
  for (std::size_t i = 0; i < MbufFrames::kFrames; ++i) {
    uint8_t* data = frames[i].buf_addr + frames[i].data_off;
    net::Segment segment;
    if (net::Decode(data, frames[i].data_len, frames[i].pkt_len, net::LinkType::kEthernet,
                    net::kNoVlan, net::TunnelPorts(), segment) != net::Outcome::kTcp) {
      continue;
    }
    const std::ptrdiff_t tcp = segment.ip - data + (segment.v4 ? (segment.ip[0] & 15) * 4 : 40);
    if ((segment.flags & (net::kSyn | net::kRst)) == 0 && data[tcp + 13] == segment.flags) {
      flags.push_back(data + tcp + 13);
    }
  }
  return flags;
}

// The time that a pass over all frames takes, in seconds. Sessions end behind it: what came
// again would be copies.
double Pass(MbufFrames& frames, BenchWorker& sensor) {
  const ThreadStopwatch watch;
  sensor.Take(frames);
  const double seconds = watch.seconds();
  sensor.Forget(frames);
  sensor.Drain();
  return seconds;
}

void Measure(benchmark::State& state, MbufFrames& frames) {
  const std::vector<uint8_t*> flags = FlagsOf(frames);
  BenchWorker sensor{config::Config()};
  double off_seconds = 0, on_seconds = 0;
  for (auto _ : state) {
    for (uint8_t* flag : flags) *flag |= net::kRst;
    const double off = Pass(frames, sensor);
    for (uint8_t* flag : flags) *flag &= ~net::kRst;
    const double on = Pass(frames, sensor);
    state.SetIterationTime(off + on);
    off_seconds += off;
    on_seconds += on;
  }
  const double packets = static_cast<double>(state.iterations() * MbufFrames::kFrames);
  state.counters["off ns/packet"] = off_seconds / packets * 1e9;
  state.counters["on ns/packet"] = on_seconds / packets * 1e9;
  state.counters["on/off"] = on_seconds / off_seconds;
}

// Segments from the middle of connections.
void UnderWay(benchmark::State& state, Kind kind) {
  MbufFrames frames;
  Fill(kind, frames);
  Measure(state, frames);
}
BENCHMARK_CAPTURE(UnderWay, web_tls, kWebTls)->UseManualTime();
BENCHMARK_CAPTURE(UnderWay, other_tls, kOtherTls)->UseManualTime();
BENCHMARK_CAPTURE(UnderWay, text, kText)->UseManualTime();
BENCHMARK_CAPTURE(UnderWay, binary, kBinary)->UseManualTime();
BENCHMARK_CAPTURE(UnderWay, all_of_these, kMixed)->UseManualTime();

// Whole connections, among them those that open like mail: hellos, FTP, NNTP, Redis.
void Connections(benchmark::State& state) {
  MbufFrames frames("--seed 5 --mail-share 0");
  Measure(state, frames);
}
BENCHMARK(Connections)->UseManualTime();

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

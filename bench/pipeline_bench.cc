// The worker's pipeline over packets that are cold in memory, against the touch floor: the same
// mbufs in the same bursts with the same prefetching, of which only the mbuf's line and the
// packet's first two are read.
#include <benchmark/benchmark.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "bench/bench_worker.h"
#include "bench/mbuf_frames.h"
#include "bench/report.h"

namespace mailtap::bench {
namespace {

constexpr std::size_t kUsed = MbufFrames::kFrames / MbufFrames::kBurst * MbufFrames::kBurst;
constexpr uint32_t kTcpAt = 14 + 20;
constexpr uint32_t kHeaders = kTcpAt + 20;

void Put16(uint8_t* to, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, sizeof(value));
}
void Put32(uint8_t* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof(value));
}

// Makes a frame that of a flow: addresses and the client's port. The server's port stays.
void SetFlow(uint8_t* frame, uint32_t flow) {
  Put32(frame + 26, 0x0a000000u | (flow * 2'654'435'761u >> 8));
  Put32(frame + 30, 0xcb007100u | (flow & 0xff));
  Put16(frame + kTcpAt, static_cast<uint16_t>(0x8000 | (flow >> 8 & 0x3fff)));
}

// Ethernet, IPv4 and TCP with `payload` bytes to `port`, over `flows` connections.
std::unique_ptr<MbufFrames> Plain(uint32_t flows, uint16_t port, uint16_t payload) {
  auto frames = std::make_unique<MbufFrames>();
  std::mt19937 random(1);
  std::array<uint8_t, 2'048> frame = {};
  frame[12] = 0x08;
  frame[14] = 0x45;
  Put16(&frame[16], static_cast<uint16_t>(kHeaders - 14 + payload));
  frame[22] = 64;
  frame[23] = 6;
  Put16(&frame[kTcpAt + 2], port);
  frame[kTcpAt + 12] = 0x50;
  frame[kTcpAt + 13] = 0x10;
  std::memset(&frame[kHeaders], 0x17, payload);
  for (std::size_t i = 0; i < MbufFrames::kFrames; ++i) {
    SetFlow(frame.data(), static_cast<uint32_t>(random()) % flows);
    Put32(&frame[kTcpAt + 4], static_cast<uint32_t>(random()));
    frames->Add(frame.data(), kHeaders + payload, kHeaders + payload,
                kNanosPerSecond + static_cast<UnixNanos>(i) * 1'000);
  }
  return frames;
}

MbufFrames& Frames(const std::string& kind) {
  static std::map<std::string, std::unique_ptr<MbufFrames>> all;
  auto& frames = all[kind];
  if (frames == nullptr) {
    frames = kind == "64B" ? Plain(10'000, 443, 10)
                           : std::make_unique<MbufFrames>(
                                 "--seed 5 --flows 2k --hosts 1000 "
                                 "--mail-share " +
                                 kind);
  }
  return *frames;
}

void TouchFloor(benchmark::State& state, const std::string& kind) {
  MbufFrames& frames = Frames(kind);
  uint64_t sum = 0;
  for (auto _ : state) {
    frames.ForEachBurst(0, [&](absl::Span<const pipeline::PacketView> views) {
      for (std::size_t i = 0; i < views.size(); ++i) {
        constexpr std::size_t kAhead = pipeline::Worker::kPrefetchAhead;
        if (i + kAhead < views.size()) pipeline::Worker::Prefetch(views[i + kAhead]);
        sum += views[i].data[12] + views[i].data[kCacheLine];
      }
    });
    benchmark::DoNotOptimize(sum);
  }
  Report(state, "packet", static_cast<double>(state.iterations() * kUsed));
}

// Each round is the capture anew: sessions end in between, unmeasured, or all that follows
// would be copies. The stamps go on, with all their ticks.
void Pipeline(benchmark::State& state, const std::string& kind) {
  MbufFrames& frames = Frames(kind);
  const config::Config config;
  BenchWorker sensor(config);
  for (auto _ : state) {
    sensor.Take(frames);
    state.PauseTiming();
    sensor.Forget(frames);
    sensor.Drain();
    state.ResumeTiming();
  }
  Report(state, "packet", static_cast<double>(state.iterations() * kUsed));
  state.counters["mail"] = static_cast<double>(sensor.worker->counters().mail_packets.value()) /
                           static_cast<double>(sensor.worker->counters().packets.value());
}

// So many connections at once, each in turn. Tuples and sequence numbers are rewritten in the
// timed loop, which prefetches like the pipeline.
void Concurrent(benchmark::State& state, uint16_t port) {
  const auto flows = static_cast<uint32_t>(state.range(0));
  constexpr uint16_t kPayload = 400;
  const auto frames = Plain(flows, port, kPayload);
  config::Config config;
  config.limits.sessions = 1'100'000;
  config.limits.conversations = 1'100'000;
  BenchWorker sensor(config);
  uint64_t packet = 0;
  const auto round = [&] {
    frames->ForEachBurst(sensor.later, [&](absl::Span<const pipeline::PacketView> views) {
      for (std::size_t i = 0; i < views.size(); ++i, ++packet) {
        constexpr std::size_t kAhead = pipeline::Worker::kPrefetchAhead;
        if (i + kAhead < views.size()) pipeline::Worker::Prefetch(views[i + kAhead]);
        constexpr uint64_t kStride = 1'000'003;  // prime: goes through all flows, out of order
        auto* frame = const_cast<uint8_t*>(views[i].data);
        SetFlow(frame, static_cast<uint32_t>(packet * kStride % flows));
        Put32(frame + kTcpAt + 4, static_cast<uint32_t>(packet / flows) * kPayload);
      }
      sensor.Take(views);
    });
  };
  const auto go_on = [&] {
    sensor.Drain();
    sensor.later += frames->span();
  };
  while (packet < 2 * uint64_t{flows}) {
    round();
    go_on();
  }
  for (auto _ : state) {
    round();
    state.PauseTiming();
    go_on();
    state.ResumeTiming();
  }
  Report(state, "packet", static_cast<double>(state.iterations() * kUsed));
  state.counters["sessions"] = static_cast<double>(sensor.worker->counters().sessions.value());
}

constexpr uint16_t kHttps = 443, kSmtp = 25;

#define MAILTAP_AGAINST_FLOOR(name, kind)    \
  BENCHMARK_CAPTURE(TouchFloor, name, kind); \
  BENCHMARK_CAPTURE(Pipeline, name, kind)
MAILTAP_AGAINST_FLOOR(mix_5_percent_mail, "5");
MAILTAP_AGAINST_FLOOR(no_mail, "0");
MAILTAP_AGAINST_FLOOR(64_byte_packets, "64B");
MAILTAP_AGAINST_FLOOR(all_mail, "100");
BENCHMARK_CAPTURE(Concurrent, flows_no_mail, kHttps)->Arg(10'000)->Arg(10'000'000);
BENCHMARK_CAPTURE(Concurrent, flows_all_mail, kSmtp)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

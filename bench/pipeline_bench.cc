// The worker's pipeline over packets that are cold in memory, against the touch floor: the same
// mbufs in the same bursts with the same prefetching, of which only the mbuf's line and the
// packet's first two are read.
#include <benchmark/benchmark.h>

#include <cstring>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/bench_worker.h"
#include "bench/mbuf_frames.h"
#include "bench/report.h"

namespace mailtap::bench {
namespace {

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

// What mailtap-gen is asked for.
struct Mix {
  int64_t mail_share = 5;  // per cent of the packets
  int64_t flows = 2'000;   // at once
  int64_t hosts = 1'000;
  int64_t largest_frame = 1'514;

  std::string arguments() const {
    return absl::StrCat("--seed 5 --flows ", flows, " --hosts ", hosts, " --mail-share ",
                        mail_share, " --packet-size ", largest_frame);
  }
};
constexpr char kSmallest[] = "64-byte packets";

// Those of the last call are gone: they take half a gigabyte.
MbufFrames& Frames(const std::string& kind) {
  static std::pair<std::string, std::unique_ptr<MbufFrames>> last;
  if (last.second == nullptr || last.first != kind) {
    last.second.reset();
    last = {kind,
            kind == kSmallest ? Plain(10'000, 443, 10) : std::make_unique<MbufFrames>(kind)};
  }
  return *last.second;
}

double Used(std::size_t burst) {
  return static_cast<double>(MbufFrames::kFrames / burst * burst);
}

struct Toucher {
  uint64_t sum = 0;

  void Work(absl::Span<const pipeline::PacketView> views) {
    for (const pipeline::PacketView& view : views) sum += view.data[12] + view.data[kCacheLine];
  }
  void Settle() {}
};

void TouchFloor(benchmark::State& state, const std::string& kind, std::size_t burst) {
  MbufFrames& frames = Frames(kind);
  Toucher toucher;
  for (auto _ : state) {
    frames.Feed(0, toucher, burst);
    benchmark::DoNotOptimize(toucher.sum);
  }
  Report(state, "packet", static_cast<double>(state.iterations()) * Used(burst));
}

// Each round is the capture anew: sessions end in between, unmeasured, or all that follows
// would be copies. The stamps go on, with all their ticks.
void Pipeline(benchmark::State& state, const std::string& kind, std::size_t burst) {
  MbufFrames& frames = Frames(kind);
  const config::Config config;
  BenchWorker sensor(config);
  for (auto _ : state) {
    sensor.Take(frames, burst);
    state.PauseTiming();
    sensor.Forget(frames);
    sensor.Drain();
    state.ResumeTiming();
  }
  Report(state, "packet", static_cast<double>(state.iterations()) * Used(burst));
  state.counters["mail"] = static_cast<double>(sensor.worker->counters().mail_packets.value()) /
                           static_cast<double>(sensor.worker->counters().packets.value());
}

// Makes packets those of so many connections, each in turn.
struct Rewriter {
  static constexpr uint16_t kPayload = 400;

  BenchWorker& sensor;
  uint32_t flows;
  uint64_t packet = 0;

  void Work(absl::Span<const pipeline::PacketView> views) {
    for (const pipeline::PacketView& view : views) {
      constexpr uint64_t kStride = 1'000'003;  // prime: goes through all flows, out of order
      auto* frame = const_cast<uint8_t*>(view.data);
      SetFlow(frame, static_cast<uint32_t>(packet * kStride % flows));
      Put32(frame + kTcpAt + 4, static_cast<uint32_t>(packet / flows) * kPayload);
      ++packet;
    }
    sensor.Work(views);
  }
  void Settle() { sensor.Settle(); }
};

// So many connections at once. Tuples and sequence numbers are rewritten in the timed loop.
void Concurrent(benchmark::State& state, uint16_t port) {
  const auto flows = static_cast<uint32_t>(state.range(0));
  const auto frames = Plain(flows, port, Rewriter::kPayload);
  config::Config config;
  config.limits.sessions = 1'100'000;
  config.limits.conversations = 1'100'000;
  BenchWorker sensor(config);
  Rewriter rewriter{sensor, flows};
  const auto go_on = [&] {
    sensor.Drain();
    sensor.later += frames->span();
  };
  while (rewriter.packet < 2 * uint64_t{flows}) {
    frames->Feed(sensor.later, rewriter);
    go_on();
  }
  for (auto _ : state) {
    frames->Feed(sensor.later, rewriter);
    state.PauseTiming();
    go_on();
    state.ResumeTiming();
  }
  Report(state, "packet", static_cast<double>(state.iterations()) * Used(MbufFrames::kBurst));
  state.counters["sessions"] = static_cast<double>(sensor.worker->counters().sessions.value());
}

constexpr uint16_t kHttps = 443, kSmtp = 25;

void AgainstFloor(const std::string& name, const std::string& kind,
                  std::size_t burst = MbufFrames::kBurst) {
  benchmark::RegisterBenchmark(("TouchFloor/" + name).c_str(), TouchFloor, kind, burst);
  benchmark::RegisterBenchmark(("Pipeline/" + name).c_str(), Pipeline, kind, burst);
}

// The mix with one thing changed.
void Sweep(const char* what, int64_t Mix::*part, std::initializer_list<int64_t> values) {
  for (const int64_t value : values) {
    Mix mix;
    mix.*part = value;
    AgainstFloor(absl::StrCat("sweep/", what, ":", value), mix.arguments());
  }
}

void RegisterAll() {
  AgainstFloor("mix_5_percent_mail", Mix{}.arguments());
  AgainstFloor("no_mail", Mix{.mail_share = 0}.arguments());
  AgainstFloor("64_byte_packets", kSmallest);
  AgainstFloor("all_mail", Mix{.mail_share = 100}.arguments());
  Sweep("mail_share", &Mix::mail_share, {1, 10, 20, 50});
  Sweep("flows", &Mix::flows, {200, 20'000});
  Sweep("hosts", &Mix::hosts, {100, 10'000});
  Sweep("largest_frame", &Mix::largest_frame, {128, 594, 9'000});
  for (const std::size_t burst : {8, 16, 64, 128, 256}) {
    AgainstFloor(absl::StrCat("sweep/burst:", burst), Mix{}.arguments(), burst);
  }
}

BENCHMARK_CAPTURE(Concurrent, flows_no_mail, kHttps)
    ->RangeMultiplier(10)
    ->Range(10'000, 10'000'000);
BENCHMARK_CAPTURE(Concurrent, flows_all_mail, kSmtp)
    ->RangeMultiplier(10)
    ->Range(10'000, 1'000'000);

}  // namespace
}  // namespace mailtap::bench

int main(int argc, char** argv) {
  mailtap::bench::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

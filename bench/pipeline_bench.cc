// The worker's pipeline over packets that are cold in memory, against the touch floor: the same
// packets, the same bursts and the same prefetching, but only the first two lines of each read.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "lib/pipeline/worker.h"

namespace mailtap {
namespace {

constexpr std::size_t kBurst = 32;
constexpr std::size_t kPackets = 200'000;
constexpr std::size_t kSlot = 2'048;  // as far apart as mbufs lie

// Frames of web traffic: Ethernet, IPv4, TCP, `payload` bytes, over `flows` connections.
class Traffic {
 public:
  Traffic(uint32_t flows, uint16_t payload) : bytes_(kPackets * kSlot), views_(kPackets) {
    std::mt19937 random(1);
    for (std::size_t i = 0; i < kPackets; ++i) {
      uint8_t* frame = bytes_.data() + i * kSlot;
      const uint32_t flow = random() % flows;
      const uint16_t total = static_cast<uint16_t>(40 + payload);
      frame[12] = 0x08;
      uint8_t* ip = frame + 14;
      ip[0] = 0x45;
      ip[2] = static_cast<uint8_t>(total >> 8);
      ip[3] = static_cast<uint8_t>(total);
      ip[8] = 64;
      ip[9] = 6;
      const uint32_t host = 0x0a000000u | (flow * 2'654'435'761u >> 8);
      const uint32_t server = 0xcb007100u | (flow & 0xff);
      Put32(ip + 12, host);
      Put32(ip + 16, server);
      uint8_t* tcp = ip + 20;
      tcp[0] = static_cast<uint8_t>(0x80 | (flow >> 8 & 0x3f));
      tcp[1] = static_cast<uint8_t>(flow);
      tcp[2] = 1;  // port 443
      tcp[3] = 0xbb;
      Put32(tcp + 4, static_cast<uint32_t>(random()));
      tcp[12] = 0x50;
      tcp[13] = 0x10;
      for (uint16_t b = 0; b < payload; b += 4) Put32(tcp + 20 + b, 0x17030300u | flow);
      views_[i] = {.data = frame,
                   .captured = 14u + total,
                   .wire_length = 14u + total,
                   .time = kNanosPerSecond};
    }
  }
  const std::vector<pipeline::PacketView>& views() const { return views_; }

 private:
  static void Put32(uint8_t* to, uint32_t value) {
    value = __builtin_bswap32(value);
    std::memcpy(to, &value, sizeof(value));
  }
  std::vector<uint8_t> bytes_;
  std::vector<pipeline::PacketView> views_;
};

void Report(benchmark::State& state) {
  const auto packets = static_cast<double>(state.iterations() * kPackets);
  state.counters["packets/s"] = benchmark::Counter(packets, benchmark::Counter::kIsRate);
  state.counters["ns/packet"] = benchmark::Counter(
      packets / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void TouchFloor(benchmark::State& state) {
  const Traffic traffic(static_cast<uint32_t>(state.range(0)),
                        static_cast<uint16_t>(state.range(1)));
  constexpr std::size_t kAhead = 4;
  uint64_t sum = 0;
  for (auto _ : state) {
    const auto& views = traffic.views();
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (i + kAhead < views.size()) {
        __builtin_prefetch(views[i + kAhead].data);
        __builtin_prefetch(views[i + kAhead].data + kCacheLine);
      }
      sum += views[i].data[12] + views[i].data[kCacheLine];
    }
    benchmark::DoNotOptimize(sum);
  }
  Report(state);
}

void Pipeline(benchmark::State& state) {
  const Traffic traffic(static_cast<uint32_t>(state.range(0)),
                        static_cast<uint16_t>(state.range(1)));
  const config::Config config;
  exchange::RecordRing ring(1 << 20);
  auto patterns = classify::PatternDatabase::Load();
  auto worker = pipeline::Worker::Create(config, patterns.value(), ring).value();
  for (auto _ : state) {
    const auto& views = traffic.views();
    for (std::size_t i = 0; i + kBurst <= views.size(); i += kBurst) {
      worker->Process({views.data() + i, kBurst});
    }
  }
  Report(state);
}

// Flows, and payload bytes a packet.
BENCHMARK(TouchFloor)->Args({10'000, 600})->Args({1'000'000, 600})->Args({10'000, 10});
BENCHMARK(Pipeline)->Args({10'000, 600})->Args({1'000'000, 600})->Args({10'000, 10});

}  // namespace
}  // namespace mailtap

BENCHMARK_MAIN();

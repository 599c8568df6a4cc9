// Ordinary frames to their TCP segment, by size and by what they are made of.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/cold_frames.h"
#include "bench/report.h"
#include "lib/net/decode.h"

namespace mailtap::bench {
namespace {

using net::Bytes;
using net::Ethernet;
using net::Ipv4;
using net::Ipv6;
using net::Tcp;

constexpr uint16_t kIpv4Type = 0x0800, kIpv6Type = 0x86dd, kVlanType = 0x8100;

enum Kind { kV4, kV6, kVlan, kMixed };

Bytes Plain(Kind kind, std::size_t payload) {
  const std::string text(payload, 'x');
  switch (kind) {
    case kV6:
      return Ethernet(kIpv6Type, Ipv6({}, Tcp({}, text)));
    case kVlan:
      return Ethernet(kVlanType, net::Vlan(100, kIpv4Type, Ipv4({}, Tcp({}, text))));
    default:
      return Ethernet(kIpv4Type, Ipv4({}, Tcp({}, text)));
  }
}

void Decode(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(0));
  const auto payload = static_cast<std::size_t>(state.range(1));
  const ColdFrames frames(kind == kMixed
                              ? std::vector<Bytes>{Plain(kV4, payload), Plain(kV6, payload),
                                                   Plain(kV4, payload), Plain(kVlan, payload)}
                              : std::vector<Bytes>{Plain(kind, payload)});
  const net::TunnelPorts tunnels;
  for (auto _ : state) {
    frames.ForEach([&](const uint8_t* data, uint32_t length) {
      net::Segment segment;
      benchmark::DoNotOptimize(net::Decode(data, length, length, net::LinkType::kEthernet,
                                           net::kNoVlan, tunnels, segment));
      benchmark::DoNotOptimize(segment);
    });
  }
  Report(state, "packet", static_cast<double>(state.iterations() * ColdFrames::kFrames));
}

BENCHMARK(Decode)
    ->ArgNames({"kind", "payload"})
    ->ArgsProduct({{kV4, kV6, kVlan, kMixed}, {10, 600, 1'460}});

// What reading the same lines costs by itself.
void Touch(benchmark::State& state) {
  const ColdFrames frames({Plain(kV4, static_cast<std::size_t>(state.range(0)))});
  uint64_t sum = 0;
  for (auto _ : state) {
    frames.ForEach([&](const uint8_t* data, uint32_t) { sum += data[12] + data[64]; });
    benchmark::DoNotOptimize(sum);
  }
  Report(state, "packet", static_cast<double>(state.iterations() * ColdFrames::kFrames));
}

BENCHMARK(Touch)->ArgName("payload")->Arg(10)->Arg(600)->Arg(1'460);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

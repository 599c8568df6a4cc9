// Frames inside tunnels to their innermost TCP segment: each kind, IPv4 around and within.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/cold_frames.h"
#include "bench/report.h"
#include "lib/net/decode.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::bench {
namespace {

using net::Bytes;

constexpr uint16_t kIpv4Type = 0x0800;

void Run(benchmark::State& state, const Bytes& frame) {
  const ColdFrames frames({frame});
  const net::TunnelPorts tunnels = net::UsualPorts();
  bool decoded = true;
  for (auto _ : state) {
    frames.ForEach([&](const uint8_t* data, uint32_t length) {
      net::Segment segment;
      decoded &= net::Decode(data, length, length, net::LinkType::kEthernet, net::kNoVlan,
                             tunnels, segment) == net::Outcome::kTcp;
      benchmark::DoNotOptimize(segment);
    });
  }
  if (!decoded) state.SkipWithError("does not decode");
  Report(state, "packet", static_cast<double>(state.iterations() * ColdFrames::kFrames));
}

void RegisterAll() {
  const Bytes packet = net::Ipv4({}, net::Tcp({}, std::string(600, 'x')));
  benchmark::RegisterBenchmark("Decap/none", Run, net::EthernetOf(packet));
  for (const net::LinkLayer& layer : net::LinkLayers()) {
    const net::Carried carried = layer.wrap({kIpv4Type, packet});
    benchmark::RegisterBenchmark((std::string("Decap/") + layer.name).c_str(), Run,
                                 net::Ethernet(carried.type, carried.bytes));
  }
  for (const net::IpTunnel& tunnel : net::IpTunnels()) {
    const Bytes inner = tunnel.carries_frames ? net::EthernetOf(packet) : packet;
    benchmark::RegisterBenchmark((std::string("Decap/") + tunnel.name).c_str(), Run,
                                 net::EthernetOf(net::Outer(tunnel, true, inner)));
  }
}

}  // namespace
}  // namespace mailtap::bench

int main(int argc, char** argv) {
  mailtap::bench::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// The session table: a packet's look-up, one after the other and with its line asked for eight
// packets ahead, and a session's coming and going; by the number of sessions.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "bench/report.h"
#include "lib/flow/session_table.h"
#include "lib/net/hash.h"

namespace mailtap::bench {
namespace {

flow::SessionKey KeyOf(uint32_t number) {
  const uint32_t mixed = number * 2'654'435'761u;
  const uint8_t client[4] = {10, static_cast<uint8_t>(number >> 16),
                             static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
  const uint8_t server[4] = {192, 0, 2, static_cast<uint8_t>(mixed >> 24)};
  return {.source = net::IpAddress::FromV4(client),
          .destination = net::IpAddress::FromV4(server),
          .source_port = static_cast<uint16_t>(32'768 + (mixed >> 8) % 28'000),
          .destination_port = 25};
}

uint64_t HashOf(const flow::SessionKey& key) {
  return net::FlowHash(net::AddressHash(key.source, key.destination),
                       net::PortPair(key.source_port, key.destination_port));
}

struct Packet {
  flow::SessionKey key;
  uint64_t hash;
};

// Packets of random sessions from either end, with their hashes, as decoding leaves them.
std::vector<Packet> PacketsOf(uint32_t sessions) {
  constexpr std::size_t kPackets = 1 << 16;
  std::mt19937 random(1);
  std::vector<Packet> packets;
  for (std::size_t i = 0; i < kPackets; ++i) {
    flow::SessionKey key = KeyOf(static_cast<uint32_t>(random() % sessions));
    if (random() % 2 == 0) {
      std::swap(key.source, key.destination);
      std::swap(key.source_port, key.destination_port);
    }
    packets.push_back({key, HashOf(key)});
  }
  return packets;
}

void Fill(flow::SessionTable& table, uint32_t sessions) {
  for (uint32_t i = 0; i < sessions; ++i) {
    const flow::SessionKey key = KeyOf(i);
    table.Insert(key, HashOf(key), 0);
  }
}

void Find(benchmark::State& state) {
  const auto sessions = static_cast<uint32_t>(state.range(0));
  const auto ahead = static_cast<std::size_t>(state.range(1));
  flow::SessionTable table(sessions);
  Fill(table, sessions);
  const std::vector<Packet> packets = PacketsOf(sessions);
  for (auto _ : state) {
    for (std::size_t i = 0; i < packets.size(); ++i) {
      if (ahead > 0) table.Prefetch(packets[(i + ahead) % packets.size()].hash);
      flow::End end;
      benchmark::DoNotOptimize(table.Find(packets[i].key, packets[i].hash, end));
    }
  }
  Report(state, "packet", static_cast<double>(state.iterations() * packets.size()));
  state.counters["bytes/session"] = static_cast<double>(table.bytes()) / sessions;
}

BENCHMARK(Find)
    ->ArgNames({"sessions", "ahead"})
    ->ArgsProduct({{1'000, 10'000, 100'000, 1'000'000}, {0, 8}});

// One session goes, another comes, in a table that is nine tenths full.
void Replace(benchmark::State& state) {
  const auto sessions = static_cast<uint32_t>(state.range(0));
  flow::SessionTable table(sessions);
  Fill(table, sessions / 10 * 9);
  uint32_t oldest = 0, next = sessions / 10 * 9;
  for (auto _ : state) {
    const flow::SessionKey old = KeyOf(oldest++), fresh = KeyOf(next++);
    flow::End end;
    table.Remove(table.Find(old, HashOf(old), end));
    benchmark::DoNotOptimize(table.Insert(fresh, HashOf(fresh), 0));
  }
  Report(state, "session", static_cast<double>(state.iterations()));
}

BENCHMARK(Replace)->ArgName("sessions")->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

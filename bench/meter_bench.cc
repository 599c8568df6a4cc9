// Conversation counters: adding to a row, and a row's coming and going; by their number.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/meter/conversation_table.h"

namespace mailtap::bench {
namespace {

std::vector<uint32_t> AcquireRows(meter::ConversationTable& table, uint32_t rows) {
  std::vector<uint32_t> acquired;
  for (uint32_t i = 0; i < rows; ++i) {
    bool exact;
    acquired.push_back(table.Acquire(RecordOf(i, 0, Service::kSmtp, 0).key, exact));
  }
  return acquired;
}

// What a session's fold adds once a tick; rows in random order.
void Add(benchmark::State& state) {
  const auto rows = static_cast<uint32_t>(state.range(0));
  meter::ConversationTable table(rows + rows / 8 + 16);
  std::vector<uint32_t> acquired = AcquireRows(table, rows);
  std::shuffle(acquired.begin(), acquired.end(), std::mt19937(1));
  for (auto _ : state) {
    for (const uint32_t row : acquired) {
      meter::DeltaRecord& delta = table.Touch(row);
      delta.bytes[kUp].observed += 1'448;
      ++delta.bytes[kUp].packets;
      ++delta.bytes[kDown].packets;
      delta.last_seen = static_cast<UnixNanos>(state.iterations());
    }
  }
  Report(state, "record", static_cast<double>(state.iterations()) * rows);
}

BENCHMARK(Add)->ArgName("rows")->RangeMultiplier(10)->Range(1'000, 1'000'000);

// A conversation's row is taken and given back.
void Acquire(benchmark::State& state) {
  const auto rows = static_cast<uint32_t>(state.range(0));
  meter::ConversationTable table(rows + rows / 8 + 16);
  AcquireRows(table, rows - 1);
  uint32_t next = rows;
  for (auto _ : state) {
    bool exact;
    table.Release(table.Acquire(RecordOf(next++ & 0xffffff, 1, Service::kSmtp, 0).key, exact));
  }
  Report(state, "record", static_cast<double>(state.iterations()));
}

BENCHMARK(Acquire)->ArgName("rows")->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

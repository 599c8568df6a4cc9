// The end of a tick at a worker: touched rows into the ring; and the other side, out of it.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/exchange/ring.h"
#include "lib/meter/conversation_table.h"

namespace mailtap::bench {
namespace {

constexpr std::size_t kRecordBytes = sizeof(meter::DeltaRecord) + 8;

void Flush(benchmark::State& state) {
  const auto rows = static_cast<uint32_t>(state.range(0));
  meter::ConversationTable table(rows + rows / 8 + 16);
  std::vector<uint32_t> acquired;
  for (uint32_t i = 0; i < rows; ++i) {
    bool exact;
    acquired.push_back(table.Acquire(RecordOf(i, 0, Service::kSmtp, 0).key, exact));
  }
  exchange::RecordRing ring(rows * kRecordBytes);
  bool complete = true;
  for (auto _ : state) {
    state.PauseTiming();
    for (const uint32_t row : acquired) ++table.Touch(row).bytes[kUp].packets;
    state.ResumeTiming();
    complete &= table.Flush([&](const meter::DeltaRecord& d) { return ring.Push(d); });
    state.PauseTiming();
    ring.Drain([](const meter::DeltaRecord&) {});
    state.ResumeTiming();
  }
  if (!complete) state.SkipWithError("the ring was full");
  Report(state, "record", static_cast<double>(state.iterations()) * rows);
}

BENCHMARK(Flush)->ArgName("records")->RangeMultiplier(10)->Range(1'000, 1'000'000);

void Drain(benchmark::State& state) {
  const auto records = static_cast<uint32_t>(state.range(0));
  exchange::RecordRing ring(records * kRecordBytes);
  const meter::DeltaRecord record = RecordOf(1, 0, Service::kSmtp, 0);
  uint64_t sum = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (uint32_t i = 0; i < records; ++i) ring.Push(record);
    state.ResumeTiming();
    ring.Drain([&](const meter::DeltaRecord& d) { sum += d.bytes[kUp].observed; });
    benchmark::DoNotOptimize(sum);
  }
  Report(state, "record", static_cast<double>(state.iterations()) * records);
}

BENCHMARK(Drain)->ArgName("records")->RangeMultiplier(10)->Range(1'000, 1'000'000);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

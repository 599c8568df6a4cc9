// Delta records merged by the control core: of conversations that it knows, and of new ones.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/control/control.h"

namespace mailtap::bench {
namespace {

constexpr int64_t kFirstTick = 1'800'000'000;

std::vector<meter::DeltaRecord> Records(uint32_t first_host, uint32_t count, int64_t tick) {
  std::vector<meter::DeltaRecord> records;
  records.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    records.push_back(RecordOf(first_host + i / 4, i % 4, Service::kSmtp, tick));
  }
  return records;
}

void Apply(control::Control& control, const std::vector<meter::DeltaRecord>& records) {
  for (const meter::DeltaRecord& record : records) control.Apply(record);
}

// Records that come twice in a tick, from different workers: all conversations known, and none
// of the windows touched yet.
void Known(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  AlertCounter alerts;
  control::Control control(ShippedConfig(), alerts);
  int64_t tick = kFirstTick;
  Apply(control, Records(0, count, tick));
  for (auto _ : state) {
    state.PauseTiming();
    control.EndTick(tick++);
    const std::vector<meter::DeltaRecord> records = Records(0, count, tick);
    state.ResumeTiming();
    Apply(control, records);
  }
  Report(state, "record", static_cast<double>(state.iterations()) * count);
}

BENCHMARK(Known)->ArgName("records")->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(
    benchmark::kMillisecond);

void New(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  AlertCounter alerts;
  uint32_t first_host = 0;
  control::Control control(ShippedConfig(), alerts);
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<meter::DeltaRecord> records = Records(first_host, count, kFirstTick);
    first_host += count / 4;
    state.ResumeTiming();
    Apply(control, records);
  }
  Report(state, "record", static_cast<double>(state.iterations()) * count);
}

BENCHMARK(New)->ArgName("records")->Arg(10'000)->Arg(100'000)->Iterations(8)->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

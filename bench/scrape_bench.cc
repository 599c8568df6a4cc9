// What a scrape costs: the snapshot at the end of a tick, and /metrics' text from it; by the
// number of hosts known.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/control/control.h"
#include "lib/export/metrics.h"

namespace mailtap::bench {
namespace {

constexpr int64_t kFirstTick = 1'800'000'000;

// A control core that knows `hosts` hosts, all of them active in its last tick.
class Core {
 public:
  explicit Core(uint32_t hosts) : control_(ShippedConfig(), alerts_) {
    for (uint32_t host = 0; host < hosts; ++host) {
      control_.Apply(RecordOf(host, 0, Service::kSmtp, kFirstTick));
    }
    control_.EndTick(kFirstTick);
  }
  std::shared_ptr<const control::Snapshot> Snapshot() const { return control_.MakeSnapshot(); }

 private:
  AlertCounter alerts_;
  control::Control control_;
};

void Snapshot(benchmark::State& state) {
  const Core core(static_cast<uint32_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(core.Snapshot());
  Report(state, "snapshot", static_cast<double>(state.iterations()));
}

// One request for /metrics, but for the connection.
void Scrape(benchmark::State& state) {
  const Core core(static_cast<uint32_t>(state.range(0)));
  const auto snapshot = core.Snapshot();
  const exporting::MetricsCollector collector([&] { return snapshot; },
                                              [] { return exporting::SensorStatus(); });
  std::string text;
  for (auto _ : state) text = exporting::MetricsText(collector);
  Report(state, "scrape", static_cast<double>(state.iterations()));
  state.counters["bytes"] = static_cast<double>(text.size());
}

BENCHMARK(Snapshot)->ArgName("hosts")->Arg(1'000)->Arg(1'000'000)->Unit(
    benchmark::kMillisecond);
BENCHMARK(Scrape)->ArgName("hosts")->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

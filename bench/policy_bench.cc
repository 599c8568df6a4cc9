// Large policies: reading an inventory of assets, and ticks under a thousand rules of a hundred
// groups that are made of it.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/config/assets.h"
#include "lib/control/control.h"

namespace mailtap::bench {
namespace {

constexpr int64_t kFirstTick = 1'800'000'000;
constexpr int kUnits = 100;

std::string AssetsCsv(int64_t assets) {
  std::string text = "address,name,owner,unit,role,tags\n";
  for (int64_t i = 0; i < assets; ++i) {
    absl::StrAppend(&text, "10.", i >> 16 & 255, ".", i >> 8 & 255, ".", i & 255, ",host", i,
                    ",team ", i % 7, ",unit ", i % kUnits, ",workstation,\n");
  }
  return text;
}

std::shared_ptr<const config::Config> Large(int64_t rules, int64_t assets) {
  config::Config config = *ShippedConfig();
  config.assets.rows = config::ParseAssets(AssetsCsv(assets), "assets.csv").assets;
  for (int i = 0; i < kUnits; ++i) {
    config.groups.push_back(
        {.name = absl::StrCat("group ", i), .units = {absl::StrCat("unit ", i)}});
  }
  const config::Rule model = config.rules[0];
  for (int64_t i = 0; i < rules; ++i) {
    config::Rule& rule = config.rules.emplace_back(model);
    rule.name = absl::StrCat("rule ", i);
    rule.groups = {absl::StrCat("group ", i % kUnits)};
  }
  return std::make_shared<const config::Config>(std::move(config));
}

void ReadAssets(benchmark::State& state) {
  const std::string text = AssetsCsv(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(config::ParseAssets(text, "assets.csv"));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ReadAssets)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// A configuration comes into force.
void Prepare(benchmark::State& state) {
  const auto config = Large(state.range(0), state.range(1));
  ::malloc_trim(0);  // or it takes what was freed before
  const double before = ResidentBytes();
  AlertCounter alerts;
  const auto kept = std::make_unique<control::Control>(config, alerts);
  state.counters["MB"] = (ResidentBytes() - before) / 1e6;
  for (auto _ : state) {
    const control::Control control(config, alerts);
    benchmark::DoNotOptimize(control);
  }
}
BENCHMARK(Prepare)->Args({0, 0})->Args({1'000, 100'000})->Unit(benchmark::kMillisecond);

// Ticks with 10k conversations each, of 10k hosts that are all known.
void Tick(benchmark::State& state) {
  AlertCounter alerts;
  control::Control control(Large(state.range(0), state.range(1)), alerts);
  int64_t tick = kFirstTick;
  TimeEach(
      state, [&] { ++tick; },
      [&] {
        for (uint32_t i = 0; i < 10'000; ++i) {
          control.Apply(RecordOf(i, 0, Service::kSmtp, tick));
        }
        control.EndTick(tick);
        benchmark::DoNotOptimize(control.MakeSnapshot());
      });
}
BENCHMARK(Tick)
    ->Args({0, 0})
    ->Args({0, 100'000})
    ->Args({1'000, 100'000})
    ->Iterations(20)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

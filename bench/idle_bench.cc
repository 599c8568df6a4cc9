// What resting costs a packet that comes meanwhile: how long a rest really takes, against what
// was asked for; and what it saves: the processor time of a second without packets.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "bench/report.h"
#include "lib/dataplane/idle.h"

namespace mailtap::bench {
namespace {

void Rest(benchmark::State& state) {
  dataplane::Idler idler({}, 0, state.range(0));
  idler.Begin();
  // Past its patience, and past the short rests that come first.
  constexpr int kSettled = 600;
  for (int i = 0; i < kSettled; ++i) idler.AfterRound(false);
  double longest = 0, wall = 0;
  const ThreadStopwatch processor;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    idler.AfterRound(false);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    longest = std::max(longest, took.count());
    wall += took.count();
    state.SetIterationTime(took.count());
  }
  state.counters["longest_us"] = longest * 1e6;
  state.counters["busy_percent"] = processor.seconds() / wall * 100;
}

BENCHMARK(Rest)
    ->ArgName("asked_us")
    ->Arg(10)
    ->Arg(50)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->MinTime(0.2)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

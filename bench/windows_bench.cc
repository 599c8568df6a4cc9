// The end of a second in the control core: every record of the tick merged, windows moved on,
// rules judged, a snapshot taken. Rules are the shipped ones.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/control/control.h"

namespace mailtap::bench {
namespace {

constexpr int64_t kFirstTick = 1'800'000'000;

// A control core that has run for as long as its longest common window.
class Core {
 public:
  // `known` hosts with `peers` conversations each; `active` of these conversations, of other
  // hosts each tick.
  Core(std::shared_ptr<const config::Config> config, uint32_t known, uint32_t peers,
       uint32_t active)
      : known_(known),
        peers_(peers),
        active_(active),
        control_(std::move(config), alerts_),
        tick_(kFirstTick) {}

  // Everybody is heard at least once, and each bucket of a ten-minute window has as many rows
  // as a tick brings.
  void WarmUp() {
    constexpr int64_t kBuckets = 61, kWidth = 10;
    const uint64_t conversations = uint64_t{known_} * peers_;
    const auto to_know = static_cast<int64_t>((conversations + active_ - 1) / active_);
    for (int64_t i = std::max<int64_t>(kBuckets, to_know); i > 0; --i) {
      tick_ += i > kBuckets ? 1 : kWidth;
      Fill();
      Run();
    }
  }

  // Gets the records of the next tick ready, outside of what is timed.
  void Fill() {
    records_.clear();
    for (uint32_t i = 0; i < active_; ++i) {
      const auto service = static_cast<Service>(next_ % 2);
      records_.push_back(RecordOf(next_ / peers_, next_ % peers_, service, tick_));
      next_ = (next_ + 1) % (known_ * peers_);
    }
  }
  void Run() {
    for (const meter::DeltaRecord& record : records_) control_.Apply(record);
    control_.EndTick(tick_);
    benchmark::DoNotOptimize(control_.MakeSnapshot());
  }
  void NextTick() { ++tick_; }
  std::shared_ptr<const control::Snapshot> Snapshot() const { return control_.MakeSnapshot(); }

 private:
  const uint32_t known_;
  const uint32_t peers_;
  const uint32_t active_;
  AlertCounter alerts_;
  control::Control control_;
  int64_t tick_;
  uint32_t next_ = 0;
  std::vector<meter::DeltaRecord> records_;
};

void RunTicks(benchmark::State& state, std::shared_ptr<const config::Config> config) {
  const auto known = static_cast<uint32_t>(state.range(0));
  const auto peers = static_cast<uint32_t>(state.range(1));
  const auto active = static_cast<uint32_t>(state.range(2));
  const double before = ResidentBytes();
  Core core(std::move(config), known, peers, active);
  core.WarmUp();
  TimeEach(
      state,
      [&] {
        core.NextTick();
        core.Fill();
      },
      [&] { core.Run(); });
  Report(state, "record", static_cast<double>(state.iterations()) * active);
  state.counters["hosts"] = static_cast<double>(core.Snapshot()->hosts_known);
  state.counters["forgotten"] = static_cast<double>(core.Snapshot()->peers_forgotten);
  state.counters["MB"] = (ResidentBytes() - before) / 1e6;
}

void Tick(benchmark::State& state) { RunTicks(state, ShippedConfig()); }

// With [learning] on.
void LearningTick(benchmark::State& state) {
  config::Config config = *ShippedConfig();
  config.learning.after_seconds = 7 * 24 * 3'600;
  RunTicks(state, std::make_shared<const config::Config>(std::move(config)));
}

// Hosts known, peers of each, records a tick. Twenty ticks, of which every fifth and every
// tenth takes a bucket of some window out.
BENCHMARK(Tick)
    ->ArgNames({"hosts", "peers", "records"})
    ->Args({250'000, 4, 1'000'000})
    ->Args({1'000'000, 1, 1'000'000})
    ->Args({1'000'000, 2, 10'000})
    ->Args({10'000, 2, 10'000})
    ->Iterations(20)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(LearningTick)
    ->ArgNames({"hosts", "peers", "records"})
    ->Args({250'000, 4, 1'000'000})
    ->Args({1'000'000, 2, 10'000})
    ->Iterations(20)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

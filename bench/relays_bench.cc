// A large relay inventory: reading it, preparing it for look-ups, judging by it, and what it
// takes of memory. Half of the entries list an address each, half a name.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/config/relay_file.h"
#include "lib/control/control.h"
#include "lib/control/policy.h"

namespace mailtap::bench {
namespace {

constexpr int64_t kFirstTick = 1'800'000'000;

std::string Csv(int64_t entries) {
  std::string text = "name,destinations,names,ports,owner,expires\n";
  for (int64_t i = 0; i < entries; ++i) {
    const std::string where =
        i % 2 == 0 ? absl::StrCat("192.", i >> 16 & 255, ".", i >> 8 & 255, ".", i & 255, ",")
                   : absl::StrCat(",*.n", i, ".mail.example.com");
    absl::StrAppend(&text, "entry ", i, ",", where, ",25 587,messaging team,2099-12-31\n");
  }
  return text;
}

config::RelayFile File() {
  config::RelayFile file;
  file.path = "relays.csv";
  file.format = config::RelayFormat::kCsv;
  file.entry.name = "inventory";
  return file;
}

std::shared_ptr<const config::Config> WithEntries(int64_t entries) {
  config::Config config = *ShippedConfig();
  config.dns.resolvers = {net::ParsePrefix("10.0.0.53").value()};
  config.relay_files = {File()};
  config::AddRelays({config::ParseRelayFile(config.relay_files[0], Csv(entries), "UTC")},
                    config);
  return std::make_shared<const config::Config>(std::move(config));
}

void ReadEntries(benchmark::State& state) {
  const std::string text = Csv(state.range(0));
  const config::RelayFile file = File();
  for (auto _ : state) {
    benchmark::DoNotOptimize(config::ParseRelayFile(file, text, "UTC"));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ReadEntries)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void Prepare(benchmark::State& state) {
  const auto config = WithEntries(state.range(0));
  ::malloc_trim(0);  // or it takes what was freed before
  const double before = ResidentBytes();
  auto kept = std::make_unique<control::Policy>(*config);
  state.counters["MB"] = (ResidentBytes() - before) / 1e6;
  for (auto _ : state) {
    control::Policy policy(*config);
    benchmark::DoNotOptimize(policy);
  }
}
BENCHMARK(Prepare)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// Another inventory comes into force: 100k conversations of 50k hosts are judged anew.
void Reload(benchmark::State& state) {
  AlertCounter alerts;
  const std::shared_ptr<const config::Config> configs[] = {WithEntries(state.range(0)),
                                                           WithEntries(state.range(0))};
  control::Control control(configs[0], alerts);
  for (uint32_t i = 0; i < 100'000; ++i) {
    control.Apply(RecordOf(i / 2, i % 2, Service::kSmtp, kFirstTick));
  }
  control.EndTick(kFirstTick);
  int which = 0;
  for (auto _ : state) control.Reload(configs[which ^= 1]);
}
BENCHMARK(Reload)->Arg(0)->Arg(100'000)->Unit(benchmark::kMillisecond);

// Ticks with 10k conversations each, of which all are new or all known, with a thousand answers
// of a resolver among them.
void Tick(benchmark::State& state) {
  AlertCounter alerts;
  control::Control control(WithEntries(state.range(0)), alerts);
  const bool all_new = state.range(1) != 0;
  uint32_t next = 0;
  int64_t tick = kFirstTick;
  std::vector<meter::DeltaRecord> records;
  std::vector<meter::AnswerRecord> answers(1'000);
  const auto prepare = [&] {
    ++tick;
    records.clear();
    for (uint32_t i = 0; i < 10'000; ++i) {
      records.push_back(RecordOf(all_new ? next++ : i, 0, Service::kSmtp, tick));
    }
    for (uint32_t i = 0; i < answers.size(); ++i) {
      meter::AnswerRecord& answer = answers[i];
      const std::string name = absl::StrCat("mx.n", 2 * i + 1, ".mail.example.com");
      answer.server = net::ParseAddress("10.0.0.53").value();
      answer.time = StartOfTick(tick);
      answer.ttl = 300;
      answer.length = static_cast<uint8_t>(name.size());
      std::copy(name.begin(), name.end(), answer.name);
      answer.address_count = 1;
      answer.addresses[0] = records[i].key.server;
    }
  };
  TimeEach(state, prepare, [&] {
    for (const meter::AnswerRecord& answer : answers) control.Apply(answer);
    for (const meter::DeltaRecord& record : records) control.Apply(record);
    control.EndTick(tick);
    benchmark::DoNotOptimize(control.MakeSnapshot());
  });
}
BENCHMARK(Tick)
    ->ArgsProduct({{0, 100'000}, {0, 1}})
    ->Iterations(20)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

// The control core against the oracle, over random configurations and traffic.
#include "tests/unit/control/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

std::string Line(const std::string& rule, const net::IpAddress& host, Role role, double value,
                 bool alerting) {
  return absl::StrFormat("%s %s %s %.17g%s", rule, net::ToString(host), std::string(Name(role)),
                         value, alerting ? "!" : "");
}

enum class Show { kValues, kValuesAndAlerts };

// Gauges as both sides can say them.
std::vector<std::string> Lines(const Snapshot& snapshot, Show show) {
  std::vector<std::string> lines;
  for (const HostGauge& g : snapshot.host_gauges) {
    lines.push_back(
        Line(g.rule, g.host, g.role, g.value, show == Show::kValuesAndAlerts && g.alerting));
  }
  return lines;
}

std::vector<std::string> Lines(const Oracle& oracle, const config::Config& config, Show show) {
  std::vector<std::string> lines;
  for (const Oracle::Gauge& g : oracle.Gauges()) {
    lines.push_back(Line(config.rules[g.rule].name, g.host, g.role, g.value,
                         show == Show::kValuesAndAlerts && g.alerting));
  }
  return lines;
}

std::vector<meter::DeltaRecord> TrafficOf(const Scenario& scenario, int64_t tick) {
  const auto found = scenario.ticks.find(tick);
  return found == scenario.ticks.end() ? std::vector<meter::DeltaRecord>{} : found->second;
}

bool SameGauges(const Control& control, const Oracle& oracle, const config::Config& config,
                Show show) {
  const auto snapshot = control.MakeSnapshot();
  EXPECT_EQ(Lines(*snapshot, show), Lines(oracle, config, show));
  EXPECT_EQ(snapshot->hosts_tracked, oracle.HostsTracked());
  return !testing::Test::HasFailure();
}

// What kinds of rules have raised an alert.
struct Coverage {
  std::set<std::string> kinds;

  void Add(const config::Config& config, const std::vector<Alert>& alerts) {
    for (const Alert& alert : alerts) {
      if (alert.state != AlertState::kRaised) continue;
      kinds.insert(std::string(Name(alert.metric)));
      kinds.insert(absl::StrCat("scope ", Name(alert.scope)));
      for (const config::Rule& rule : config.rules) {
        if (rule.name != alert.rule) continue;
        if (!rule.conditions.empty()) kinds.insert("conditions");
        if (rule.sustained_seconds > 0) kinds.insert("sustained");
        if (!rule.tls.empty()) kinds.insert("tls");
        if (!rule.always()) kinds.insert("hours");
        if (rule.minimum > 0) kinds.insert("minimum");
      }
    }
  }
  // Nine metrics, three scopes, five keys.
  static constexpr std::size_t kAll = config::kMetricCount + 3 + 5;
};

// Runs the scenario second by second on both, and compares every value at every second and
// every alert with all its evidence. Returns how many cases the oracle judged.
uint64_t CompareSecondBySecond(const Scenario& scenario, Coverage* coverage = nullptr) {
  Oracle oracle(scenario.config);
  Bench bench(scenario.config);
  for (int64_t tick = scenario.first_tick; tick <= scenario.last_tick; ++tick) {
    const std::vector<meter::DeltaRecord> deltas = TrafficOf(scenario, tick);
    for (const meter::DeltaRecord& delta : deltas) bench.control.Apply(delta);
    bench.control.EndTick(tick);
    oracle.Tick(tick, deltas);
    if (!SameGauges(bench.control, oracle, scenario.config, Show::kValuesAndAlerts)) break;
  }
  EXPECT_EQ(Describe(bench.output.alerts), Describe(oracle.alerts));
  if (coverage != nullptr) coverage->Add(scenario.config, oracle.alerts);
  return oracle.cases();
}

// How a replay may drive the control core: only by traffic; or by the events it foretells too.
enum class Pace { kEverySecond, kTrafficOnly, kTrafficAndEvents };

std::vector<std::string> Replay(const Scenario& scenario, Pace pace) {
  Bench bench(scenario.config);
  int64_t last = scenario.first_tick - 1;
  const auto idle_until = [&](int64_t end) {  // ends what ticks there are in (last, end)
    if (pace == Pace::kEverySecond) {
      for (int64_t tick = last + 1; tick < end; ++tick) bench.control.EndTick(tick);
    }
    if (pace != Pace::kTrafficAndEvents) return;
    int64_t done = last;
    for (int64_t next; (next = bench.control.NextEventTick()) < end; done = next) {
      ASSERT_GT(next, done) << "an event in the past";
      const std::size_t alerts = bench.output.alerts.size();
      bench.control.EndTick(next);
      // What changes, changes at the foretold tick, not between two.
      for (std::size_t i = alerts; i < bench.output.alerts.size(); ++i) {
        EXPECT_EQ(bench.output.alerts[i].time, StartOfTick(next + 1));
      }
    }
  };
  for (const auto& [tick, deltas] : scenario.ticks) {
    idle_until(tick);
    for (const meter::DeltaRecord& delta : deltas) bench.control.Apply(delta);
    bench.control.EndTick(tick);
    last = tick;
  }
  idle_until(scenario.last_tick);
  bench.control.EndTick(scenario.last_tick);
  std::vector<std::string> lines;
  for (const Alert& alert : bench.output.alerts) {
    lines.push_back(
        absl::StrCat(alert.id, " ", Describe(alert), "\n", alert.asset, " ", alert.summary));
  }
  return lines;
}

TEST(Oracle, AgreesOnShortWindows) {
  Coverage coverage;
  uint64_t cases = 0;
  for (uint64_t seed = 0; seed < 150 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    cases += CompareSecondBySecond(RandomScenario(seed, 40), &coverage);
  }
  EXPECT_GT(cases, 500'000u);
  EXPECT_EQ(coverage.kinds.size(), Coverage::kAll) << absl::StrJoin(coverage.kinds, ", ");
}

TEST(Oracle, AgreesOnWindowsOfMinutes) {
  uint64_t cases = 0;
  for (uint64_t seed = 1000; seed < 1025 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    cases += CompareSecondBySecond(RandomScenario(seed, 400));
  }
  EXPECT_GT(cases, 500'000u);
}

// Days are too long for every second, but values don't depend on when one looked before.
TEST(Oracle, AgreesOnWindowsOfADay) {
  uint64_t cases = 0;
  for (uint64_t seed = 2000; seed < 2040 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Scenario scenario = RandomScenario(seed, 86'400);
    Oracle oracle(scenario.config);
    Bench bench(scenario.config);
    Random random(seed);
    std::map<int64_t, std::vector<meter::DeltaRecord>> ticks = scenario.ticks;
    for (int i = 0; i < 500; ++i) ticks[Pick(random, scenario.first_tick, scenario.last_tick)];
    for (const auto& [tick, deltas] : ticks) {
      for (const meter::DeltaRecord& delta : deltas) bench.control.Apply(delta);
      bench.control.EndTick(tick);
      oracle.Tick(tick, deltas);
      if (!SameGauges(bench.control, oracle, scenario.config, Show::kValues)) break;
    }
    cases += oracle.cases();
  }
  EXPECT_GT(cases, 100'000u);
}

TEST(Idle, IsSkippedWithTheSameResult) {
  std::size_t alerts = 0;
  for (uint64_t seed = 3000; seed < 3200 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Scenario scenario = RandomScenario(seed, 90);
    const std::vector<std::string> expected = Replay(scenario, Pace::kEverySecond);
    EXPECT_EQ(Replay(scenario, Pace::kTrafficOnly), expected);
    EXPECT_EQ(Replay(scenario, Pace::kTrafficAndEvents), expected);
    alerts += expected.size();
  }
  EXPECT_GT(alerts, 2000u);
}

TEST(Alerts, AreEachRaisedOnceAndClearedOnce) {
  for (uint64_t seed = 4000; seed < 4100 && !HasFailure(); ++seed) {
    const Scenario scenario = RandomScenario(seed, 60);
    Bench bench(scenario.config);
    for (const auto& [tick, deltas] : scenario.ticks) {
      for (const meter::DeltaRecord& delta : deltas) bench.control.Apply(delta);
      bench.control.EndTick(tick);
    }
    bench.control.EndTick(scenario.last_tick);
    std::map<std::string, std::vector<AlertState>> lives;
    for (const Alert& alert : bench.output.alerts) lives[alert.id].push_back(alert.state);
    for (const auto& [id, states] : lives) {
      EXPECT_EQ(states.front(), AlertState::kRaised) << id;
      EXPECT_EQ(states.back(), AlertState::kCleared) << id;
      EXPECT_EQ(std::count(states.begin(), states.end(), AlertState::kRaised), 1) << id;
      EXPECT_EQ(std::count(states.begin(), states.end(), AlertState::kCleared), 1) << id;
    }
    uint64_t active = 0;
    const auto snapshot = bench.control.MakeSnapshot();
    for (const AlertCount& count : snapshot->alerts) active += count.active;
    EXPECT_EQ(active, 0u);
    EXPECT_EQ(bench.control.NextEventTick(), INT64_MAX);
  }
}

TEST(Order, OfRecordsChangesNothing) {
  for (uint64_t seed = 5000; seed < 5100 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Scenario scenario = RandomScenario(seed, 60);
    const std::vector<std::string> expected = Replay(scenario, Pace::kTrafficOnly);
    Random random(seed);
    for (auto& [tick, deltas] : scenario.ticks) {
      for (std::size_t i = deltas.size(); i > 1; --i) {
        std::swap(deltas[i - 1], deltas[Pick(random, 0, static_cast<int64_t>(i) - 1)]);
      }
    }
    EXPECT_EQ(Replay(scenario, Pace::kTrafficOnly), expected);
  }
}

}  // namespace
}  // namespace mailtap::control

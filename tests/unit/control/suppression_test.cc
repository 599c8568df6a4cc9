// Alerts that are not to be sent: counted, kept for reports, and raised once that is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Suppression Covering(const std::string& name, const std::string& hosts, int64_t ends) {
  config::Suppression entry;
  entry.name = name;
  entry.hosts = {Net(hosts)};
  entry.expires = {2023, 11, 14};
  entry.ends = kT0 + ends;
  entry.reason = "known";
  return entry;
}

// One rule of 60 s, raise 1000, clear 500, hold 0.
config::Config With(std::vector<config::Suppression> entries) {
  config::Config config = OneRule();
  config.suppressions = std::move(entries);
  return config;
}

const AlertCount& CountOf(const Bench& bench, std::size_t rule = 0) {
  static std::shared_ptr<const Snapshot> snapshot;
  snapshot = bench.control.MakeSnapshot();
  return snapshot->alerts[rule];
}

TEST(Suppression, AnAlertIsCountedAndKeptAndNotRaised) {
  Bench bench(With({Covering("s", "10.0.0.0/24", 3600)}));
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 9000));
  bench.control.EndTick(kT0 + 200);
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  ASSERT_EQ(bench.output.suppressed.size(), 1u) << "it lasts as one alert does";
  const Alert& alert = bench.output.suppressed[0];
  EXPECT_EQ(alert.state, AlertState::kSuppressed);
  EXPECT_EQ(alert.suppression, "s");
  EXPECT_EQ(alert.value, 1000);
  EXPECT_EQ(alert.time, StartOfTick(kT0 + 1));
  EXPECT_FALSE(alert.id.empty());
  EXPECT_THAT(alert.summary, HasSubstr("sent 1.00 kB"));
  EXPECT_EQ(CountOf(bench).suppressed, 1u);
  EXPECT_EQ(CountOf(bench).raised + CountOf(bench).active + CountOf(bench).cleared, 0u);
  const std::vector<SuppressionUse> use = bench.control.SuppressionUses();
  ASSERT_EQ(use.size(), 1u);
  EXPECT_EQ(use[0].alerts, 1u);
  EXPECT_EQ(use[0].last_used, StartOfTick(kT0 + 1));
}

TEST(Suppression, OnlyTheHostsAndRulesThatItNames) {
  config::Config config = With({Covering("s", "10.0.0.0/31", 3600)});
  config.rules.push_back(BytesRule("other"));
  config.suppressions[0].rules = {"other"};
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].rule, "bulk");
  ASSERT_EQ(bench.output.suppressed.size(), 1u);
  EXPECT_EQ(bench.output.suppressed[0].rule, "other");
  bench.Tick(Delta("10.0.0.2", kOut, kT0 + 1, 1000));
  EXPECT_EQ(bench.output.alerts.size(), 3u);
  EXPECT_EQ(bench.output.suppressed.size(), 1u);
}

TEST(Suppression, GroupsAndBlindSpotsAreNobodysHost) {
  config::Config config = With({Covering("s", "0.0.0.0/0", 3600)});
  config.rules[0].scope = config::Scope::kSite;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1"));
}

TEST(Suppression, WhatIsStillOverItsThresholdIsRaisedWhenItExpires) {
  Bench bench(With({Covering("s", kHost, 30)}));
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.control.EndTick(kT0 + 29);
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  EXPECT_EQ(bench.control.NextEventTick(), kT0 + 30) << "no traffic is needed for it";
  bench.control.EndTick(kT0 + 100);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @31", "cleared @61"));
  EXPECT_NE(bench.output.alerts[0].id, bench.output.suppressed[0].id);
  EXPECT_EQ(bench.output.alerts[0].value, 1000);
  EXPECT_EQ(CountOf(bench).raised, 1u);
  EXPECT_EQ(CountOf(bench).suppressed, 1u);
}

TEST(Suppression, WhatIsBelowItsThresholdByThenIsRaisedOnlyWhenItReachesItAgain) {
  Bench bench(With({Covering("s", kHost, 70)}));
  bench.Tick(Delta(kHost, kOut, kT0, 400));
  bench.Tick(Delta(kHost, kOut, kT0 + 20, 700));  // from 61 s on they are 700: held
  bench.control.EndTick(kT0 + 75);
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  bench.Tick(Delta(kHost, kOut, kT0 + 76, 300));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @77"));
}

TEST(Suppression, EachTimeItWouldBeRaisedCounts) {
  Bench bench(With({Covering("s", kHost, 3600)}));
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 100, 1000));
  EXPECT_EQ(bench.output.suppressed.size(), 2u);
  EXPECT_EQ(bench.control.SuppressionUses()[0].alerts, 2u);
}

TEST(Suppression, WithSustainedItWaitsAsAnAlertDoes) {
  config::Config config = With({Covering("s", kHost, 20)});
  config.rules[0].sustained_seconds = 10;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.control.EndTick(kT0 + 9);
  EXPECT_THAT(bench.output.suppressed, IsEmpty());
  bench.control.EndTick(kT0 + 30);
  ASSERT_EQ(bench.output.suppressed.size(), 1u);
  EXPECT_EQ(bench.output.suppressed[0].time, StartOfTick(kT0 + 11));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @21"));
}

TEST(Suppression, OfSeveralEntriesTheOneThatLastsLongestCounts) {
  Bench bench(With({Covering("a", kHost, 30), Covering("b", "10.0.0.0/8", 50),
                    Covering("c", kHost, 50), Covering("d", "10.0.0.2", 90)}));
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  EXPECT_EQ(bench.output.suppressed.at(0).suppression, "b");
  bench.control.EndTick(kT0 + 55);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @51"));
}

TEST(Suppression, AReloadThatCoversAnOpenAlertClearsIt) {
  config::Config config = With({});
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  config.suppressions = {Covering("s", kHost, 40)};
  bench.control.Reload(std::make_shared<const config::Config>(config));
  bench.control.EndTick(kT0 + 1);
  ASSERT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1", "cleared @2"));
  EXPECT_EQ(bench.output.alerts[1].id, bench.output.alerts[0].id);
  EXPECT_THAT(bench.output.alerts[1].summary,
              HasSubstr("cleared because suppression \"s\" covers it through 2023-11-14 "
                        "(known), not because the traffic ended"));
  EXPECT_EQ(bench.output.suppressed.size(), 1u);
  EXPECT_EQ(CountOf(bench).active, 0u);
  bench.control.EndTick(kT0 + 50);
  EXPECT_THAT(Changes(bench.output.alerts),
              ElementsAre("raised @1", "cleared @2", "raised @41"));
}

TEST(Suppression, AReloadThatTakesItAwayRaisesWhatIsStillOver) {
  config::Config config = With({Covering("s", kHost, 3600), Covering("t", "10.9.0.1", 3600)});
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  config.suppressions.erase(config.suppressions.begin() + 1);
  bench.control.Reload(std::make_shared<const config::Config>(config));
  bench.control.EndTick(kT0 + 1);
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  EXPECT_EQ(bench.control.SuppressionUses()[0].alerts, 1u) << "it keeps what it counted";
  config.suppressions.clear();
  bench.control.Reload(std::make_shared<const config::Config>(config));
  bench.control.EndTick(kT0 + 2);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @3"));
  EXPECT_EQ(CountOf(bench).suppressed, 1u);
}

// Ten times the usual 1000 raise, and half of that clears.
TEST(Suppression, OfARuleByTheUsualCountsOnceToo) {
  constexpr int64_t kWeek = 7 * 86'400;
  config::Config config = With({Covering("s", kHost, 4 * kWeek)});
  config.rules[0].multiple = 10;
  config.rules[0].window_seconds = 3600;
  config.rules[0].raise = 200;
  config.rules[0].clear = 100;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0 - 600, 1));  // of the hour before something is known too
  for (int week = 0; week < 3; ++week) {
    bench.Tick(Delta(kHost, kOut, kT0 + week * kWeek + 600, 1000));
  }
  const int64_t tick = kT0 + 3 * kWeek;
  bench.Tick(Delta(kHost, kOut, tick - 1800, 3000));
  bench.Tick(Delta(kHost, kOut, tick + 600, 8000));
  EXPECT_EQ(CountOf(bench).suppressed, 1u);
  bench.control.EndTick(tick + 2000);  // 8000 are left
  bench.Tick(Delta(kHost, kOut, tick + 2400, 3000));
  EXPECT_EQ(CountOf(bench).suppressed, 1u) << "it was never below half of its threshold";
  EXPECT_EQ(bench.output.suppressed.size(), 1u);
  bench.control.EndTick(tick + 4300);  // 3000 are left
  bench.Tick(Delta(kHost, kOut, tick + 4400, 8000));
  EXPECT_EQ(CountOf(bench).suppressed, 2u) << "it was below, and came back";
  bench.control.EndTick(tick + 4 * 3600);
  EXPECT_EQ(CountOf(bench).suppressed, 2u);
  EXPECT_THAT(bench.output.alerts, IsEmpty());
}

TEST(Suppression, ARestartGoesOn) {
  const config::Config config = With({Covering("s", kHost, 30)});
  Bench before(config);
  before.Tick(Delta(kHost, kOut, kT0, 1000));
  Bench after(config);
  ASSERT_TRUE(
      after.control.Restore(before.control.Save(), before.control.SaveOpenAlerts(), true).ok());
  EXPECT_EQ(after.control.SuppressionUses()[0].alerts, 1u);
  EXPECT_EQ(CountOf(after).suppressed, 1u);
  EXPECT_EQ(CountOf(after).active, 0u);
  after.control.EndTick(kT0 + 50);
  EXPECT_THAT(after.output.suppressed, IsEmpty()) << "it was told before";
  EXPECT_THAT(Changes(after.output.alerts), ElementsAre("raised @31"));
}

}  // namespace
}  // namespace mailtap::control

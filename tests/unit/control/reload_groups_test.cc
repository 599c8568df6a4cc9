// A reload that adds, moves, renames or takes away groups, and rules that judge them as a
// whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Metric;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kDesk[] = "10.1.0.1";
constexpr char kRack[] = "10.2.0.1";

const config::Group kDesks = {"desks", {Net("10.1.0.0/16")}};
const config::Group kRacks = {"racks", {Net("10.2.0.0/16")}};
const config::Group kOthers = {"others", {Net("10.9.0.0/16")}};

config::Config GroupRule(Metric metric = Metric::kSentBytes) {
  config::Config config = OneRule();
  config.rules[0].scope = config::Scope::kGroup;
  config.rules[0].metric = metric;
  config.groups = {kDesks, kRacks};
  return config;
}

void Reload(Bench& bench, const config::Config& config) {
  bench.control.Reload(std::make_shared<const config::Config>(config));
}

// "raised desks 1000"
std::vector<std::string> Told(const Bench& bench) {
  std::vector<std::string> told;
  for (const Alert& alert : bench.output.alerts) {
    told.push_back(absl::StrCat(Name(alert.state), " ", alert.asset, " ", alert.value));
  }
  return told;
}

TEST(ReloadGroups, ThatAreMovedAndJoinedByOthersKeepTheirWindowsAndAlerts) {
  config::Config config = GroupRule();
  Bench bench(config);
  bench.control.Apply(Delta(kDesk, kOut, kT0, 600));
  bench.Tick(Delta(kRack, kOut, kT0, 1000));
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 1000"));
  config.groups = {kOthers, kRacks, kDesks};
  Reload(bench, config);
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 1000"));
  bench.Tick(Delta(kDesk, kOut, kT0 + 1, 400));
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 1000", "raised desks 1000"));
  bench.control.EndTick(kT0 + 200);
  EXPECT_THAT(Changes(bench.output.alerts),
              ElementsAre("raised @1", "raised @2", "cleared @61", "cleared @61"));
  EXPECT_EQ(bench.output.alerts[2].asset, "racks") << "in the order of the groups now";
}

TEST(ReloadGroups, OneThatIsGoneLosesItsWindowAndAlertAndTheOthersDont) {
  config::Config config = GroupRule();
  Bench bench(config);
  bench.control.Apply(Delta(kDesk, kOut, kT0, 2000));
  bench.Tick(Delta(kRack, kOut, kT0, 700));
  config.groups = {kRacks};
  config.version = "new";
  Reload(bench, config);
  ASSERT_THAT(Told(bench), ElementsAre("raised desks 2000", "cleared desks 2000"));
  const Alert& cleared = bench.output.alerts[1];
  EXPECT_EQ(cleared.id, bench.output.alerts[0].id);
  EXPECT_EQ(cleared.config_version, "new");
  EXPECT_THAT(cleared.summary,
              AllOf(HasSubstr("Group desks stands at 2.00 kB of sent bytes"),
                    HasSubstr("a reload of the configuration removed the group")));
  // What the racks sent in that second and what comes are one sum, and leave as such.
  bench.Tick(Delta(kRack, kOut, kT0 + 1, 300));
  ASSERT_EQ(Told(bench).back(), "raised racks 1000");
  config.groups = {kDesks, kRacks};
  Reload(bench, config);
  bench.Tick(Delta(kDesk, kOut, kT0 + 2, 999));
  EXPECT_EQ(bench.output.alerts.size(), 3u) << "the group that is back begins anew";
  bench.control.EndTick(kT0 + 200);
  EXPECT_THAT(Changes(bench.output.alerts),
              ElementsAre("raised @1", "cleared @1", "raised @2", "cleared @61"));
  EXPECT_EQ(bench.control.NextEventTick(), INT64_MAX);
}

// A window of an hour has buckets of a minute: the row that goes on to be added to has moved.
TEST(ReloadGroups, WhatStaysIsAddedToInTheSameBucket) {
  config::Config config = GroupRule();
  config.rules[0].window_seconds = 3600;
  Bench bench(config);
  bench.control.Apply(Delta(kDesk, kOut, kT0, 100));
  bench.Tick(Delta(kRack, kOut, kT0, 500));
  config.groups = {kRacks, kOthers};
  Reload(bench, config);
  bench.control.Apply(Delta("10.9.0.1", kOut, kT0 + 1, 50));
  bench.Tick(Delta(kRack, kOut, kT0 + 1, 500));
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 1000"));
  bench.control.EndTick(kT0 + 10'000);
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 1000", "cleared racks 0"));
}

TEST(ReloadGroups, PeersOfOneThatIsGoneAreForgottenWithIt) {
  config::Config config = GroupRule(Metric::kDistinctPeers);
  config.rules[0].raise = 2;
  config.rules[0].clear = 2;
  Bench bench(config);
  bench.control.Apply(Delta(kDesk, kOut, kT0, 1));
  bench.Tick(Delta(kRack, kOut, kT0, 1));
  config.groups = {kRacks};
  Reload(bench, config);
  config.groups = {kRacks, kDesks};
  Reload(bench, config);
  bench.Tick(Delta(kDesk, "198.51.100.2", kT0 + 1, 1));
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  bench.Tick(Delta(kRack, "198.51.100.2", kT0 + 2, 1));
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 2"));
  bench.Tick(Delta(kDesk, kOut, kT0 + 3, 1));
  EXPECT_THAT(Told(bench), ElementsAre("raised racks 2", "raised desks 2"));
  bench.control.EndTick(kT0 + 200);
  EXPECT_EQ(Told(bench).size(), 4u);
}

// Every scenario, with groups moved and others added now and then, as if nothing had happened.
TEST(ReloadGroups, ThatMoveChangeNothing) {
  std::size_t of_groups = 0;
  for (uint64_t seed = 6000; seed < 6120 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Scenario scenario = RandomScenario(seed, 90);
    const auto play = [&](bool moves) {
      Bench bench(scenario.config);
      Random random(seed);
      for (int64_t tick = scenario.first_tick; tick <= scenario.last_tick; ++tick) {
        if (const auto at = scenario.ticks.find(tick); at != scenario.ticks.end()) {
          for (const meter::DeltaRecord& delta : at->second) bench.control.Apply(delta);
        }
        bench.control.EndTick(tick);
        if (!moves || Pick(random, 0, 3) != 0) continue;
        config::Config config = scenario.config;
        if (Pick(random, 0, 1) == 0) std::reverse(config.groups.begin(), config.groups.end());
        if (Pick(random, 0, 1) == 0) config.groups.insert(config.groups.begin(), kOthers);
        Reload(bench, config);
      }
      for (const Alert& alert : bench.output.alerts) {
        of_groups += alert.scope == config::Scope::kGroup;
      }
      std::vector<std::string> lines = Describe(bench.output.alerts);
      std::sort(lines.begin(), lines.end());  // alerts of one second go by the groups' order
      return lines;
    };
    EXPECT_EQ(play(true), play(false));
  }
  EXPECT_GT(of_groups, 300u);
}

}  // namespace
}  // namespace mailtap::control

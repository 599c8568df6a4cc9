// Another configuration comes into force while windows, hosts and alerts go on.
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

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void Reload(Bench& bench, const config::Config& config) {
  bench.control.Reload(std::make_shared<const config::Config>(config));
}

// But for the order of rules and relays.
std::vector<std::string> Visible(const Bench& bench) {
  std::vector<std::string> lines = control::Visible(bench.output, bench.control);
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Runs the scenario second by second, with between(bench, tick) called after each.
template <typename Between>
std::vector<std::string> Play(const Scenario& scenario, Between between) {
  Bench bench(scenario.config);
  for (int64_t tick = scenario.first_tick; tick <= scenario.last_tick; ++tick) {
    if (const auto at = scenario.ticks.find(tick); at != scenario.ticks.end()) {
      for (const meter::DeltaRecord& delta : at->second) bench.control.Apply(delta);
    }
    bench.control.EndTick(tick);
    between(bench, tick);
  }
  return Visible(bench);
}

TEST(Reload, OfTheSameConfigurationEverySecondChangesNothing) {
  std::size_t alerts = 0;
  uint64_t reloads = 0;
  for (uint64_t seed = 0; seed < 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Scenario scenario = RandomScenario(seed, 90);
    const auto undisturbed = Play(scenario, [](Bench&, int64_t) {});
    const auto reloaded = Play(scenario, [&](Bench& bench, int64_t) {
      Reload(bench, scenario.config);
      ++reloads;
    });
    EXPECT_EQ(reloaded, undisturbed);
    alerts += undisturbed.size();
  }
  EXPECT_GT(reloads, 10'000u);
  EXPECT_GT(alerts, 500u);
}

template <typename T>
void Shuffle(std::vector<T>& items, Random& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[Pick(random, 0, static_cast<int64_t>(i) - 1)]);
  }
}

// Rules keep their windows wherever they stand, and whatever comes and goes around them.
TEST(Reload, ThatMovesRulesAndAddsOthersChangesNothingOfThose) {
  for (uint64_t seed = 100; seed < 160 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Scenario scenario = RandomScenario(seed, 90);
    const auto undisturbed = Play(scenario, [](Bench&, int64_t) {});
    Random random(seed);
    auto moved = Play(scenario, [&](Bench& bench, int64_t tick) {
      if (tick == scenario.last_tick) return Reload(bench, scenario.config);
      if (Pick(random, 0, 3) != 0) return;
      config::Config config = scenario.config;
      Shuffle(config.rules, random);
      for (int64_t i = Pick(random, 0, 2); i > 0; --i) {
        config::Rule other = BytesRule(absl::StrCat("other ", i));
        other.metric = static_cast<config::Metric>(Pick(random, 0, config::kMetricCount - 1));
        other.window_seconds = Pick(random, 10, 600);
        other.raise = 1e15;
        config.rules.insert(config.rules.begin(), other);
      }
      Reload(bench, config);
    });
    EXPECT_EQ(moved, undisturbed);
  }
}

TEST(Reload, OfALowerThresholdRaisesAtTheNextTick) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 600));
  config.rules[0].raise = 600;
  config.version = "new";
  Reload(bench, config);
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  bench.control.EndTick(kT0 + 1);
  ASSERT_THAT(Changes(bench.output.alerts), ElementsAre("raised @2"));
  EXPECT_EQ(bench.output.alerts[0].threshold, 600);
  EXPECT_EQ(bench.output.alerts[0].config_version, "new");
  EXPECT_EQ(bench.output.alerts[0].top_peers.size(), 1u);
}

TEST(Reload, OfAHigherClearClearsAnOpenAlertByIt) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  config.rules[0].raise = 5000;
  config.rules[0].clear = 2000;
  Reload(bench, config);
  bench.control.EndTick(kT0 + 1);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1", "cleared @2"));
  EXPECT_EQ(bench.output.alerts[0].id, bench.output.alerts[1].id);
}

TEST(Reload, WithoutARuleClearsItsAlertsAndSaysWhy) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  config.rules = {BytesRule("another")};
  config.version = "new";
  Reload(bench, config);
  ASSERT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1", "cleared @1"));
  const Alert& cleared = bench.output.alerts[1];
  EXPECT_EQ(cleared.id, bench.output.alerts[0].id);
  EXPECT_EQ(cleared.value, 1000);
  EXPECT_EQ(cleared.config_version, "new");
  EXPECT_THAT(cleared.summary, HasSubstr("reload of the configuration removed rule \"bulk\""));
  bench.control.EndTick(kT0 + 1);
  EXPECT_EQ(bench.output.alerts.size(), 2u) << "the new rule counts from now on";
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->alerts.size(), 1u);
  EXPECT_EQ(snapshot->alerts[0].active, 0u);
  EXPECT_EQ(snapshot->hosts_tracked, 0u);
}

TEST(Reload, OfAnotherWindowStartsTheRuleAnew) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  config.rules[0].window_seconds = 120;
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 999));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1", "cleared @1"));
  bench.Tick(Delta(kHost, kOut, kT0 + 2, 1));
  EXPECT_EQ(Changes(bench.output.alerts).back(), "raised @3");
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->alerts[0].raised, 2u);
  EXPECT_EQ(snapshot->alerts[0].cleared, 1u);
}

TEST(Reload, OfARelayJudgesWhatComesAndKeepsWhatWasCounted) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 900));
  config.relays = {RelayTo("gateway", kOut)};
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 500));
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  config.relays.clear();
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 2, 100));
  ASSERT_THAT(Changes(bench.output.alerts), ElementsAre("raised @3"));
  const Alert& alert = bench.output.alerts[0];
  EXPECT_EQ(alert.value, 1000);
  ASSERT_EQ(alert.top_peers.size(), 1u);
  EXPECT_EQ(alert.top_peers[0].sent, 1000u) << "what was approved is no evidence";
  const HostTotals host = bench.control.RankedHosts()[0];
  EXPECT_EQ(host.unapproved_sent, 1000u);
  EXPECT_EQ(host.approved_sent, 500u);
}

TEST(Reload, KeepsTheUseOfRelaysByName) {
  config::Config config = OneRule();
  config.relays = {RelayTo("one", kOut), RelayTo("two", "198.51.100.2")};
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 10));
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 1, 20));
  std::swap(config.relays[0], config.relays[1]);
  config.relays[1].owner = "somebody";
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 2, 30));
  bench.Tick(Delta("10.0.0.2", kOut, kT0 + 3, 1));
  const std::vector<RelayUse> use = bench.control.MakeSnapshot()->relays;
  ASSERT_EQ(use.size(), 2u);
  EXPECT_EQ(use[0].name, "two");
  EXPECT_EQ(use[0].bytes, 20u);
  EXPECT_EQ(use[1].bytes, 41u);
  EXPECT_EQ(use[1].owner, "somebody");
  EXPECT_EQ(use[1].hosts, 2u) << "a host that was known is not counted twice";
}

TEST(Reload, OfNetworksJudgesHostsThatAreInternalOnlyNow) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta("192.168.0.1", kOut, kT0, 5000));
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  config.networks.internal.push_back(Net("192.168.0.0/16"));
  Reload(bench, config);
  bench.Tick(Delta("192.168.0.1", kOut, kT0 + 1, 1000));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @2"));
  EXPECT_EQ(bench.output.alerts[0].value, 1000);
}

// A session that ended before is written after it: its bytes were counted as transit.
TEST(Reload, OfNetworksLeavesTransitThatWasCountedWhatItWas) {
  config::Config config = BaseConfig();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  meter::SessionRecord session;
  session.key = Key("192.168.0.1", kOut);
  session.established = true;
  session.first_seen = session.last_seen = StartOfTick(kT0 + 5);
  bench.Tick(Delta("192.168.0.1", kOut, kT0 + 5, 7));
  config.networks.internal.push_back(Net("192.168.0.0/16"));
  Reload(bench, config);
  bench.control.Apply(session);
  bench.Tick(Delta("192.168.0.1", kOut, kT0 + 6, 9));
  session.last_seen = StartOfTick(kT0 + 6);
  bench.control.Apply(session);
  bench.control.EndTick(kT0 + 7);
  ASSERT_EQ(bench.output.sessions.size(), 2u);
  EXPECT_EQ(bench.output.sessions[0].verdict, config::Verdict::kTransit);
  EXPECT_EQ(bench.output.sessions[1].verdict, config::Verdict::kUnapprovedExternal);
}

TEST(Reload, OfGroupsPutsKnownHostsUnderTheirRules) {
  config::Config config = OneRule();
  config.groups = {{"desks", {Net("10.0.1.0/24")}}};
  config.rules[0].groups = {"desks"};
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 5000));
  config.groups = {{"all", {Net("10.0.0.0/8")}}, {"desks", {Net("10.0.0.0/24")}}};
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 1000));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @2"));
  EXPECT_EQ(bench.output.alerts[0].asset, "desks");
}

TEST(Reload, KeepsDistinctPeersApartByRule) {
  config::Config config = BaseConfig();
  config::Rule peers = BytesRule("peers");
  peers.metric = config::Metric::kDistinctPeers;
  peers.raise = 3;
  peers.clear = 1;
  config.rules = {peers};
  Bench bench(config);
  bench.Tick(Delta(kHost, "198.51.100.1", kT0, 1));
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 1, 1));
  config::Rule longer = peers;
  longer.name = "peers of an hour";
  longer.window_seconds = 3600;
  config.rules = {longer, peers};
  Reload(bench, config);
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 2, 1));
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  bench.Tick(Delta(kHost, "198.51.100.3", kT0 + 3, 1));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].rule, "peers");
  bench.Tick(Delta(kHost, "198.51.100.1", kT0 + 4, 1));
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  EXPECT_EQ(bench.output.alerts[1].rule, "peers of an hour") << "it has seen 2, 3 and 1";
  // And back: the first rule's peers are let go.
  config.rules = {longer};
  Reload(bench, config);
  EXPECT_THAT(Changes(bench.output.alerts),
              ElementsAre("raised @4", "raised @5", "cleared @5"));
  bench.control.EndTick(kT0 + 10'000);
  EXPECT_EQ(Changes(bench.output.alerts).back(), "cleared @3660");
}

TEST(Reload, PeersOfAnotherVerdictFromBeforeARuleThatCountsThemAreNotNew) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  config.rules.push_back(NewPeersRule());
  config.relays = {RelayTo("gateway", kOut)};
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 600, 1));
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  bench.Tick(Delta(kHost, "198.51.100.9", kT0 + 601, 1));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @602"));
}

TEST(Reload, ForgetsConversationsOfTheOldVerdictAfterADay) {
  config::Config config = OneRule();
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  config.relays = {RelayTo("gateway", kOut)};
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 1));
  EXPECT_EQ(bench.control.MakeSnapshot()->conversations_known, 2u);
  bench.control.EndTick(kT0 + 2 * 86'400);
  EXPECT_EQ(bench.control.MakeSnapshot()->conversations_known, 1u);
}

TEST(Reload, OfBlindSpotsKeepsThoseThatLookBackAsBefore) {
  config::Config config = BaseConfig();
  config::BlindSpot& silent =
      config.blind_spots[static_cast<int>(config::BlindSpotKind::kSilentPort)];
  silent = SilentPort();
  silent.hold_seconds = 60;
  Bench bench(config);
  CaptureSample sample{.ports = {{.name = "eth0", .packets = 7}}};
  bench.control.Observe(sample);
  bench.control.EndTick(kT0);
  bench.control.EndTick(kT0 + 10);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @11"));
  silent.hold_seconds = 0;
  Reload(bench, config);
  bench.control.EndTick(kT0 + 11);
  EXPECT_EQ(bench.output.alerts.size(), 1u);
  silent.enabled = false;
  Reload(bench, config);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @11", "cleared @12"));
  EXPECT_THAT(bench.output.alerts[1].summary, HasSubstr("blind_spot:silent_port"));
  silent.enabled = true;
  Reload(bench, config);
  bench.control.EndTick(kT0 + 100);
  EXPECT_EQ(bench.output.alerts.size(), 2u) << "a port that was not seen busy may rest";
}

TEST(Reload, BeforeTheFirstTickIsAStartWithTheNewConfiguration) {
  config::Config config = OneRule();
  Bench bench(config);
  config.rules[0].raise = 10;
  Reload(bench, config);
  bench.Tick(Delta(kHost, kOut, kT0, 10));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1"));
}

}  // namespace
}  // namespace mailtap::control

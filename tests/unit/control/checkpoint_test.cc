// A control core goes on from what another one saved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/control/checkpoint_format.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A control core that is put down and taken up again; its output goes on.
class Restartable {
 public:
  explicit Restartable(config::Config config) : config(std::move(config)) { Begin(); }

  void Restart(bool same_capture = true) {
    const std::string checkpoint = control->Save(), open = control->SaveOpenAlerts();
    Begin();
    ASSERT_TRUE(control->Restore(checkpoint, open, same_capture).ok());
  }
  void Begin() {
    control = std::make_unique<Control>(std::make_shared<const config::Config>(config), output);
  }
  void Tick(const meter::DeltaRecord& delta) {
    control->Apply(delta);
    control->EndTick(TickOf(delta.first_seen));
  }

  config::Config config;
  RecordingOutput output;
  std::unique_ptr<Control> control;
};

// Runs the scenario second by second and restarts at about one in `every`; 0: never.
std::vector<std::string> Play(const Scenario& scenario, int64_t every, uint64_t& restarts) {
  Restartable bench(scenario.config);
  Random random(1);
  for (int64_t tick = scenario.first_tick; tick <= scenario.last_tick; ++tick) {
    if (const auto at = scenario.ticks.find(tick); at != scenario.ticks.end()) {
      for (const meter::DeltaRecord& delta : at->second) bench.control->Apply(delta);
    }
    bench.control->EndTick(tick);
    if (every == 0 || Pick(random, 1, every) != 1) continue;
    bench.Restart();
    ++restarts;
  }
  return Visible(bench.output, *bench.control);
}

TEST(Checkpoint, RestartsAtAnySecondChangeNothing) {
  uint64_t restarts = 0, alerts = 0;
  for (uint64_t seed = 0; seed < 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Scenario scenario = RandomScenario(seed, 90);
    const auto undisturbed = Play(scenario, 0, restarts);
    EXPECT_EQ(Play(scenario, 7, restarts), undisturbed);
    alerts += undisturbed.size();
  }
  EXPECT_GT(restarts, 1'000u);
  EXPECT_GT(alerts, 500u);
}

TEST(Checkpoint, AnOpenAlertIsNeitherLostNorRaisedTwice) {
  Restartable bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Restart(/*same_capture=*/false);
  bench.Tick(Delta(kHost, kOut, kT0 + 30, 1000));
  EXPECT_EQ(bench.output.alerts.size(), 1u);
  bench.control->EndTick(kT0 + 1000);
  ASSERT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1", "cleared @91"));
  EXPECT_EQ(bench.output.alerts[0].id, bench.output.alerts[1].id);
  EXPECT_EQ(bench.output.alerts[0].first_seen, bench.output.alerts[1].first_seen);
}

// The checkpoint is up to a minute old, the open alerts are not.
TEST(Checkpoint, AnAlertRaisedAfterTheCheckpointStaysOpen) {
  Restartable bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 900));
  const std::string checkpoint = bench.control->Save();
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 100));
  bench.Tick(Delta("10.0.0.2", kOut, kT0 + 2, 1000));
  const std::string open = bench.control->SaveOpenAlerts();
  bench.Begin();
  ASSERT_TRUE(bench.control->Restore(checkpoint, open, /*same_capture=*/false).ok());
  EXPECT_EQ(bench.control->MakeSnapshot()->alerts[0].active, 2u);
  bench.Tick(Delta(kHost, kOut, kT0 + 3, 100));
  bench.Tick(Delta("10.0.0.2", kOut, kT0 + 4, 1000));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @2", "raised @3"));
  bench.control->EndTick(kT0 + 1000);
  EXPECT_EQ(bench.output.alerts.size(), 4u) << "each is cleared once";
  EXPECT_EQ(bench.control->MakeSnapshot()->alerts[0].active, 0u);
}

// The window of the checkpoint still holds what had left when the alert was cleared.
TEST(Checkpoint, AnAlertClearedAfterTheCheckpointIsNotRaisedAgain) {
  Restartable bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 900));
  bench.Tick(Delta(kHost, kOut, kT0 + 40, 200));
  const std::string checkpoint = bench.control->Save();
  bench.control->EndTick(kT0 + 70);
  ASSERT_THAT(Changes(bench.output.alerts), ElementsAre("raised @41", "cleared @61"));
  const std::string open = bench.control->SaveOpenAlerts();
  bench.Begin();
  ASSERT_TRUE(bench.control->Restore(checkpoint, open, /*same_capture=*/false).ok());
  bench.Tick(Delta(kHost, kOut, kT0 + 80, 10));
  bench.control->EndTick(kT0 + 1000);
  EXPECT_EQ(bench.output.alerts.size(), 2u);
}

TEST(Checkpoint, WorkersAreToldOfServersAgainAndNoEarlier) {
  Restartable bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 10, 0, 2525));
  bench.Tick(Delta(kHost, kOut, kT0 + 5, 10, 0, 2526));
  const std::string checkpoint = bench.control->Save(), open = bench.control->SaveOpenAlerts();
  for (const bool same_capture : {true, false}) {
    bench.Begin();
    exchange::KnownServers servers;
    ASSERT_TRUE(bench.control->Restore(checkpoint, open, same_capture).ok());
    bench.control->Tell(servers);
    const auto known = [&](uint16_t port) {
      return servers.Find(Ip(kOut), port, 0).has_value();
    };
    if (same_capture) {
      bench.control->PassTick(kT0 - 1);
      EXPECT_FALSE(known(2525));
      bench.control->PassTick(kT0);
      EXPECT_TRUE(known(2525));
      EXPECT_FALSE(known(2526));
    }
    bench.control->EndTick(kT0 + 6);
    EXPECT_TRUE(known(2525) && known(2526));
  }
}

TEST(Checkpoint, ComesBackUnderAnotherConfiguration) {
  config::Config config = OneRule();
  config.rules.push_back(BytesRule("dropped"));
  config.relays = {{.name = "a", .destinations = {Net("198.51.100.9")}},
                   {.name = "b", .destinations = {Net(kOut)}}};
  Restartable bench(config);
  bench.Tick(Delta(kHost, "198.51.100.2", kT0, 600));
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 50));
  bench.config.rules = {BytesRule("fresh"), BytesRule()};
  bench.config.relays = {bench.config.relays[1],
                         {.name = "c", .destinations = {Net("198.51.100.2")}}};
  bench.Restart();
  const auto snapshot = bench.control->MakeSnapshot();
  ASSERT_EQ(snapshot->relays.size(), 2u);
  EXPECT_EQ(snapshot->relays[0].bytes, 50u);
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 2, 5000));
  EXPECT_THAT(bench.output.alerts, IsEmpty()) << "it is approved now";
  bench.Tick(Delta(kHost, "198.51.100.3", kT0 + 3, 400));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].rule, "bulk");
  EXPECT_EQ(bench.output.alerts[0].value, 1000) << "with what was counted before";
}

TEST(Checkpoint, OfTransitKnowsWhatItWasUnderOtherNetworks) {
  Restartable bench(BaseConfig());
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  bench.Tick(Delta("192.168.0.1", kOut, kT0 + 5, 7));
  bench.config.networks.internal.push_back(Net("192.168.0.0/16"));
  for (int restarts = 0; restarts < 2; ++restarts) bench.Restart();
  meter::SessionRecord session;
  session.key = Key("192.168.0.1", kOut);
  session.established = true;
  session.first_seen = session.last_seen = StartOfTick(kT0 + 5);
  bench.control->Apply(session);
  bench.Tick(Delta("192.168.0.1", kOut, kT0 + 6, 9));
  ASSERT_EQ(bench.output.sessions.size(), 1u);
  EXPECT_EQ(bench.output.sessions[0].verdict, config::Verdict::kTransit);
}

// A rule that wasn't there before: its window only learns, but whom the host dealt with is
// known.
TEST(Checkpoint, PeersFromBeforeARuleThatCountsThemAreNotNew) {
  Restartable bench(OneRule());
  for (int64_t i = 0; i < 3; ++i) {
    bench.Tick(Delta(kHost, absl::StrCat("198.51.100.", i), kT0 + i, 1));
  }
  bench.config.rules.push_back(NewPeersRule());
  bench.config.relays = {RelayTo("gateway", "198.51.100.2")};
  bench.Restart();
  for (int64_t i = 0; i < 3; ++i) {
    bench.Tick(Delta(kHost, absl::StrCat("198.51.100.", i), kT0 + 600 + i, 1));
  }
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  bench.Tick(Delta(kHost, "198.51.100.9", kT0 + 700, 1));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].value, 1);
  bench.Restart();
  bench.Tick(Delta(kHost, "198.51.100.9", kT0 + 800, 1));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @701", "cleared @761"));
}

// What was retired names its relay entry by number too, and there may be fewer of them now.
TEST(Checkpoint, ComesBackAfterReloadsThatTookRelaysAway) {
  config::Config config = OneRule();
  config.relays = {RelayTo("unused", "198.51.100.9"), RelayTo("b", kOut)};
  Restartable bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 50));
  bench.config.relays[0] = RelayTo("first", kOut);
  bench.control->Reload(std::make_shared<const config::Config>(bench.config));
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 50));
  bench.config.relays.pop_back();
  bench.control->Reload(std::make_shared<const config::Config>(bench.config));
  bench.Restart();
  EXPECT_EQ(Volumes(*bench.control), "approved=100");
}

TEST(Checkpoint, ABlindSpotGoesOn) {
  config::Config config = BaseConfig();
  config.blind_spots[static_cast<int>(config::BlindSpotKind::kSilentPort)] = SilentPort();
  Restartable bench(config);
  CaptureSample sample{.ports = {{.name = "eth0", .packets = 7}}};
  bench.control->Observe(sample);
  bench.control->EndTick(kT0);
  bench.Restart();
  bench.control->Observe(sample);
  bench.control->EndTick(kT0 + 10);
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @11"));
  bench.Restart(/*same_capture=*/false);  // counters begin at 0
  sample.ports[0].packets = 0;
  bench.control->Observe(sample);
  bench.control->EndTick(kT0 + 100);
  EXPECT_EQ(bench.output.alerts.size(), 1u);
  sample.ports[0].packets = 1;
  bench.control->Observe(sample);
  bench.control->EndTick(kT0 + 101);
  EXPECT_EQ(Changes(bench.output.alerts).back(), "cleared @102");
}

TEST(Checkpoint, KnowsWhatAnOpenAlertHasToldAndTheHighestItReached) {
  config::Config config = OneRule();
  config.alerts.update_seconds = 40;
  Restartable bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 5, 900));
  bench.Restart();
  bench.Tick(Delta(kHost, kOut, kT0 + 62, 50));  // 950 are left
  bench.control->EndTick(kT0 + 200);
  ASSERT_THAT(Changes(bench.output.alerts),
              ElementsAre("raised @1", "updated @41", "cleared @66"));
  EXPECT_EQ(bench.output.alerts[1].value, 1900);
  EXPECT_EQ(bench.output.alerts[2].highest, 1900);
}

TEST(Checkpoint, TellsWhichOpenAlertsHaveNoRuleAnyMore) {
  config::Config config = OneRule();
  config.rules.push_back(BytesRule("another"));
  config.blind_spots[static_cast<int>(config::BlindSpotKind::kSilentPort)] = SilentPort();
  Restartable bench(config);
  CaptureSample sample{.ports = {{.name = "eth0", .packets = 7}}};
  bench.control->Observe(sample);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.control->Observe(sample);
  bench.control->EndTick(kT0 + 10);
  ASSERT_THAT(Changes(bench.output.alerts),
              ElementsAre("raised @1", "raised @1", "raised @11"));
  EXPECT_THAT(bench.control->TakeLostAlerts(), IsEmpty());
  bench.config.rules.erase(bench.config.rules.begin());
  bench.Restart(/*same_capture=*/false);
  EXPECT_THAT(bench.control->TakeLostAlerts(), ElementsAre(bench.output.alerts[0].id));
  sample.ports[0].name = "eth1";
  bench.control->Observe(sample);
  bench.control->EndTick(kT0 + 11);
  EXPECT_THAT(bench.control->TakeLostAlerts(), ElementsAre(bench.output.alerts[2].id));
  EXPECT_THAT(bench.control->TakeLostAlerts(), IsEmpty());
}

TEST(Checkpoint, DamagedBytesAreRefused) {
  Restartable bench(OneRule());
  for (int i = 0; i < 5; ++i) {
    bench.Tick(Delta(absl::StrCat("10.0.0.", i + 1), kOut, kT0 + i, 1000));
  }
  const std::string checkpoint = bench.control->Save();
  const std::string open = bench.control->SaveOpenAlerts();
  for (std::size_t cut = 0; cut < checkpoint.size(); cut += 7) {
    bench.Begin();
    EXPECT_FALSE(bench.control->Restore(checkpoint.substr(0, cut), open, true).ok()) << cut;
  }
  for (std::size_t cut = 0; cut < open.size(); ++cut) {
    bench.Begin();
    EXPECT_FALSE(bench.control->Restore(checkpoint, open.substr(0, cut), true).ok()) << cut;
  }
  bench.Begin();
  EXPECT_FALSE(bench.control->Restore(checkpoint + "x", open, true).ok());
  for (std::size_t bit = 0; bit < 8 * checkpoint.size(); bit += 13) {
    std::string flipped = checkpoint;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    bench.Begin();
    EXPECT_FALSE(bench.control->Restore(flipped, open, true).ok()) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * open.size(); ++bit) {
    std::string flipped = open;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    bench.Begin();
    EXPECT_FALSE(bench.control->Restore(checkpoint, flipped, true).ok()) << bit;
  }
  bench.Begin();
  EXPECT_TRUE(bench.control->Restore(checkpoint, open, true).ok());
}

// Of another layout, though nothing is damaged.
TEST(Checkpoint, OtherVersionsAreRefused) {
  Restartable bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  const std::string checkpoint = bench.control->Save();
  const std::string open = bench.control->SaveOpenAlerts();
  const auto other = [](const std::string& bytes) {
    std::string changed(Unsealed(bytes).value());
    ++changed[4];
    return Sealed(changed);
  };
  bench.Begin();
  EXPECT_FALSE(bench.control->Restore(other(checkpoint), open, true).ok());
  bench.Begin();
  EXPECT_FALSE(bench.control->Restore(checkpoint, other(open), true).ok());
}

}  // namespace
}  // namespace mailtap::control

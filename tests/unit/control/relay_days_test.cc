// Relay entries in observe mode and with a last day.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kClient[] = "10.1.0.1", kServer[] = "192.0.2.1";

TEST(ObservedEntries, CountAndApproveNothing) {
  config::Config config = BaseConfig();
  config.relays.emplace_back();
  config.relays[0].name = "trial";
  config.relays[0].destinations = {Net(kServer)};
  config.relays[0].mode = config::RelayMode::kObserve;
  Bench bench(config);
  bench.Tick(Delta(kClient, kServer, kT0, 5));
  EXPECT_EQ(Volumes(bench.control), "unapproved_external=5");
  EXPECT_EQ(bench.control.RelayUses()[0].bytes, 5u);
  EXPECT_EQ(bench.control.RelayUses()[0].sessions, 1u);
  meter::SessionRecord session;
  session.key = Delta(kClient, kServer, kT0, 0).key;
  session.first_seen = session.last_seen = StartOfTick(kT0 + 1);
  bench.control.Apply(session);
  bench.control.EndTick(kT0 + 1);
  ASSERT_EQ(bench.output.sessions.size(), 1u);
  EXPECT_EQ(bench.output.sessions[0].relay, "");
}

// Two entries on trial that both fit, and one that fits nothing.
config::Config TrialsConfig() {
  config::Config config = BaseConfig();
  config.relays = {RelayTo("net", "192.0.2.0/24"), RelayTo("host", kServer),
                   RelayTo("elsewhere", "192.0.3.1")};
  for (config::Relay& relay : config.relays) relay.mode = config::RelayMode::kObserve;
  return config;
}

// "net=1/2/5": hosts, sessions and bytes of each entry that was used.
std::vector<std::string> Uses(const Control& control) {
  std::vector<std::string> uses;
  for (const RelayUse& use : control.RelayUses()) {
    if (use.sessions == 0) continue;
    uses.push_back(absl::StrCat(use.name, "=", use.hosts, "/", use.sessions, "/", use.bytes));
  }
  return uses;
}

TEST(ObservedEntries, CountEachWhatTheyWouldApprove) {
  Bench bench(TrialsConfig());
  bench.Tick(Delta(kClient, kServer, kT0, 5));
  bench.Tick(Delta(kClient, kServer, kT0 + 1, 7));
  bench.Tick(Delta("10.1.0.2", "192.0.2.2", kT0 + 2, 1));
  EXPECT_EQ(Volumes(bench.control), "unapproved_external=13");
  EXPECT_THAT(Uses(bench.control), ElementsAre("net=2/3/13", "host=1/2/12"));
  const Hour hour = bench.control.TakeHours().at(0);
  ASSERT_EQ(hour.relays.size(), 2u);
  EXPECT_EQ(hour.relays[0].bytes, 13u);
  EXPECT_EQ(hour.relays[1].bytes, 12u);
}

TEST(ObservedEntries, EndEachOnItsOwnDay) {
  config::Config config = TrialsConfig();
  config.relays[1].ends = kT0 + 2;
  Bench bench(config);
  for (int64_t tick = kT0; tick < kT0 + 5; ++tick) bench.Tick(Delta(kClient, kServer, tick, 1));
  EXPECT_THAT(Uses(bench.control), ElementsAre("net=1/5/5", "host=1/2/2"));
}

TEST(ObservedEntries, OfWhichOneIsTakenIntoForceAnotherOneGoes) {
  config::Config config = TrialsConfig();
  Bench bench(config);
  bench.Tick(Delta(kClient, kServer, kT0, 1));
  std::swap(config.relays[0], config.relays[1]);
  bench.control.Reload(std::make_shared<const config::Config>(config));
  bench.Tick(Delta(kClient, kServer, kT0 + 1, 1));
  EXPECT_THAT(Uses(bench.control), ElementsAre("host=1/2/2", "net=1/2/2"));
  config.relays.erase(config.relays.begin());
  bench.control.Reload(std::make_shared<const config::Config>(config));
  bench.Tick(Delta(kClient, kServer, kT0 + 2, 1));
  EXPECT_THAT(Uses(bench.control), ElementsAre("net=1/3/3"));
  config.relays[0].mode = config::RelayMode::kEnforce;
  bench.control.Reload(std::make_shared<const config::Config>(config));
  bench.Tick(Delta(kClient, kServer, kT0 + 3, 1));
  EXPECT_THAT(Uses(bench.control), ElementsAre("net=1/4/4"));
  EXPECT_EQ(Volumes(bench.control), "approved=1 unapproved_external=3");
}

TEST(ObservedEntries, CountOnAfterARestart) {
  config::Config config = TrialsConfig();
  Bench bench(config);
  bench.Tick(Delta(kClient, kServer, kT0, 1));
  std::swap(config.relays[0], config.relays[1]);
  Bench again(config);
  ASSERT_TRUE(again.control
                  .Restore(bench.control.Save(), bench.control.SaveOpenAlerts(),
                           /*same_capture=*/true)
                  .ok());
  again.Tick(Delta(kClient, kServer, kT0 + 1, 1));
  EXPECT_THAT(Uses(again.control), ElementsAre("host=1/2/2", "net=1/2/2"));
}

// An entry that ends at `ends`, used by two hosts.
config::Config EndingConfig(int64_t ends) {
  config::Config config = BaseConfig();
  config.relays.emplace_back();
  config.relays[0].name = "migration";
  config.relays[0].owner = "messaging team";
  config.relays[0].destinations = {Net(kServer)};
  config.relays[0].expires = config::Date{2027, 6, 30};
  config.relays[0].ends = ends;
  return config;
}

TEST(ExpiredEntries, ApproveThroughTheirLastSecondAndRaiseAnAlert) {
  Bench bench(EndingConfig(kT0 + 3));
  for (int64_t tick = kT0; tick < kT0 + 6; ++tick) {
    for (const char* host : {"10.1.0.2", "10.1.0.1"}) {
      bench.control.Apply(Delta(host, kServer, tick, 1));
    }
    bench.control.EndTick(tick);
  }
  EXPECT_EQ(Volumes(bench.control), "approved=6 unapproved_external=6");
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @3"));
  const Alert& alert = bench.output.alerts[0];
  EXPECT_EQ(alert.rule, "relay:expired");
  EXPECT_EQ(alert.relay, "migration");
  EXPECT_THAT(alert.hosts, ElementsAre(Ip("10.1.0.1"), Ip("10.1.0.2")));
  EXPECT_EQ(alert.value, 2);
  EXPECT_EQ(alert.summary,
            "Relay entry \"migration\" expired with 2027-06-30 and approves nothing any more: "
            "ask its owner, messaging team, whether to renew it for 2 hosts (10.1.0.1, "
            "10.1.0.2) or to remove it.");
}

TEST(ExpiredEntries, EndInIdleTimeToo) {
  Bench bench(EndingConfig(kT0 + 1'000));
  bench.Tick(Delta(kClient, kServer, kT0, 1));
  EXPECT_EQ(bench.control.NextEventTick(), kT0 + 999);
  bench.Tick(Delta(kClient, "192.0.2.7", kT0 + 5'000, 1));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1000"));
  bench.Tick(Delta(kClient, kServer, kT0 + 5'001, 1));
  EXPECT_EQ(Volumes(bench.control), "approved=1 unapproved_external=2");
}

TEST(ExpiredEntries, ThatWereOverBeforeTheStartRaiseNothing) {
  Bench bench(EndingConfig(kT0));
  bench.Tick(Delta(kClient, kServer, kT0, 1));
  bench.Tick(Delta(kClient, kServer, kT0 + 1, 1));
  EXPECT_EQ(Volumes(bench.control), "unapproved_external=2");
  EXPECT_THAT(bench.output.alerts, IsEmpty());
}

TEST(ExpiredEntries, ClearWhenAReloadRenewsThem) {
  Bench bench(EndingConfig(kT0 + 1));
  bench.Tick(Delta(kClient, kServer, kT0, 1));
  bench.Tick(Delta(kClient, kServer, kT0 + 1, 2));
  config::Config renewed = EndingConfig(kT0 + 1'000);
  renewed.relays[0].expires = config::Date{2028, 6, 30};
  bench.control.Reload(std::make_shared<const config::Config>(renewed));
  EXPECT_THAT(Changes(bench.output.alerts), ElementsAre("raised @1", "cleared @2"));
  EXPECT_EQ(bench.output.alerts[0].id, bench.output.alerts[1].id);
  bench.Tick(Delta(kClient, kServer, kT0 + 2, 4));
  EXPECT_EQ(Volumes(bench.control), "approved=5 unapproved_external=2");
}

TEST(ExpiredEntries, StayOpenOverARestart) {
  Bench before(EndingConfig(kT0 + 1));
  before.Tick(Delta(kClient, kServer, kT0, 1));
  ASSERT_THAT(Changes(before.output.alerts), ElementsAre("raised @1"));
  const std::string checkpoint = before.control.Save(), open = before.control.SaveOpenAlerts();

  Bench bench(EndingConfig(kT0 + 1));
  ASSERT_TRUE(bench.control.Restore(checkpoint, open, /*same_capture=*/false).ok());
  bench.Tick(Delta(kClient, kServer, kT0 + 100, 2));
  EXPECT_THAT(bench.output.alerts, IsEmpty());
  EXPECT_EQ(bench.control.MakeSnapshot()->alerts.back().active, 1u);

  Bench without(BaseConfig());
  ASSERT_TRUE(without.control.Restore(checkpoint, open, /*same_capture=*/false).ok());
  without.control.EndTick(kT0 + 100);
  ASSERT_THAT(Changes(without.output.alerts), ElementsAre("cleared @1"));
  EXPECT_EQ(without.output.alerts[0].id, before.output.alerts[0].id);
}

TEST(ExpiredEntries, ThatEndBetweenTwoRunsRaiseAnAlert) {
  Bench before(EndingConfig(kT0 + 50));
  before.Tick(Delta(kClient, kServer, kT0, 1));
  Bench bench(EndingConfig(kT0 + 50));
  const std::string checkpoint = before.control.Save();
  ASSERT_TRUE(
      bench.control.Restore(checkpoint, before.control.SaveOpenAlerts(), /*same_capture=*/false)
          .ok());
  bench.Tick(Delta(kClient, kServer, kT0 + 100, 2));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_THAT(bench.output.alerts[0].hosts, ElementsAre(Ip(kClient)));
  EXPECT_EQ(Volumes(bench.control), "approved=1 unapproved_external=2");
}

}  // namespace
}  // namespace mailtap::control

// When alerts are raised, updated and cleared, by arithmetic that can be done in the head.
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;
using Strings = std::vector<std::string>;

TEST(Raise, NeedsTheWholeThreshold) {
  config::Config config = OneRule();
  Bench below(config), at(config);
  below.Tick(Delta(kHost, kOut, kT0, 999));
  EXPECT_TRUE(below.output.alerts.empty());
  at.Tick(Delta(kHost, kOut, kT0, 1000));
  EXPECT_EQ(Changes(at.output.alerts), Strings{"raised @1"});
}

TEST(Raise, SumsTheWindowAndForgetsWhatLeft) {
  Bench bench(OneRule());  // 60 s in buckets of 1 s
  bench.Tick(Delta(kHost, kOut, kT0, 600));
  // The first second leaves with the tick 60 s later; the one before still holds both.
  bench.Tick(Delta(kHost, kOut, kT0 + 60, 400));
  EXPECT_TRUE(bench.output.alerts.empty());
  bench.Tick(Delta(kHost, kOut, kT0 + 61, 599));
  EXPECT_TRUE(bench.output.alerts.empty());
  bench.Tick(Delta(kHost, kOut, kT0 + 119, 1));
  EXPECT_EQ(Changes(bench.output.alerts), Strings{"raised @120"});
}

TEST(Clear, ComesAtOnceWithoutHold) {
  Bench bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  EXPECT_EQ(bench.control.NextEventTick(), kT0 + 60);
  bench.control.EndTick(kT0 + 59);
  EXPECT_EQ(bench.output.alerts.size(), 1u);
  bench.control.EndTick(kT0 + 60);
  EXPECT_EQ(Changes(bench.output.alerts), (Strings{"raised @1", "cleared @61"}));
  EXPECT_EQ(bench.control.NextEventTick(), INT64_MAX);
  EXPECT_EQ(bench.output.alerts[1].value, 0);
  EXPECT_EQ(bench.output.alerts[1].threshold, 500);
}

TEST(Clear, WaitsWhileTheValueIsAtTheThreshold) {
  Bench bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 600));
  bench.Tick(Delta(kHost, kOut, kT0 + 10, 500));
  bench.control.EndTick(kT0 + 200);
  // 500 is not below 500: only when the second record has left, too.
  EXPECT_EQ(Changes(bench.output.alerts), (Strings{"raised @11", "cleared @71"}));
}

TEST(Clear, HoldsForSoLong) {
  config::Config config = OneRule();
  config.rules[0].hold_seconds = 30;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.control.EndTick(kT0 + 1000);
  EXPECT_EQ(Changes(bench.output.alerts), (Strings{"raised @1", "cleared @91"}));
}

TEST(Clear, HoldStartsAnewWhenTheValueComesBack) {
  config::Config config = OneRule();
  config.rules[0].hold_seconds = 30;
  config.alerts.update_seconds = 10'000;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));      // below from tick 60
  bench.Tick(Delta(kHost, kOut, kT0 + 89, 500));  // back with the last tick that could be
  bench.control.EndTick(kT0 + 1000);              // leaves with tick 149, held to 179
  EXPECT_EQ(Changes(bench.output.alerts), (Strings{"raised @1", "cleared @180"}));
}

TEST(Clear, ThenRaisesAgainUnderANewId) {
  Bench bench(OneRule());
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 100, 1000));
  bench.control.EndTick(kT0 + 200);
  ASSERT_EQ(Changes(bench.output.alerts),
            (Strings{"raised @1", "cleared @61", "raised @101", "cleared @161"}));
  const std::vector<Alert>& a = bench.output.alerts;
  EXPECT_EQ(a[0].id, a[1].id);
  EXPECT_EQ(a[2].id, a[3].id);
  EXPECT_NE(a[0].id, a[2].id);
  EXPECT_EQ(a[1].first_seen, StartOfTick(kT0));
  EXPECT_EQ(a[2].first_seen, StartOfTick(kT0 + 100));
}

TEST(Update, ComesAtMostSoOftenAndOnlyWithNewTraffic) {
  config::Config config = OneRule();
  config.alerts.update_seconds = 20;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 5, 700));   // waits for tick 20
  bench.Tick(Delta(kHost, kOut, kT0 + 45, 800));  // long enough after: at once
  bench.control.EndTick(kT0 + 90);                // nothing new: no update
  EXPECT_EQ(Changes(bench.output.alerts), (Strings{"raised @1", "updated @21", "updated @46"}));
  EXPECT_EQ(bench.output.alerts[1].value, 1700);
  EXPECT_EQ(bench.output.alerts[1].threshold, 1000);
  EXPECT_EQ(bench.output.alerts[2].value, 2500);
  EXPECT_EQ(bench.output.alerts[2].last_seen, StartOfTick(kT0 + 45) + kNanosPerMilli);
}

// 1600 were reached while no update was due; when it was, the window held less than was told.
TEST(Update, ComesOnlyWithMoreThanWasToldAndTheClearTellsTheMost) {
  config::Config config = OneRule();
  config.alerts.update_seconds = 70;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 30, 600));
  bench.Tick(Delta(kHost, kOut, kT0 + 75, 300));  // 900
  EXPECT_EQ(Changes(bench.output.alerts), Strings{"raised @1"});
  ASSERT_EQ(bench.control.OpenPeaks().size(), 1u);
  EXPECT_EQ(bench.control.OpenPeaks()[0].id, bench.output.alerts[0].id);
  EXPECT_EQ(bench.control.OpenPeaks()[0].highest, 1600);
  bench.Tick(Delta(kHost, kOut, kT0 + 80, 100));  // 1000, as was told
  EXPECT_EQ(Changes(bench.output.alerts), Strings{"raised @1"});
  bench.Tick(Delta(kHost, kOut, kT0 + 85, 1));
  bench.control.EndTick(kT0 + 300);
  ASSERT_EQ(Changes(bench.output.alerts), (Strings{"raised @1", "updated @86", "cleared @91"}));
  const std::vector<Alert>& alerts = bench.output.alerts;
  EXPECT_EQ(alerts[0].highest, 1000);
  EXPECT_EQ(alerts[1].value, 1001);
  EXPECT_EQ(alerts[1].highest, 1600);
  EXPECT_EQ(alerts[2].highest, 1600);
  EXPECT_TRUE(bench.control.OpenPeaks().empty());
  EXPECT_NE(alerts[2].summary.find(", after at most 1.60 kB (rule"), std::string::npos)
      << alerts[2].summary;
}

TEST(Update, OfTheNextAlertComparesWithWhatThatOneTold) {
  config::Config config = OneRule();
  config.alerts.update_seconds = 1;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 9000));
  bench.control.EndTick(kT0 + 60);
  bench.Tick(Delta(kHost, kOut, kT0 + 100, 1000));
  bench.Tick(Delta(kHost, kOut, kT0 + 101, 1));
  EXPECT_EQ(Changes(bench.output.alerts),
            (Strings{"raised @1", "cleared @61", "raised @101", "updated @102"}));
  EXPECT_EQ(bench.output.alerts[3].highest, 1001);
}

TEST(Ratio, RisesWhenReceivedBytesLeaveTheWindow) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("lopsided")};
  config.rules[0].metric = Metric::kSentReceivedRatio;
  config.rules[0].raise = 10;
  config.rules[0].clear = 5;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 0, 900));
  bench.Tick(Delta(kHost, kOut, kT0 + 30, 1000, 100));  // 1000 / 1000
  EXPECT_TRUE(bench.output.alerts.empty());
  EXPECT_EQ(bench.control.NextEventTick(), kT0 + 60);
  bench.control.EndTick(kT0 + 500);
  ASSERT_EQ(Changes(bench.output.alerts), (Strings{"raised @61", "cleared @91"}));
  EXPECT_EQ(bench.output.alerts[0].value, 10);
}

TEST(Ratio, CountsReceivedAsAtLeastOne) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("lopsided")};
  config.rules[0].metric = Metric::kSentReceivedRatio;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1234, 0));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].value, 1234);
}

TEST(Peers, AreCountedOnceHoweverTheyAreReached) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("many relays")};
  config.rules[0].metric = Metric::kDistinctPeers;
  config.rules[0].raise = 3;
  config.rules[0].clear = 2;
  Bench bench(config);
  bench.control.Apply(Delta(kHost, kOut, kT0, 1, 0, 25));
  bench.control.Apply(Delta(kHost, kOut, kT0, 1, 0, 587));
  bench.control.Apply(Delta(kHost, kOut, kT0, 1, 0, 143, Service::kImap));
  bench.control.Apply(Delta(kHost, "198.51.100.8", kT0, 1));
  bench.control.Apply(Delta("10.1.0.24", "198.51.100.9", kT0, 1));  // another host's
  bench.control.EndTick(kT0);
  EXPECT_TRUE(bench.output.alerts.empty());
  bench.Tick(Delta(kHost, kOut, kT0 + 30, 1));
  EXPECT_TRUE(bench.output.alerts.empty());
  bench.Tick(Delta(kHost, "198.51.100.9", kT0 + 40, 1));
  ASSERT_EQ(Changes(bench.output.alerts), Strings{"raised @41"});
  EXPECT_EQ(bench.output.alerts[0].value, 3);
  // .8 leaves with tick 60: two are left. .7 leaves with tick 90, since it came back at 30.
  bench.control.EndTick(kT0 + 200);
  EXPECT_EQ(Changes(bench.output.alerts), (Strings{"raised @41", "cleared @91"}));
}

TEST(Window, OfADayIsExactInBucketsOf24Minutes) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("low and slow")};
  config.rules[0].window_seconds = 86'400;
  Bench bench(config);
  const int64_t bucket = kT0 / 1440 * 1440;
  for (int hour = 0; hour < 10; ++hour) {
    bench.Tick(Delta(kHost, kOut, bucket + hour * 3600 + 1439, 100));
  }
  ASSERT_EQ(bench.output.alerts.size(), 1u);  // with the tenth hour
  EXPECT_EQ(bench.output.alerts[0].time, StartOfTick(bucket + 9 * 3600 + 1440));
  EXPECT_EQ(bench.output.alerts[0].first_seen, StartOfTick(bucket + 1439));
  bench.control.EndTick(bucket + 3 * 86'400);
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  // Below 500 when six have left. The sixth lies in the bucket that ends at 18000 + 1440 * k.
  const int64_t sixth = bucket + 5 * 3600 + 1439;
  const int64_t bucket_end = (sixth / 1440 + 1) * 1440;
  EXPECT_EQ(bench.output.alerts[1].time, StartOfTick(bucket_end + 86'400));
  EXPECT_EQ(bench.output.alerts[1].value, 400);
}

TEST(Roles, AreJudgedSeparately) {
  Bench bench(OneRule());
  bench.control.Apply(Delta(kHost, kOut, kT0, 900, 0));
  bench.control.Apply(Delta(kOut, kHost, kT0, 0, 900));  // sent as server
  bench.control.EndTick(kT0);
  EXPECT_TRUE(bench.output.alerts.empty());
  bench.Tick(Delta(kOut, kHost, kT0 + 1, 5000, 100));  // what it received is not what it sent
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].role, Role::kServer);
  EXPECT_EQ(bench.output.alerts[0].value, 1000);
  ASSERT_EQ(bench.output.alerts[0].top_peers.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].top_peers[0].sent, 1000u);
  EXPECT_EQ(bench.output.alerts[0].top_peers[0].received, 5000u);
}

TEST(Rules, CountWhatTheirFiltersSay) {
  config::Config config = BaseConfig();
  config.groups = {{"desks", {Net("10.1.0.0/16")}}, {"racks", {Net("10.2.0.0/16")}}};
  config::Relay relay;
  relay.name = "gateway";
  relay.destinations = {Net("192.0.2.0/28")};
  config.relays = {relay};
  config::Rule desks = BytesRule("desks"), imap = BytesRule("imap"),
               approved = BytesRule("approved"), server = BytesRule("server");
  desks.groups = {"desks"};
  imap.services = {Service::kImap};
  approved.verdicts = {Verdict::kApproved};
  server.roles = {Role::kServer};
  config.rules = {desks, imap, approved, server};
  const auto raised = [&](const meter::DeltaRecord& delta) {
    Bench bench(config);
    bench.Tick(delta);
    Strings rules;
    for (const Alert& alert : bench.output.alerts) rules.push_back(alert.rule);
    return rules;
  };
  EXPECT_EQ(raised(Delta("10.1.0.1", kOut, kT0, 2000)), Strings{"desks"});
  EXPECT_EQ(raised(Delta("10.2.0.1", kOut, kT0, 2000)), Strings{});
  EXPECT_EQ(raised(Delta("10.1.0.1", kOut, kT0, 2000, 0, 143, Service::kImap)),
            (Strings{"desks", "imap"}));
  EXPECT_EQ(raised(Delta("10.2.0.1", "192.0.2.1", kT0, 2000)), Strings{"approved"});
  EXPECT_EQ(raised(Delta(kOut, "10.2.0.1", kT0, 0, 2000)), Strings{"server"});
  // Between two internal hosts each end is judged.
  EXPECT_EQ(raised(Delta("10.1.0.1", "10.2.0.1", kT0, 2000, 2000)),
            (Strings{"desks", "server"}));
  EXPECT_EQ(raised(Delta(kOut, "203.0.113.1", kT0, 2000)), Strings{});
}

TEST(Alerts, OfOneTickGoByRuleThenHostThenRole) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("b"), BytesRule("a")};
  Bench bench(config);
  for (const char* host : {"10.1.0.9", "10.1.0.2", "10.1.0.30"}) {
    bench.control.Apply(Delta(kOut, host, kT0, 0, 2000));
    bench.control.Apply(Delta(host, kOut, kT0, 2000));
  }
  bench.control.EndTick(kT0);
  Strings order;
  std::set<std::string> ids;
  for (const Alert& alert : bench.output.alerts) {
    order.push_back(alert.rule + " " + net::ToString(alert.host) + " " +
                    std::string(Name(alert.role)));
    ids.insert(alert.id);
  }
  EXPECT_EQ(order, (Strings{"b 10.1.0.2 client", "b 10.1.0.2 server", "b 10.1.0.9 client",
                            "b 10.1.0.9 server", "b 10.1.0.30 client", "b 10.1.0.30 server",
                            "a 10.1.0.2 client", "a 10.1.0.2 server", "a 10.1.0.9 client",
                            "a 10.1.0.9 server", "a 10.1.0.30 client", "a 10.1.0.30 server"}));
  EXPECT_EQ(ids.size(), 12u);
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 16u);
    for (const char c : id) EXPECT_TRUE(std::isxdigit(c) != 0 && std::isupper(c) == 0) << id;
  }
}

TEST(Alerts, HaveIdsThatNeverChange) {
  Bench bench(OneRule());
  bench.Tick(Delta("10.1.0.23", "198.51.100.7", 1'700'000'000, 2000));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].id, "1513bbb72e7d36a8");
}

}  // namespace
}  // namespace mailtap::control

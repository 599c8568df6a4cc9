// Evidence is of what counted, and of nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/control/failure_log.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// "198.51.100.1:25 100/0 x1": address, port, bytes sent and received, sessions.
std::vector<std::string> Peers(const Alert& alert) {
  std::vector<std::string> peers;
  for (const AlertPeer& p : alert.top_peers) {
    peers.push_back(absl::StrCat(net::ToString(p.peer), ":", p.port, " ", p.sent, "/",
                                 p.received, " x", p.sessions));
  }
  return peers;
}

// Buckets of a day's window last 24 minutes: one of them holds traffic from before and after.
TEST(CountedEvidence, BeginsAndEndsWithTheHoursOfItsRule) {
  config::Config config = OneRule();
  config::Rule& rule = config.rules[0];
  rule.window_seconds = 86'400;
  constexpr int64_t kDay = kT0 / 86'400 * 86'400;
  rule.hours = {.from = 10, .to = 20};
  Bench bench(config);
  bench.Tick(Delta(kHost, "198.51.100.9", kDay + 5 * 60, 1'000'000));
  bench.Tick(Delta(kHost, "198.51.100.1", kDay + 10 * 60, 600));
  bench.Tick(Delta(kHost, "198.51.100.9", kDay + 20 * 60, 1'000'000));
  bench.Tick(Delta(kHost, "198.51.100.1", kDay + 86'400 - 60, 1'000'000));
  bench.Tick(Delta(kHost, "198.51.100.2", kDay + 86'400 + 11 * 60, 400));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_EQ(alert.value, 1000);
  EXPECT_EQ(alert.first_seen, StartOfTick(kDay + 10 * 60));
  EXPECT_THAT(Peers(alert),
              ElementsAre("198.51.100.1:25 600/0 x1", "198.51.100.2:25 400/0 x1"));
}

TEST(CountedEvidence, OfNewPeersListsThoseAlone) {
  config::Config config = OneRule();
  config::Rule& rule = config.rules[0];
  rule.metric = config::Metric::kNewPeers;
  rule.raise = rule.clear = 2;
  Bench bench(config);
  bench.Tick(Delta(kHost, "198.51.100.1", kT0, 10));
  bench.Tick(Delta(kHost, "198.51.100.1", kT0 + 59, 100'000));
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 61, 10));
  bench.Tick(Delta(kHost, "198.51.100.1", kT0 + 62, 100'000));
  bench.Tick(Delta(kHost, "198.51.100.3", kT0 + 63, 20));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_EQ(alert.value, 2);
  EXPECT_THAT(Peers(alert), ElementsAre("198.51.100.3:25 20/0 x1", "198.51.100.2:25 10/0 x1"));
  EXPECT_EQ(alert.first_seen, StartOfTick(kT0 + 61));
  EXPECT_THAT(alert.summary, HasSubstr(" with 2 external servers"));
}

// Messages that `server` took and refused.
meter::DeltaRecord Smtp(const std::string& server, int64_t tick, uint32_t taken,
                        uint32_t refused) {
  meter::DeltaRecord delta = Delta(kHost, server, tick, 700, 70);
  delta.messages = taken;
  delta.rejected = refused;
  return delta;
}

// Of a host that fetched 5 MB by IMAP besides.
TEST(CountedEvidence, OfMessagesIsOfServersThatTookOrRefusedSome) {
  for (const bool taken : {true, false}) {
    config::Config config = OneRule();
    config::Rule& rule = config.rules[0];
    rule.metric = taken ? config::Metric::kMessages : config::Metric::kRejected;
    rule.raise = rule.clear = 5;
    Bench bench(config);
    meter::DeltaRecord imap =
        Delta(kHost, "198.51.100.9", kT0, 5'000'000, 424, 143, Service::kImap);
    imap.bytes[kUp].inferred = 1'000'000;
    bench.Tick(imap);
    bench.Tick(Smtp("198.51.100.7", kT0 + 1, taken ? 6 : 0, taken ? 0 : 6));
    bench.Tick(Smtp("198.51.100.8", kT0 + 2, taken ? 0 : 9, taken ? 9 : 0));
    ASSERT_EQ(bench.output.alerts.size(), 1u);
    const Alert& alert = bench.output.alerts[0];
    EXPECT_EQ(alert.value, 6);
    EXPECT_THAT(Peers(alert), ElementsAre("198.51.100.7:25 700/70 x1"));
    EXPECT_EQ(alert.first_seen, StartOfTick(kT0 + 1));
    EXPECT_EQ(alert.confidence.loss_ratio, 0);
    EXPECT_THAT(alert.summary, HasSubstr(" with 1 external server that "));
  }
}

// What a message needs comes before it counts: the whole conversation's traffic is told.
TEST(CountedEvidence, OfMessagesBeginsWithTheirConversation) {
  config::Config config = OneRule();
  config.rules[0].metric = config::Metric::kMessages;
  config.rules[0].raise = config.rules[0].clear = 1;
  Bench bench(config);
  bench.Tick(Smtp("198.51.100.7", kT0, 0, 0));
  bench.Tick(Smtp("198.51.100.7", kT0 + 3, 1, 0));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_THAT(Peers(bench.output.alerts[0]), ElementsAre("198.51.100.7:25 1400/140 x2"));
  EXPECT_EQ(bench.output.alerts[0].first_seen, StartOfTick(kT0));
}

TEST(CountedEvidence, OfSentBytesIsOfPeersThatGotSome) {
  Bench bench(OneRule());
  bench.Tick(Delta(kHost, "198.51.100.1", kT0, 0, 5'000));
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 1, 1'000, 1));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_THAT(Peers(bench.output.alerts[0]), ElementsAre("198.51.100.2:25 1000/1 x1"));
}

// `count` connections that came to nothing, of which the first began at the tick's start.
meter::DeltaRecord Failed(const std::string& client, const std::string& server, int64_t tick,
                          uint32_t count, uint16_t port = 25) {
  meter::DeltaRecord delta = Delta(client, server, tick, 0, 0, port);
  delta.bytes[kUp].packets = delta.bytes[kDown].packets = delta.sessions = 0;
  delta.failed_sessions = count;
  return delta;
}

config::Config FailedRule(double raise) {
  config::Config config = OneRule();
  config::Rule& rule = config.rules[0];
  rule.metric = config::Metric::kFailedSessions;
  rule.raise = rule.clear = raise;
  return config;
}

TEST(CountedEvidence, OfFailedSessionsIsWhomTheyWereTo) {
  Bench bench(FailedRule(6));
  bench.Tick(Delta(kHost, "198.51.100.9", kT0, 1'000'000, 500));
  bench.Tick(Failed(kHost, "198.51.100.1", kT0 + 1, 1));
  bench.control.Apply(Failed("10.0.0.2", "198.51.100.7", kT0 + 2, 5));
  bench.Tick(Failed(kHost, "198.51.100.2", kT0 + 2, 2, 587));
  bench.Tick(Failed(kHost, "198.51.100.2", kT0 + 3, 1, 587));
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 4, 7000));
  meter::DeltaRecord nothing = Failed(kHost, "198.51.100.9", kT0 + 5, 0);
  nothing.last_seen += kNanosPerMilli;
  bench.control.Apply(nothing);
  bench.Tick(Failed(kHost, "198.51.100.2", kT0 + 5, 2));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_THAT(Peers(alert), ElementsAre("198.51.100.2:587 0/0 x3", "198.51.100.2:25 0/0 x2",
                                        "198.51.100.1:25 0/0 x1"));
  EXPECT_EQ(alert.first_seen, StartOfTick(kT0 + 1));
  EXPECT_EQ(alert.last_seen, StartOfTick(kT0 + 5) + kNanosPerMilli);
  EXPECT_THAT(alert.summary, HasSubstr(" with 2 external servers that are not approved relays, "
                                       "most with 198.51.100.2 port 587: 3 connections ("));
}

TEST(CountedEvidence, OfFailedSessionsThatLastedIsWhatTheWindowHolds) {
  config::Config config = FailedRule(1);
  config.rules[0].sustained_seconds = 60;
  config.rules[0].hold_seconds = 1;
  Bench bench(config);
  bench.Tick(Failed(kHost, "198.51.100.1", kT0, 1));
  bench.Tick(Failed(kHost, "198.51.100.2", kT0 + 30, 1));
  for (int64_t i = 31; i < 70; ++i) bench.Tick(Delta(kHost, kOut, kT0 + i, 1000));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_THAT(Peers(bench.output.alerts[0]), ElementsAre("198.51.100.2:25 0/0 x1"));
  EXPECT_EQ(bench.output.alerts[0].first_seen, StartOfTick(kT0 + 30));
  EXPECT_GE(bench.output.alerts[0].last_seen, bench.output.alerts[0].first_seen);
}

TEST(CountedEvidence, OfASitesFailedSessionsIsOfAllItsHosts) {
  config::Config config = FailedRule(5);
  config.rules[0].scope = config::Scope::kSite;
  Bench bench(config);
  bench.Tick(Delta("10.0.0.3", "198.51.100.9", kT0, 1'000'000, 500));
  bench.Tick(Failed(kHost, "198.51.100.1", kT0 + 1, 1));
  bench.control.Apply(Failed("10.0.0.2", "198.51.100.1", kT0 + 2, 1));
  bench.Tick(Failed("10.0.0.2", "198.51.100.2", kT0 + 2, 3));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_THAT(Peers(alert), ElementsAre("198.51.100.2:25 0/0 x3", "198.51.100.1:25 0/0 x2"));
  EXPECT_THAT(alert.summary, HasSubstr("The site (2 hosts) had 5 connections"));
}

// One address in several encapsulations may have as many names, and the row has room for one.
TEST(CountedEvidence, OfAPeerInSeveralEncapsulationsHasTheNameInTheFirst) {
  config::Config config = FailedRule(16);
  config.rules[0].scope = config::Scope::kSite;
  config.dns.resolvers = {Net(kResolver)};
  Bench bench(config);
  for (uint32_t tag = 16; tag >= 1; --tag) {
    meter::AnswerRecord answer = Answer(absl::StrCat("mx", tag, ".example"), kOut, kT0);
    answer.encap_tag = tag;
    bench.control.Apply(answer);
    meter::DeltaRecord failed = Failed(kHost, kOut, kT0, 1);
    failed.key.encap_tag = tag;
    bench.control.Apply(failed);
  }
  bench.control.EndTick(kT0);
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_THAT(Peers(bench.output.alerts[0]), ElementsAre("198.51.100.1:25 0/0 x16"));
  EXPECT_EQ(bench.output.alerts[0].top_peers[0].name, "mx1.example");
}

TEST(CountedEvidence, OfFailedSessionsHasNoHostWithoutOne) {
  config::Config config = FailedRule(5);
  config.rules[0].scope = config::Scope::kSite;
  Bench bench(config, {.failure_rows = 1});
  bench.control.Apply(Failed(kHost, "198.51.100.1", kT0, 2));
  bench.control.Apply(Failed("10.0.0.2", "198.51.100.2", kT0, 3));
  bench.control.EndTick(kT0);
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_THAT(Peers(alert), ElementsAre("198.51.100.1:25 0/0 x2"));
  EXPECT_THAT(alert.summary, HasSubstr("The site (1 host) had 5 connections"));
}

// A scan fills no table: the value is exact, and those with the most are told apart.
TEST(CountedEvidence, OfAScanIsBounded) {
  constexpr uint32_t kScanned = FailureLog::kMostPeers + 100;
  Bench bench(FailedRule(kScanned));
  for (uint32_t i = 0; i < kScanned; ++i) {
    const std::string server = absl::StrCat("198.51.", i / 200, ".", i % 200);
    bench.control.Apply(Failed(kHost, server, kT0, i + 10 < kScanned ? 1 : 2));
  }
  bench.control.EndTick(kT0);
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  EXPECT_EQ(bench.output.alerts[0].value, kScanned + 10);
  EXPECT_EQ(bench.output.alerts[0].top_peers.at(9).sessions, 2u);
  EXPECT_THAT(bench.output.alerts[0].summary, HasSubstr("with at least 1024 external servers"));
  EXPECT_EQ(bench.control.MakeSnapshot()->peers_forgotten, 100u);
}

}  // namespace
}  // namespace mailtap::control

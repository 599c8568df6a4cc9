// What an alert says besides that it is one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/control/summary.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;
using testing::AllOf;
using testing::HasSubstr;

meter::NameRecord Named(const std::string& server, const std::string& text, int64_t tick,
                        meter::NameSource source) {
  meter::NameRecord name;
  name.key = Delta(kHost, server, tick, 0).key;
  name.time = StartOfTick(tick);
  name.source = source;
  name.length = static_cast<uint8_t>(text.size());
  text.copy(name.text, text.size());
  return name;
}

// The only alert of `bench`, which must have been raised.
const Alert& Only(const Bench& bench) {
  EXPECT_EQ(bench.output.alerts.size(), 1u);
  return bench.output.alerts.at(0);
}

TEST(Evidence, RanksPeersByTheirShareOfTheMetric) {
  config::Config config = OneRule();
  config.alerts.top_peers = 3;
  Bench bench(config);
  bench.control.Apply(Delta(kHost, "198.51.100.1", kT0, 100, 9000));
  bench.control.Apply(Delta(kHost, "198.51.100.2", kT0, 300, 1));
  bench.control.Apply(Delta(kHost, "198.51.100.2", kT0, 50, 1, 587));  // another row
  bench.control.Apply(Delta(kHost, "198.51.100.4", kT0, 300, 2));     // received breaks the tie
  bench.control.Apply(Delta(kHost, "198.51.100.3", kT0, 100, 9000));  // then the address
  bench.control.EndTick(kT0);
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 1, 200, 0));
  const Alert& alert = Only(bench);
  ASSERT_EQ(alert.top_peers.size(), 3u);
  EXPECT_EQ(net::ToString(alert.top_peers[0].peer), "198.51.100.2");
  EXPECT_EQ(alert.top_peers[0].port, 25);
  EXPECT_EQ(alert.top_peers[0].sent, 500u);
  EXPECT_EQ(alert.top_peers[0].received, 1u);
  EXPECT_EQ(alert.top_peers[0].sessions, 2u);
  EXPECT_EQ(net::ToString(alert.top_peers[1].peer), "198.51.100.4");
  EXPECT_EQ(net::ToString(alert.top_peers[2].peer), "198.51.100.1");
}

TEST(Evidence, IsOfExactlyTheWindow) {
  Bench bench(OneRule());
  bench.Tick(Delta(kHost, "198.51.100.1", kT0, 900));
  bench.Tick(Delta(kHost, "198.51.100.1", kT0 + 40, 500 - 1));
  EXPECT_EQ(bench.output.alerts.size(), 1u);
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 90, 501));  // the first 900 have left; cleared
  ASSERT_EQ(bench.output.alerts.size(), 3u);
  const Alert& again = bench.output.alerts[2];
  EXPECT_EQ(again.state, AlertState::kRaised);
  EXPECT_EQ(again.value, 1000);
  EXPECT_EQ(again.first_seen, StartOfTick(kT0 + 40));
  ASSERT_EQ(again.top_peers.size(), 2u);
  EXPECT_EQ(again.top_peers[0].sent, 501u);
  EXPECT_EQ(again.top_peers[1].sent, 499u);
}

TEST(Evidence, MeasuresConfidence) {
  Bench bench(OneRule());
  meter::DeltaRecord lossy = Delta(kHost, "198.51.100.1", kT0, 900, 0);
  lossy.bytes[kUp].inferred = 100;
  lossy.bytes[kDown].repeated = 300;
  lossy.bytes[kDown].duplicate = 110;
  meter::DeltaRecord one_way = Delta(kHost, "198.51.100.2", kT0, 1000, 0);
  one_way.bytes[kDown].packets = 0;
  bench.control.Apply(lossy);
  bench.control.Apply(one_way);
  bench.control.EndTick(kT0);
  const Confidence& confidence = Only(bench).confidence;
  EXPECT_DOUBLE_EQ(confidence.loss_ratio, 100.0 / 2000);
  EXPECT_DOUBLE_EQ(confidence.repeat_ratio, 300.0 / (1900 + 300));
  EXPECT_DOUBLE_EQ(confidence.duplicate_ratio, 110.0 / (1900 + 300));
  EXPECT_DOUBLE_EQ(confidence.one_way_ratio, 0.5);
}

TEST(Evidence, OneWayIsToldBySessionWhereOthersAreSeenBothWays) {
  Bench bench(OneRule());
  meter::DeltaRecord delta = Delta(kHost, "198.51.100.1", kT0, 1500, 500);
  delta.one_way = 1200;
  bench.control.Apply(delta);
  bench.control.EndTick(kT0);
  EXPECT_DOUBLE_EQ(Only(bench).confidence.one_way_ratio, 1200.0 / 2000);
}

TEST(Evidence, SaysVerdictAndServiceOfTheLargestShare) {
  Bench bench(OneRule());
  bench.control.Apply(Delta(kHost, "198.51.100.1", kT0, 400));
  bench.control.Apply(Delta(kHost, "10.9.0.1", kT0, 350, 0, 143, Service::kImap));
  bench.control.Apply(Delta(kHost, "10.9.0.2", kT0, 350, 0, 143, Service::kImap));
  bench.control.EndTick(kT0);
  EXPECT_EQ(Only(bench).verdict, Verdict::kUnapprovedInternal);
  EXPECT_EQ(Only(bench).service, Service::kImap);
}

TEST(Evidence, GivesTiesToTheFirstInTheOrderOfTheEnumerators) {
  Bench bench(OneRule());
  bench.control.Apply(Delta(kHost, "10.9.0.1", kT0, 500, 0, 110, Service::kPop3));
  bench.control.Apply(Delta(kHost, "198.51.100.1", kT0, 500, 0, 143, Service::kImap));
  bench.control.EndTick(kT0);
  EXPECT_EQ(Only(bench).verdict, Verdict::kUnapprovedExternal);
  EXPECT_EQ(Only(bench).service, Service::kImap);
}

TEST(Evidence, NamesServersButNotClients) {
  Bench bench(OneRule());
  bench.control.Apply(Named("198.51.100.1", "mx.example.net", kT0, meter::NameSource::kBanner));
  bench.control.Apply(Delta(kHost, "198.51.100.1", kT0, 1000));
  bench.control.Apply(Delta("198.51.100.1", kHost, kT0, 0, 2000));
  bench.control.EndTick(kT0);
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  EXPECT_EQ(bench.output.alerts[0].top_peers[0].name, "mx.example.net");
  EXPECT_EQ(bench.output.alerts[1].role, Role::kServer);
  EXPECT_EQ(bench.output.alerts[1].top_peers[0].name, "");
}

TEST(Names, GoBySourceThenTimeThenLetters) {
  struct Case {
    std::vector<meter::NameRecord> names;
    std::string expected;
  };
  const auto sni = meter::NameSource::kSni;
  const auto banner = meter::NameSource::kBanner;
  const auto name = [](const std::string& text, int64_t second, meter::NameSource source) {
    return Named("198.51.100.1", text, kT0 + second, source);
  };
  const Case cases[] = {
      {{name("banner", 0, banner), name("sni", 9, sni)}, "sni"},
      {{name("late", 2, sni), name("early", 1, sni)}, "early"},
      {{name("bbb", 1, banner), name("aaa", 1, banner)}, "aaa"},
      {{name("bad\x1b[2Jname", 0, sni), name("good", 5, banner)}, "good"},
      {{name("", 0, sni)}, ""},
  };
  for (const Case& c : cases) {
    for (const bool reversed : {false, true}) {
      config::Config config = OneRule();
      Bench bench(config);
      std::vector<meter::NameRecord> names = c.names;
      if (reversed) names = {c.names.rbegin(), c.names.rend()};
      for (const meter::NameRecord& n : names) bench.control.Apply(n);
      bench.Tick(Delta(kHost, "198.51.100.1", kT0, 1000));
      EXPECT_EQ(Only(bench).top_peers.at(0).name, c.expected);
    }
  }
}

TEST(Alert, CarriesItsRuleItsAssetAndTheConfiguration) {
  config::Config config = BaseConfig();
  config.groups = {{"everyone", {Net("10.0.0.0/8")}}, {"workstations", {Net("10.0.0.0/16")}}};
  config.rules = {BytesRule()};
  config.rules[0].severity = config::Severity::kCritical;
  Bench bench(config);
  bench.Tick(Delta(kHost, "198.51.100.1", kT0, 1000));
  const Alert& alert = Only(bench);
  EXPECT_EQ(alert.rule, "bulk");
  EXPECT_EQ(alert.severity, config::Severity::kCritical);
  EXPECT_EQ(alert.asset, "workstations");
  EXPECT_EQ(alert.config_version, "0123456789ab");
  EXPECT_EQ(alert.window_seconds, 60);
  EXPECT_EQ(alert.metric, Metric::kSentBytes);
  EXPECT_EQ(alert.last_seen, StartOfTick(kT0) + kNanosPerMilli);
}

Alert Sample() {
  Alert alert;
  alert.rule = "bulk mail out";
  alert.host = Ip(kHost);
  alert.asset = "workstations";
  alert.value = 52'400'000;
  alert.threshold = 50'000'000;
  alert.window_seconds = 300;
  AlertPeer peer;
  peer.peer = Ip("198.51.100.7");
  peer.name = "mx.example.net";
  peer.port = 25;
  peer.sent = 41'200'000;
  peer.received = 80'000;
  alert.top_peers = {peer};
  return alert;
}

TEST(Summary, SaysWhoWhatWithWhomAndWhatToDo) {
  EXPECT_EQ(Summarize(Sample(), {3}, 600),
            "10.0.0.1 (workstations) sent 52.4 MB by SMTP within 5m with 3 external servers "
            "that are not approved relays, most with 198.51.100.7 port 25 (mx.example.net): "
            "41.2 MB sent, 80.0 kB received (rule \"bulk mail out\", threshold 50.0 MB); check "
            "which program on the host sends mail there and whether it may; if the server is a "
            "relay of yours, add it to the inventory.");
}

TEST(Summary, OfADrainedServerSpeaksOfClients) {
  Alert alert = Sample();
  alert.role = Role::kServer;
  alert.service = Service::kImap;
  alert.state = AlertState::kUpdated;
  alert.asset.clear();
  EXPECT_EQ(
      Summarize(alert, {1}, 600),
      "10.0.0.1 still sent 52.4 MB by IMAP within 5m with 1 external client that no relay "
      "entry covers, 198.51.100.7 port 25 (mx.example.net): 41.2 MB sent, 80.0 kB received "
      "(rule \"bulk mail out\", threshold 50.0 MB); check why the host serves mail to the "
      "outside and what was fetched; if it is a mail server of yours, add it to the "
      "inventory.");
}

// The alert's service and verdict are those of the largest share alone.
TEST(Summary, NamesAllThatCounted) {
  Alert alert = Sample();
  alert.scope = config::Scope::kSite;
  Parties parties{5, 4};
  for (const Service service : {Service::kPop3, Service::kSmtp, Service::kImap}) {
    parties.services.Add(static_cast<int>(service));
  }
  const auto add = [&](Verdict verdict) { parties.verdicts.Add(static_cast<int>(verdict)); };
  add(Verdict::kUnapprovedExternal);
  EXPECT_THAT(
      Summarize(alert, parties, 600),
      AllOf(HasSubstr("The site (4 hosts) sent 52.4 MB by SMTP, IMAP and POP3 within 5m "
                      "with 5 external servers that are not approved relays, most "),
            HasSubstr("check which program on each host sends mail there")));
  add(Verdict::kUnapprovedInternal);
  EXPECT_THAT(Summarize(alert, parties, 600),
              HasSubstr(" with 5 servers that are not approved relays, most with "));
  add(Verdict::kApproved);
  EXPECT_THAT(Summarize(alert, parties, 600),
              HasSubstr(" with 5 servers, approved ones among them, most with "));
}

TEST(Summary, OfPeersSaysTheirNumberOnce) {
  Alert alert = Sample();
  alert.metric = Metric::kDistinctPeers;
  alert.value = 41;
  alert.threshold = 40;
  alert.top_peers.clear();
  EXPECT_EQ(
      Summarize(alert, {41}, 600),
      "10.0.0.1 (workstations) talked to 41 different peers by SMTP within 5m, external "
      "servers that are not approved relays (rule \"bulk mail out\", threshold 40); check "
      "which program on the host sends mail there and whether it may; if the server is a "
      "relay of yours, add it to the inventory.");
}

TEST(Summary, OfAClearedAlertSaysForHowLong) {
  Alert alert = Sample();
  alert.state = AlertState::kCleared;
  alert.value = 1'000'000;
  alert.threshold = 20'000'000;
  alert.highest = 60'000'000;
  EXPECT_EQ(Summarize(alert, {1}, 600),
            "10.0.0.1 (workstations) has been below 20.0 MB of sent bytes within 5m as client "
            "for 10m, and now stands at 1.00 MB, after at most 60.0 MB (rule \"bulk mail "
            "out\").");
}

// Messages go on, but to one server instead of many: that ended it, not the messages.
TEST(Summary, OfAClearedAlertNamesTheConditionThatWasNotMet) {
  Alert alert = Sample();
  alert.rule = "spam run";
  alert.state = AlertState::kCleared;
  alert.metric = Metric::kMessages;
  alert.value = 600;
  alert.highest = 900;
  alert.threshold = 50;
  alert.conditions = {{Metric::kDistinctPeers, 1, 5, 600},
                      {Metric::kSentReceivedRatio, 8, 2, 60}};
  EXPECT_EQ(Summarize(alert, {1}, 600),
            "10.0.0.1 (workstations) has not met all conditions of rule \"spam run\" as client "
            "for 10m, and now stands at 1 distinct peer within 10m, below 5, after at most 900 "
            "messages within 5m.");
  alert.value = 7;
  alert.conditions[1].value = 1.5;
  EXPECT_EQ(Summarize(alert, {1}, 0),
            "10.0.0.1 (workstations) does not meet all conditions of rule \"spam run\" as "
            "client, and now stands at 7 messages within 5m, below 50, and at 1 distinct peer "
            "within 10m, below 5, and at a sent received ratio of 1.5 within 1m, below 2, "
            "after at most 900 messages within 5m.");
}

}  // namespace
}  // namespace mailtap::control

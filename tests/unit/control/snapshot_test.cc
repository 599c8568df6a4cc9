// Totals, rankings and the rest of what scrapes and reports read.
#include "lib/control/snapshot.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Verdict;

TEST(Snapshot, BeforeTheFirstTickIsEmptyButThere) {
  Bench bench(BaseConfig());
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->time, 0);
  EXPECT_EQ(snapshot->ticks, 0u);
  EXPECT_EQ(snapshot->hosts_known, 0u);
  EXPECT_EQ(snapshot->config_version, "0123456789ab");
  EXPECT_EQ(bench.control.NextEventTick(), INT64_MAX);
}

TEST(Snapshot, DoesNotChangeOnceMade) {
  Bench bench(BaseConfig());
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0, 100));
  const auto before = bench.control.MakeSnapshot();
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + 1, 100));
  const auto after = bench.control.MakeSnapshot();
  const auto sent = [](const Snapshot& s) {
    return s.total(Service::kSmtp, Verdict::kUnapprovedExternal).bytes[kUp].observed;
  };
  EXPECT_EQ(sent(*before), 100u);
  EXPECT_EQ(sent(*after), 200u);
  EXPECT_EQ(before->time, StartOfTick(kT0 + 1));
  EXPECT_EQ(after->time, StartOfTick(kT0 + 2));
  EXPECT_EQ(after->ticks, 2u);
  EXPECT_EQ(after->first_packet_tick, StartOfTick(kT0));
}

TEST(Totals, KeepEveryCounterByServiceAndVerdict) {
  Bench bench(BaseConfig());
  meter::DeltaRecord delta =
      Delta("10.1.0.1", "198.51.100.1", kT0, 10, 20, 143, Service::kImap);
  delta.bytes[kUp].inferred = 1;
  delta.bytes[kUp].repeated = 2;
  delta.bytes[kDown].packets = 7;
  delta.sessions = 3;
  delta.failed_sessions = 4;
  delta.messages = 5;
  delta.rejected = 6;
  for (int i = 0; i < 1000; ++i) bench.control.Apply(delta);
  bench.control.EndTick(kT0);
  const auto snapshot = bench.control.MakeSnapshot();
  const Totals& totals = snapshot->total(Service::kImap, Verdict::kUnapprovedExternal);
  EXPECT_EQ(totals.bytes[kUp].observed, 10'000u);
  EXPECT_EQ(totals.bytes[kUp].inferred, 1'000u);
  EXPECT_EQ(totals.bytes[kUp].repeated, 2'000u);
  EXPECT_EQ(totals.bytes[kDown].observed, 20'000u);
  EXPECT_EQ(totals.bytes[kDown].packets, 7'000u);
  EXPECT_EQ(totals.sessions, 3'000u);
  EXPECT_EQ(totals.failed_sessions, 4'000u);
  EXPECT_EQ(totals.messages, 5'000u);
  EXPECT_EQ(totals.rejected, 6'000u);
  EXPECT_EQ(snapshot->total(Service::kSmtp, Verdict::kUnapprovedExternal).sessions, 0u);
  EXPECT_EQ(snapshot->conversations_known, 1u);
}

TEST(Totals, CountRowsThatLostAnEndAndNobodyElse) {
  Bench bench(OneRule());
  meter::DeltaRecord delta = Delta("10.1.0.1", "198.51.100.1", kT0, 1'000'000);
  delta.key.server = net::IpAddress{};
  delta.key.server_port = 0;
  delta.key.attribution = meter::Attribution::kClientOnly;
  bench.Tick(delta);
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->total(Service::kSmtp, Verdict::kUnattributed).bytes[kUp].observed,
            1'000'000u);
  EXPECT_EQ(snapshot->hosts_known, 0u);
  EXPECT_EQ(snapshot->conversations_known, 0u);
  EXPECT_TRUE(bench.output.alerts.empty());
  EXPECT_TRUE(bench.control.RankedHosts().empty());
}

TEST(Totals, OfAScanFillNoTable) {
  Bench bench(BaseConfig());
  for (int i = 0; i < 1000; ++i) {
    meter::DeltaRecord delta =
        Delta("10.1.0.1", "198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250),
              kT0, 0);
    delta.bytes[kUp].packets = delta.bytes[kDown].packets = 0;
    delta.sessions = 0;
    delta.failed_sessions = 1;
    bench.control.Apply(delta);
  }
  bench.control.EndTick(kT0);
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->total(Service::kSmtp, Verdict::kUnapprovedExternal).failed_sessions,
            1000u);
  EXPECT_EQ(snapshot->conversations_known, 0u);
  EXPECT_EQ(snapshot->hosts_known, 0u);
}

config::Config WithGateway() {
  config::Config config = BaseConfig();
  config::Relay gateway, unused;
  gateway.name = "gateway";
  gateway.owner = "messaging";
  gateway.destinations = {Net("192.0.2.1"), Net("10.20.0.10")};
  unused.name = "unused";
  unused.destinations = {Net("192.0.2.99")};
  config.relays = {unused, gateway};
  return config;
}

TEST(Hosts, AreRankedByWhatTheySentUnapproved) {
  config::Config config = WithGateway();
  config.metrics.top_hosts = 2;
  Bench bench(config);
  bench.control.Apply(Delta("10.1.0.1", "198.51.100.1", kT0, 500, 30));
  bench.control.Apply(Delta("10.1.0.1", "192.0.2.1", kT0, 7000, 40));
  bench.control.Apply(Delta("10.1.0.2", "192.0.2.1", kT0, 9000, 1));
  bench.control.Apply(Delta("198.51.100.1", "10.1.0.3", kT0, 10, 500));
  bench.control.Apply(Delta("10.1.0.4", "10.1.0.5", kT0, 600, 20));
  bench.control.Apply(Delta("198.51.100.9", "10.20.0.10", kT0, 80, 2));
  bench.control.Apply(Delta("198.51.100.1", "198.51.100.2", kT0, 99'999));
  bench.control.EndTick(kT0);
  const std::vector<HostTotals> ranked = bench.control.RankedHosts();
  std::vector<std::string> lines;
  for (const HostTotals& t : ranked) {
    lines.push_back(absl::StrCat(net::ToString(t.host), " un ", t.unapproved_sent, "/",
                                 t.unapproved_received, " x", t.unapproved_sessions, " ok ",
                                 t.approved_sent, "/", t.approved_received, " x",
                                 t.approved_sessions));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "10.1.0.4 un 600/20 x1 ok 0/0 x0",
                       "10.1.0.1 un 500/30 x1 ok 7000/40 x1",
                       "10.1.0.3 un 500/10 x1 ok 0/0 x0",
                       "10.1.0.5 un 20/600 x1 ok 0/0 x0",
                       "10.1.0.2 un 0/0 x0 ok 9000/1 x1",
                       "10.20.0.10 un 0/0 x0 ok 2/80 x1",
                   }));
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->top_hosts.size(), 2u);
  EXPECT_EQ(snapshot->top_hosts[0].host, ranked[0].host);
  EXPECT_EQ(snapshot->top_hosts[1].host, ranked[1].host);
  EXPECT_EQ(snapshot->hosts_known, 6u);
}

TEST(Relays, CountClientsSessionsAndBytes) {
  Bench bench(WithGateway());
  bench.control.Apply(Delta("10.1.0.1", "192.0.2.1", kT0, 100, 10));
  bench.control.Apply(Delta("10.1.0.1", "192.0.2.1", kT0, 100, 10, 587));
  bench.control.Apply(Delta("10.1.0.2", "192.0.2.1", kT0, 100, 10));
  bench.control.Apply(Delta("198.51.100.9", "10.20.0.10", kT0, 5, 0));
  bench.control.EndTick(kT0);
  bench.Tick(Delta("10.1.0.2", "192.0.2.1", kT0 + 9, 1));
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->relays.size(), 2u);
  EXPECT_EQ(snapshot->relays[0].name, "unused");
  EXPECT_EQ(snapshot->relays[0].hosts, 0u);
  EXPECT_EQ(snapshot->relays[0].last_used, 0);
  const RelayUse& gateway = snapshot->relays[1];
  EXPECT_EQ(gateway.name, "gateway");
  EXPECT_EQ(gateway.owner, "messaging");
  EXPECT_EQ(gateway.hosts, 3u);
  EXPECT_EQ(gateway.sessions, 5u);
  EXPECT_EQ(gateway.bytes, 336u);
  EXPECT_EQ(gateway.last_used, StartOfTick(kT0 + 9) + kNanosPerMilli);
}

TEST(Gauges, ShowTheLargestShareOfTheThresholdFirst) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("small"), BytesRule("large")};
  config.rules[1].raise = 100'000;
  config.rules[1].window_seconds = 600;
  config.metrics.top_hosts = 3;
  Bench bench(config);
  bench.control.Apply(Delta("10.1.0.1", "198.51.100.1", kT0, 2000));
  bench.control.Apply(Delta("10.1.0.2", "198.51.100.1", kT0, 500));
  bench.control.Apply(Delta("10.1.0.3", "198.51.100.1", kT0, 500));
  bench.control.EndTick(kT0);
  auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->host_gauges.size(), 3u);
  EXPECT_EQ(snapshot->host_gauges[0].host, Ip("10.1.0.1"));
  EXPECT_EQ(snapshot->host_gauges[0].rule, "small");
  EXPECT_EQ(snapshot->host_gauges[0].value, 2000);
  EXPECT_EQ(snapshot->host_gauges[0].raise, 1000);
  EXPECT_TRUE(snapshot->host_gauges[0].alerting);
  EXPECT_EQ(snapshot->host_gauges[1].host, Ip("10.1.0.2"));
  EXPECT_FALSE(snapshot->host_gauges[1].alerting);
  EXPECT_EQ(snapshot->host_gauges[2].host, Ip("10.1.0.3"));
  EXPECT_EQ(snapshot->hosts_tracked, 3u);

  bench.control.EndTick(kT0 + 60);  // only the larger window still holds it
  snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->host_gauges.size(), 3u);
  EXPECT_EQ(snapshot->host_gauges[0].rule, "large");
  EXPECT_EQ(snapshot->hosts_tracked, 3u);
  bench.control.EndTick(kT0 + 700);
  snapshot = bench.control.MakeSnapshot();
  EXPECT_TRUE(snapshot->host_gauges.empty());
  EXPECT_EQ(snapshot->hosts_tracked, 0u);
  EXPECT_EQ(snapshot->hosts_known, 3u);
}

TEST(AlertCounts, FollowTheAlerts) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("one"), BytesRule("two")};
  config.rules[1].raise = 1e9;
  config.rules[0].severity = config::Severity::kHigh;
  Bench bench(config);
  bench.control.Apply(Delta("10.1.0.1", "198.51.100.1", kT0, 2000));
  bench.control.Apply(Delta("10.1.0.2", "198.51.100.1", kT0, 2000));
  bench.control.EndTick(kT0);
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + 50, 2000));
  bench.control.EndTick(kT0 + 70);  // the second has cleared
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->alerts.size(), 2u);
  EXPECT_EQ(snapshot->alerts[0].rule, "one");
  EXPECT_EQ(snapshot->alerts[0].severity, config::Severity::kHigh);
  EXPECT_EQ(snapshot->alerts[0].raised, 2u);
  EXPECT_EQ(snapshot->alerts[0].cleared, 1u);
  EXPECT_EQ(snapshot->alerts[0].active, 1u);
  EXPECT_EQ(snapshot->alerts[1].raised, 0u);
}

}  // namespace
}  // namespace mailtap::control

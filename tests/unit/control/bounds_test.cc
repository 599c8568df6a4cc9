// What happens where a table is full: totals stay exact, sizes stay bounded, and it is counted.
#include "lib/control/bounds.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/control/intake.h"
#include "lib/control/janitor.h"
#include "lib/control/state.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

std::string Numbered(const char* network, int64_t n) {
  return absl::StrCat(network, ".", n / 250 % 250, ".", n % 250);
}

TEST(Bounds, KeepTablesSmallAndTotalsExact) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("bytes"), BytesRule("peers")};
  config.rules[1].metric = Metric::kDistinctPeers;
  const Bounds bounds = {.conversations = 64, .hosts = 16};
  Bench bench(config, bounds);
  Random random(1);
  uint64_t sent = 0;
  for (int64_t tick = kT0; tick < kT0 + 3000; tick += 7) {
    for (int i = 0; i < 5; ++i) {
      const uint64_t bytes = static_cast<uint64_t>(Pick(random, 1, 100));
      sent += bytes;
      bench.control.Apply(Delta(Numbered("10.1", Pick(random, 0, 499)),
                                Numbered("198.51", Pick(random, 0, 499)), tick, bytes));
    }
    bench.control.EndTick(tick);
    const auto snapshot = bench.control.MakeSnapshot();
    EXPECT_LE(snapshot->conversations_known, 64u);
    // Hosts that a conversation or a window still names can't go.
    EXPECT_LE(snapshot->hosts_known, 64u + 5 * 60);
  }
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->total(Service::kSmtp, Verdict::kUnapprovedExternal).bytes[kUp].observed,
            sent);
  EXPECT_GT(snapshot->peers_forgotten, 1000u);
}

TEST(Bounds, ForgetTheLongestIdleHostsButNeverOnesInUse) {
  config::Config config = OneRule();
  const Bounds bounds = {.conversations = 8, .hosts = 8};
  Bench bench(config, bounds);
  bench.Tick(Delta("10.9.9.9", "198.51.100.1", kT0, 5000));
  for (int64_t i = 0; i < 100; ++i) {
    bench.control.Apply(Delta("10.9.9.9", "198.51.100.1", kT0 + 1 + i * 100, 5000));
    bench.Tick(Delta(Numbered("10.1", i), "198.51.100.1", kT0 + 1 + i * 100, 10));
  }
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_LE(snapshot->hosts_known, 16u);
  EXPECT_LE(snapshot->conversations_known, 8u);
  ASSERT_FALSE(snapshot->top_hosts.empty());
  EXPECT_EQ(snapshot->top_hosts[0].host, Ip("10.9.9.9"));
  EXPECT_EQ(snapshot->top_hosts[0].unapproved_sent, 101u * 5000);
}

TEST(Bounds, OnEvidenceLeaveValuesExact) {
  config::Config config = OneRule();
  config.rules[0].raise = 5000;
  const Bounds bounds = {.evidence_rows = 10};
  Bench bench(config, bounds);
  for (int64_t i = 0; i < 50; ++i) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + i, 100));
  }
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_EQ(alert.time, StartOfTick(kT0 + 50));
  EXPECT_EQ(alert.value, 5000);
  ASSERT_EQ(alert.top_peers.size(), 1u);
  EXPECT_EQ(alert.top_peers[0].sent, 11u * 100);  // ten rows, and the tick's own
  EXPECT_EQ(bench.control.MakeSnapshot()->peers_forgotten, 40u);
}

TEST(Bounds, OnWindowRowsShortenWindows) {
  config::Config config = OneRule();
  const Bounds bounds = {.window_rows = 10};
  Bench bench(config, bounds);
  for (int64_t i = 0; i < 50; ++i) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + i, 10));
  }
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->host_gauges.size(), 1u);
  EXPECT_EQ(snapshot->host_gauges[0].value, 100);
  EXPECT_EQ(snapshot->peers_forgotten, 40u);
}

TEST(Bounds, OnNamesForgetTheEarliest) {
  const Bounds bounds = {.session_names = 8, .server_names = 8};
  Bench bench(BaseConfig(), bounds);
  std::vector<meter::SessionRecord> sessions;
  for (int i = 0; i < 20; ++i) {
    meter::SessionRecord session;
    session.key = Delta("10.1.0.1", Numbered("198.51", i), kT0, 0).key;
    session.first_seen = StartOfTick(kT0) + i;
    session.has_sni = true;
    meter::NameRecord name;
    name.key = session.key;
    name.time = session.first_seen;
    const std::string text = absl::StrCat("n", i);
    name.length = static_cast<uint8_t>(text.size());
    text.copy(name.text, text.size());
    bench.control.Apply(name);
    sessions.push_back(session);
  }
  bench.control.EndTick(kT0);
  for (const meter::SessionRecord& session : sessions) bench.control.Apply(session);
  bench.control.EndTick(kT0 + 1);
  ASSERT_EQ(bench.output.sessions.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(bench.output.sessions[i].sni, i < 13 ? "" : absl::StrCat("n", i)) << i;
  }
  EXPECT_EQ(bench.control.MakeSnapshot()->peers_forgotten, 26u);
}

TEST(Bounds, OnRelayClientsStopTellingThemApart) {
  config::Config config = BaseConfig();
  config::Relay relay;
  relay.name = "gateway";
  config.relays = {relay};
  const Bounds bounds = {.relay_clients = 10};
  Bench bench(config, bounds);
  for (int i = 0; i < 15; ++i) {
    bench.control.Apply(Delta(Numbered("10.1", i), "198.51.100.1", kT0, 1));
  }
  bench.control.EndTick(kT0);
  const auto snapshot = bench.control.MakeSnapshot();
  EXPECT_EQ(snapshot->relays[0].hosts, 10u);
  EXPECT_EQ(snapshot->relays[0].bytes, 15u);
  EXPECT_EQ(snapshot->peers_forgotten, 5u);
}

// Peers whose conversations were forgotten, and that come back, are still the same peers.
TEST(Bounds, OnConversationsDoNotCountPeersTwice) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("peers")};
  config.rules[0].metric = Metric::kDistinctPeers;
  config.rules[0].raise = 1000;
  const Bounds bounds = {.conversations = 4};
  Bench bench(config, bounds);
  for (int64_t i = 0; i < 50; ++i) {
    bench.Tick(Delta("10.1.0.1", Numbered("198.51", i % 10), kT0 + i, 1));
  }
  const auto snapshot = bench.control.MakeSnapshot();
  ASSERT_EQ(snapshot->host_gauges.size(), 1u);
  EXPECT_EQ(snapshot->host_gauges[0].value, 10);
}

TEST(Janitor, LeavesNothingOfWhatItForgets) {
  config::Config config = BaseConfig();
  config.rules = {BytesRule("peers")};
  config.rules[0].metric = Metric::kDistinctPeers;
  State state(std::make_shared<const config::Config>(config),
              {.conversations = 16, .hosts = 16, .evidence_rows = 64});
  Intake intake(state);
  Janitor janitor(state);
  int64_t tick = kT0;
  for (int64_t i = 0; i < 2000; ++i, ++tick) {
    intake.Apply(Delta(Numbered("10.1", i % 300), Numbered("198.51", i), tick, 1));
    intake.Flush();
    state.first_tick = kT0;
    state.windows.Expire(tick);
    intake.Fold(tick);
    for (EvidenceLog& log : state.evidence) log.Expire(tick);
    janitor.Tidy(kT0);
  }
  // A minute's peers are still counted by the window; a conversation may hold one more.
  EXPECT_LE(state.windows.peers().size(), 60u + 16 + 1);
  EXPECT_LE(state.conversations.size(), 16u);
  EXPECT_LE(state.hosts.size(), 60u + 16 + 2);
  state.windows.Expire(tick + 60);
  EXPECT_EQ(state.windows.hosts_live(), 0u);
  EXPECT_EQ(state.windows.peers().size(), state.conversations.size());
}

// What is forgotten does not depend on the order of records either.
TEST(Bounds, ForgetTheSameWhateverTheOrder) {
  const Bounds bounds = {.conversations = 12,
                         .hosts = 3,
                         .window_rows = 40,
                         .evidence_rows = 30,
                         .failure_rows = 4};
  for (uint64_t seed = 0; seed < 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Scenario scenario = RandomScenario(seed, 60);
    Random random(seed);
    std::vector<std::string> expected;
    for (int round = 0; round < 3; ++round) {
      Bench bench(scenario.config, bounds);
      for (auto& [tick, deltas] : scenario.ticks) {
        for (const meter::DeltaRecord& delta : deltas) bench.control.Apply(delta);
        bench.control.EndTick(tick);
        for (std::size_t i = deltas.size(); i > 1; --i) {
          std::swap(deltas[i - 1], deltas[Pick(random, 0, static_cast<int64_t>(i) - 1)]);
        }
      }
      bench.control.EndTick(scenario.last_tick);
      std::vector<std::string> lines = Describe(bench.output.alerts);
      lines.push_back(absl::StrCat(bench.control.MakeSnapshot()->peers_forgotten));
      if (round == 0) expected = lines;
      EXPECT_EQ(lines, expected);
    }
  }
}

}  // namespace
}  // namespace mailtap::control

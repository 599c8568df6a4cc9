// Evidence is of what counted, and of nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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

}  // namespace
}  // namespace mailtap::control

// Rules that ask what is usual, over the whole control core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::HasSubstr;

constexpr int64_t kHour = 3600;
constexpr int64_t kWeek = 7 * 24 * kHour;

class Unusual : public testing::Test {
 protected:
  static config::Config ConfigOf(double multiple) {
    config::Config config = BaseConfig();
    config::Rule rule = BytesRule("unusual");
    rule.window_seconds = 3600;
    rule.raise = 1000;
    rule.clear = 500;
    rule.multiple = multiple;
    config.rules = {rule};
    return config;
  }
};

TEST_F(Unusual, RaisesAtAMultipleOfTheUsualAndAtNoLess) {
  Bench bench(ConfigOf(10));
  int64_t tick = kT0;
  for (int week = 0; week < 4; ++week, tick += kWeek) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 200));
  }
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 1999));
  EXPECT_TRUE(bench.output.alerts.empty()) << "at raise, below ten times the usual 200";
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick + 10, 1));
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  EXPECT_EQ(alert.threshold, 2000);
  EXPECT_EQ(alert.value, 2000);
  ASSERT_TRUE(alert.baseline.has_value());
  EXPECT_EQ(alert.baseline->expected, 200);
  EXPECT_EQ(alert.baseline->weeks, 4);
  bench.control.EndTick(tick + 3 * kHour);
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  EXPECT_EQ(bench.output.alerts[1].state, AlertState::kCleared);
  EXPECT_EQ(bench.output.alerts[1].threshold, 1000) << "half, as clear is of raise";
}

TEST_F(Unusual, RaisesNothingWhileNothingIsKnown) {
  Bench bench(ConfigOf(2));
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0, 1'000'000));
  bench.control.EndTick(kT0 + 2 * kHour);
  EXPECT_TRUE(bench.output.alerts.empty());
}

// Sends 4000 bytes at half past the hour, each week.
void BeUsual(Bench& bench, int64_t& tick) {
  for (int week = 0; week < 4; ++week, tick += kWeek) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 4000));
  }
}

// The window still holds it when another hour has begun, in which nothing is usual.
TEST_F(Unusual, TheHourBeforeIsPartOfTheWindow) {
  Bench bench(ConfigOf(5));
  int64_t tick = kT0 + 1800;
  BeUsual(bench, tick);
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 4000));
  bench.control.EndTick(tick + 3 * kHour);
  EXPECT_TRUE(bench.output.alerts.empty());
}

// A sensor that was off for two weeks has seen one of three.
TEST_F(Unusual, ATimeWithoutASensorIsNotKnown) {
  for (const bool same_capture : {true, false}) {
    SCOPED_TRACE(same_capture);
    Bench before(ConfigOf(3));
    before.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 - kHour, 1));
    before.Tick(Delta("10.1.0.1", "198.51.100.1", kT0, 10'000));
    Bench after(ConfigOf(3));
    ASSERT_TRUE(
        after.control
            .Restore(before.control.Save(), before.control.SaveOpenAlerts(), same_capture)
            .ok());
    for (int week = 1; week <= 3 && same_capture; ++week)
      after.control.EndTick(kT0 + week * kWeek - kHour);
    after.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + 3 * kWeek, 10'000));
    EXPECT_EQ(after.output.alerts.size(), same_capture ? 1u : 0u)
        << "a capture that holds no mail of two weeks says that there was none";
  }
}

std::vector<std::string> Gauges(const Bench& bench) {
  std::vector<std::string> lines;
  const auto snapshot = bench.control.MakeSnapshot();
  for (const HostGauge& gauge : snapshot->host_gauges) {
    lines.push_back(gauge.rule + " " + std::to_string(static_cast<int>(gauge.value)) + "/" +
                    std::to_string(static_cast<int>(gauge.raise)));
  }
  return lines;
}

// The threshold is that of the hour in which it was raised, and the sentence says so.
TEST_F(Unusual, AnUpdateInTheNextHourTellsWhatWasUsualAsTheAlertBegan) {
  Bench bench(ConfigOf(10));
  int64_t tick = kT0 + kHour - 60;
  for (int week = 0; week < 4; ++week, tick += kWeek) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 200));
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick + kHour, 40'000));
  }
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 2000));
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick + 600, 40'000));
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  EXPECT_THAT(
      bench.output.alerts[0].summary,
      HasSubstr(", usual at this hour of the week: 200 B (the host's median of 4 weeks)"));
  EXPECT_EQ(bench.output.alerts[1].state, AlertState::kUpdated);
  EXPECT_THAT(bench.output.alerts[1].summary,
              HasSubstr(", usual at the hour of the week in which the alert began: 200 B (the "
                        "host's median of 4 weeks)"));
}

// A host that is busy each week is far from its threshold, though far above the least.
TEST_F(Unusual, TheThresholdIsThatOfTheUsual) {
  config::Config config = ConfigOf(10);
  config.metrics.top_hosts = 10;
  config.rules.push_back(BytesRule("plain"));
  config.rules[1].window_seconds = 3600;
  config.rules[1].raise = 100'000;
  config.rules[1].clear = 50'000;
  Bench bench(config);
  int64_t tick = kT0;
  for (int week = 0; week < 4; ++week, tick += kWeek) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 20'000));
    if (week < 3) {
      EXPECT_EQ(Gauges(bench), (std::vector<std::string>{"plain 20000/100000"})) << week;
    }
  }
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 30'000));
  EXPECT_EQ(Gauges(bench),
            (std::vector<std::string>{"plain 30000/100000", "unusual 30000/200000"}));
  const auto rule = [&] {
    return bench.control.Explain(Ip("10.1.0.1"), std::nullopt).at(0).rules.at(0);
  };
  EXPECT_TRUE(rule().by_baseline);
  EXPECT_EQ(rule().watch, Watch::kQuiet);
  EXPECT_EQ(rule().conditions[0].raise, 200'000);
  EXPECT_EQ(rule().conditions[0].clear, 100'000);
  EXPECT_EQ(rule().baseline->expected, 20'000);
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick + 1, 200'000));
  EXPECT_EQ(Gauges(bench),
            (std::vector<std::string>{"plain 230000/100000", "unusual 230000/200000"}));
  bench.control.EndTick(tick + kHour);  // another hour, in which less is usual
  EXPECT_EQ(rule().watch, Watch::kRaised);
  EXPECT_EQ(rule().conditions[0].raise, 200'000) << "as the alert began";
}

TEST_F(Unusual, ExplainedWhileNothingIsKnown) {
  Bench bench(ConfigOf(10));
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0, 20'000));
  const ExplainedRule rule =
      bench.control.Explain(Ip("10.1.0.1"), std::nullopt).at(0).rules.at(0);
  EXPECT_TRUE(rule.by_baseline);
  EXPECT_FALSE(rule.baseline.has_value());
  EXPECT_EQ(rule.conditions[0].raise, 1000);
}

// Three weeks of a rule that counted by `before`, then a fourth by `after`: the alerts that the
// same traffic raises, with a restart in between or a reload.
std::size_t AlertsAcross(const config::Config& before, const config::Config& after,
                         bool restart) {
  Bench bench(before);
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 - kHour, 1));
  for (int week = 0; week < 3; ++week) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + week * kWeek, 10'000));
  }
  Bench next(after);
  if (restart) {
    EXPECT_TRUE(
        next.control.Restore(bench.control.Save(), bench.control.SaveOpenAlerts(), true).ok());
  } else {
    bench.control.Reload(std::make_shared<const config::Config>(after));
  }
  Bench& second = restart ? next : bench;
  for (int i = 0; i < 3; ++i) {
    second.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + 3 * kWeek + i, 4'000));
  }
  return second.output.alerts.size();
}

TEST_F(Unusual, WhatIsUsualIsOfTheMetricAndTheMailThatAreCounted) {
  for (const bool restart : {false, true}) {
    SCOPED_TRACE(restart);
    config::Config bytes = ConfigOf(1.1), sessions = bytes, others = bytes, later = bytes;
    EXPECT_EQ(AlertsAcross(bytes, bytes, restart), 1u);
    sessions.rules[0].metric = config::Metric::kSessions;
    sessions.rules[0].raise = 1;
    EXPECT_EQ(AlertsAcross(sessions, bytes, restart), 0u) << "no bytes are known";
    others.rules[0].services = {Service::kImap};
    EXPECT_EQ(AlertsAcross(others, bytes, restart), 0u) << "nor of this mail";
    later.rules[0].hours = {0, 1439};
    EXPECT_EQ(AlertsAcross(later, bytes, restart), 0u) << "nor of all hours";
    config::Config spelt_out = bytes, sharper = bytes;
    spelt_out.rules[0].services = {Service::kPop3, Service::kImap, Service::kSmtp};
    EXPECT_EQ(AlertsAcross(spelt_out, bytes, restart), 1u) << "all, one by one";
    sharper.rules[0].multiple = 1.15;
    EXPECT_EQ(AlertsAcross(bytes, sharper, restart), 1u) << "another threshold";
    config::Config plain = bytes;
    plain.rules[0].multiple = 0;
    plain.rules[0].raise = plain.rules[0].clear = 1e9;
    EXPECT_EQ(AlertsAcross(plain, bytes, restart), 0u) << "nothing was kept";
  }
}

// Sends so much at these seconds of each week: the alerts of four weeks as ever, and then those
// after `more` besides.
std::vector<std::size_t> AlertsOf(const config::Config& config, std::vector<int64_t> seconds,
                                  int64_t bytes, int64_t more) {
  Bench bench(config);
  for (int64_t week = 0; week < 5; ++week) {
    for (const int64_t second : seconds) {
      bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + week * kWeek + second, bytes));
    }
  }
  const std::size_t regular = bench.output.alerts.size();
  const int64_t last = kT0 + 4 * kWeek + seconds.back();
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", last + 1, more));
  return {regular, bench.output.alerts.size() - regular};
}

TEST_F(Unusual, TheSameAsEverIsNoDeviation) {
  config::Config config = ConfigOf(0);
  config.rules[0].deviations = 6;
  // 6 * 5 % above 4000: 5200
  EXPECT_EQ(AlertsOf(config, {600}, 4000, 1199), (std::vector<std::size_t>{0, 0}));
  EXPECT_EQ(AlertsOf(config, {600}, 4000, 1200), (std::vector<std::size_t>{0, 1}));
}

// One window may hold all that two hours usually have.
TEST_F(Unusual, BurstsOnBothSidesOfTheFullHourAreAsEver) {
  config::Config config = ConfigOf(1.9);
  // 1.9 * 4000 in the one, 4000 in the other
  EXPECT_EQ(AlertsOf(config, {3000, 4200}, 4000, 3599), (std::vector<std::size_t>{0, 0}));
  EXPECT_EQ(AlertsOf(config, {3000, 4200}, 4000, 3600), (std::vector<std::size_t>{0, 1}));
  config.rules[0].multiple = 0;
  config.rules[0].deviations = 6;
  EXPECT_EQ(AlertsOf(config, {3000, 4200}, 4000, 1199), (std::vector<std::size_t>{0, 0}));
  EXPECT_EQ(AlertsOf(config, {3000, 4200}, 4000, 1200), (std::vector<std::size_t>{0, 1}));
}

// In the first hour of which enough is known, the window holds some of one of which it isn't.
TEST_F(Unusual, RaisesNothingWhileTheHourBeforeIsNotKnown) {
  Bench bench(ConfigOf(1.5));
  for (int64_t hour = 0; hour < 4 * 7 * 24; ++hour) {
    bench.Tick(Delta("10.1.0.1", "198.51.100.1", kT0 + hour * kHour, 4000));
  }
  EXPECT_TRUE(bench.output.alerts.empty());
}

// What was usual in one hour is not in the next but one, though nothing more was sent.
TEST_F(Unusual, IsJudgedAnewWithTheHour) {
  Bench bench(ConfigOf(5));
  int64_t tick = kT0 + 1800;
  BeUsual(bench, tick);
  tick += kHour;
  bench.Tick(Delta("10.1.0.1", "198.51.100.1", tick, 4000));
  EXPECT_TRUE(bench.output.alerts.empty());
  EXPECT_EQ(bench.control.NextEventTick(), tick + 1800);
  bench.control.EndTick(tick + 2 * kHour);
  ASSERT_EQ(bench.output.alerts.size(), 2u);
  EXPECT_EQ(bench.output.alerts[0].time, StartOfTick(tick + 1800 + 1));
  EXPECT_EQ(bench.output.alerts[0].threshold, 1000) << "usual is nothing; the floor counts";
}

}  // namespace
}  // namespace mailtap::control

// What each hour holds for the learning mode: what hosts do, and what their windows reach.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kHost[] = "10.0.0.1";
constexpr char kOut[] = "198.51.100.1";

config::Config Learning() {
  config::Config config = BaseConfig();
  config.relays = {{.name = "gateway", .destinations = {Net("192.0.2.1")}}};
  config.rules = {BytesRule()};
  config.learning.after_seconds = 3'600;
  return config;
}

// "10.0.0.1 client 1500", the highest first.
std::vector<std::string> Peaks(const Hour& hour, std::size_t rule = 0) {
  std::vector<std::string> texts;
  for (const HourPeak& peak : hour.peaks.at(rule).peaks) {
    texts.push_back(absl::StrCat(net::ToString(peak.host), " ", Name(peak.role), " ",
                                 static_cast<int64_t>(peak.value)));
  }
  return texts;
}

// "10.0.0.1 client smtp external peers=1 sessions=1 sent=5 received=0"
std::vector<std::string> Acts(const Hour& hour) {
  std::vector<std::string> texts;
  for (const HourAct& act : hour.acts) {
    texts.push_back(absl::StrCat(net::ToString(act.host), " ", Name(act.role), " ",
                                 Name(act.service), act.external ? " external" : " internal",
                                 " peers=", act.peers, act.more_peers ? "+" : "", " sessions=",
                                 act.sessions, " sent=", act.sent, " received=", act.received));
  }
  return texts;
}

TEST(LearntHours, WithoutLearningNothingIsKept) {
  config::Config config = Learning();
  config.learning = {};
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 700));
  const Hour hour = bench.control.TakeHours().at(0);
  EXPECT_THAT(hour.acts, IsEmpty());
  EXPECT_THAT(hour.peaks, IsEmpty());
}

TEST(LearntHours, ActsAreOfEachInternalEndAndApprovedOnesToo) {
  Bench bench(Learning());
  bench.control.Apply(Delta(kHost, kOut, kT0, 7, 2));
  bench.control.Apply(Delta(kHost, "198.51.100.2", kT0, 5, 1));
  bench.control.Apply(Delta(kHost, "192.0.2.1", kT0, 3));
  bench.control.Apply(Delta("10.0.0.2", "10.0.0.3", kT0, 4, 9, 143, Service::kImap));
  bench.control.Apply(Delta("203.0.113.5", "10.0.0.3", kT0, 1, 8));
  bench.control.Apply(Delta("203.0.113.5", kOut, kT0, 1, 8));
  bench.control.EndTick(kT0);
  EXPECT_THAT(
      Acts(bench.control.TakeHours().at(0)),
      ElementsAre("10.0.0.1 client smtp external peers=3 sessions=3 sent=15 received=3",
                  "10.0.0.2 client imap internal peers=1 sessions=1 sent=4 received=9",
                  "10.0.0.3 server smtp external peers=1 sessions=1 sent=8 received=1",
                  "10.0.0.3 server imap internal peers=1 sessions=1 sent=9 received=4"));
}

TEST(LearntHours, ActsAreBounded) {
  Bench bench(Learning());
  for (int i = 0; i < 600; ++i) {
    bench.control.Apply(Delta(absl::StrCat("10.1.", i / 200, ".", i % 200), kOut, kT0, 1));
  }
  for (int i = 1; i <= 40; ++i) {
    bench.control.Apply(Delta(kHost, absl::StrCat("203.0.113.", i), kT0, 1));
  }
  bench.control.EndTick(kT0);
  const Hour hour = bench.control.TakeHours().at(0);
  EXPECT_THAT(hour.acts, SizeIs(Hour::kMostActs));
  EXPECT_EQ(hour.more_acts, 101u);
  EXPECT_EQ(net::ToString(hour.acts[0].host), kHost);
  EXPECT_EQ(hour.acts[0].peers, HourAct::kMostPeers);
  EXPECT_TRUE(hour.acts[0].more_peers);
  EXPECT_EQ(hour.acts[0].sessions, 40u);
}

TEST(LearntHours, PeaksAreTheHighestSumsOfTheWindow) {
  Bench bench(Learning());
  bench.Tick(Delta(kHost, kOut, kT0, 700));
  bench.Tick(Delta(kHost, kOut, kT0 + 50, 200));
  bench.Tick(Delta(kHost, kOut, kT0 + 70, 100));  // 700 have left
  bench.Tick(Delta("10.0.0.2", kOut, kT0 + 71, 5'000));
  bench.Tick(Delta(kHost, "192.0.2.1", kT0 + 72, 9'000));
  const Hour hour = bench.control.TakeHours().at(0);
  ASSERT_THAT(hour.peaks, SizeIs(1));
  EXPECT_EQ(hour.peaks[0].rule, "bulk");
  EXPECT_EQ(hour.peaks[0].metric, config::Metric::kSentBytes);
  EXPECT_EQ(hour.peaks[0].window_seconds, 60);
  EXPECT_EQ(hour.peaks[0].more, 0u);
  EXPECT_THAT(Peaks(hour), ElementsAre("10.0.0.2 client 5000", "10.0.0.1 client 900"));
}

TEST(LearntHours, EachHourHasItsOwnPeaks) {
  Bench bench(Learning());
  bench.Tick(Delta(kHost, kOut, kT0 + 3599, 700));
  bench.Tick(Delta(kHost, kOut, kT0 + 3601, 1));
  bench.Tick(Delta(kHost, kOut, kT0 + 3800, 2));
  bench.Tick(Delta("10.0.0.2", kOut, kT0 + 3 * 3600, 3));
  const std::vector<Hour> hours = bench.control.TakeHours();
  ASSERT_THAT(hours, SizeIs(4));
  EXPECT_THAT(Peaks(hours[0]), ElementsAre("10.0.0.1 client 700"));
  EXPECT_THAT(Peaks(hours[1]), ElementsAre("10.0.0.1 client 701")) << "the window reaches back";
  EXPECT_THAT(Peaks(hours[2]), IsEmpty());
  EXPECT_THAT(Peaks(hours[3]), ElementsAre("10.0.0.2 client 3"));
}

TEST(LearntHours, OnlyRulesOfHostsAndNoRatiosHavePeaks) {
  config::Config config = Learning();
  config::Rule site = BytesRule("site");
  site.scope = config::Scope::kSite;
  config::Rule ratio = BytesRule("ratio");
  ratio.metric = config::Metric::kSentReceivedRatio;
  config::Rule peers = BytesRule("peers");
  peers.metric = config::Metric::kDistinctPeers;
  peers.raise = 2;
  peers.clear = 1;
  config::Rule both = BytesRule("both");
  both.conditions = {peers};
  config.rules = {site, ratio, peers, both};
  Bench bench(config);
  bench.control.Apply(Delta(kHost, kOut, kT0, 700));
  bench.control.Apply(Delta(kHost, "198.51.100.2", kT0, 10));
  bench.control.EndTick(kT0);
  const Hour hour = bench.control.TakeHours().at(0);
  ASSERT_THAT(hour.peaks, SizeIs(2));
  EXPECT_EQ(hour.peaks[0].rule, "peers");
  EXPECT_THAT(Peaks(hour), ElementsAre("10.0.0.1 client 2"));
  EXPECT_EQ(hour.peaks[1].rule, "both") << "by its first condition";
  EXPECT_THAT(Peaks(hour, 1), ElementsAre("10.0.0.1 client 710"));
}

TEST(LearntHours, PeaksAreBounded) {
  Bench bench(Learning());
  for (int i = 0; i < 130; ++i) {
    bench.control.Apply(
        Delta(absl::StrCat("10.0.1.", i), kOut, kT0, static_cast<uint64_t>(1000 + i)));
  }
  bench.control.EndTick(kT0);
  const Hour hour = bench.control.TakeHours().at(0);
  ASSERT_THAT(hour.peaks[0].peaks, SizeIs(HourPeaks::kMost));
  EXPECT_EQ(hour.peaks[0].peaks[0].value, 1129);
  EXPECT_EQ(hour.peaks[0].peaks.back().value, 1030);
  EXPECT_EQ(hour.peaks[0].more, 30u);
}

TEST(LearntHours, ARestartGoesOnInTheHour) {
  Bench before(Learning());
  before.Tick(Delta(kHost, kOut, kT0 + 100, 1000, 10));
  before.Tick(Delta(kHost, kOut, kT0 + 200, 10));
  for (const bool same_capture : {true, false}) {
    Bench after(Learning());
    ASSERT_TRUE(
        after.control
            .Restore(before.control.Save(), before.control.SaveOpenAlerts(), same_capture)
            .ok());
    after.Tick(Delta(kHost, "198.51.100.2", kT0 + 210, 5));
    const Hour hour = after.control.TakeHours().at(0);
    EXPECT_THAT(Peaks(hour), ElementsAre("10.0.0.1 client 1000"));
    EXPECT_THAT(
        Acts(hour),
        ElementsAre("10.0.0.1 client smtp external peers=2 sessions=3 sent=1015 received=10"));
    EXPECT_THAT(hour.servers.at(0).client_sent, ElementsAre(1010));
  }
}

TEST(LearntHours, WhatWindowsStillHoldOfTheHourBeforeIsNoPeakOfThisOne) {
  Bench before(Learning());
  before.Tick(Delta(kHost, kOut, kT0 + 3599, 700));
  before.Tick(Delta("10.0.0.2", kOut, kT0 + 3600, 5));
  EXPECT_THAT(Peaks(before.control.TakeHours().back()), ElementsAre("10.0.0.2 client 5"));
  Bench after(Learning());
  ASSERT_TRUE(
      after.control.Restore(before.control.Save(), before.control.SaveOpenAlerts(), true).ok());
  EXPECT_THAT(Peaks(after.control.TakeHours().back()), ElementsAre("10.0.0.2 client 5"));
  after.Tick(Delta(kHost, kOut, kT0 + 3601, 1));
  EXPECT_THAT(Peaks(after.control.TakeHours().back()),
              ElementsAre("10.0.0.1 client 701", "10.0.0.2 client 5"));
}

TEST(LearntHours, AReloadTurnsLearningOnAndOff) {
  config::Config off = Learning();
  off.learning = {};
  Bench bench(off);
  bench.Tick(Delta(kHost, kOut, kT0, 700));
  bench.control.Reload(std::make_shared<const config::Config>(Learning()));
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 50));
  EXPECT_THAT(Peaks(bench.control.TakeHours().at(0)), ElementsAre("10.0.0.1 client 750"));
  bench.control.Reload(std::make_shared<const config::Config>(off));
  bench.Tick(Delta(kHost, kOut, kT0 + 2, 50));
  EXPECT_THAT(bench.control.TakeHours().at(0).peaks, IsEmpty());
}

}  // namespace
}  // namespace mailtap::control

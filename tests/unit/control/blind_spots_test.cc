// What the sensor can't see raises alerts of its own, and they clear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/sensor.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::BlindSpotKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BlindSpot : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(TickedAndSkipped, BlindSpot, testing::Bool());

// Mail of `tick`: 100 kB, of which `inferred` bytes were not seen.
meter::DeltaRecord Mail(int64_t tick, uint64_t inferred) {
  meter::DeltaRecord delta = Delta("10.1.0.1", "198.51.100.1", tick, 100'000 - inferred);
  delta.bytes[kUp].inferred = inferred;
  return delta;
}

TEST_P(BlindSpot, LossRaisesAndClearsExactlyWhenItLeavesTheWindow) {
  config::Config config = Only(BlindSpotKind::kLoss);
  config.blind_spots[static_cast<int>(BlindSpotKind::kLoss)].window_seconds = 60;
  Sensor sensor(config, GetParam());
  for (int i = 0; i < 200; ++i) {
    sensor.control().Apply(Mail(sensor.tick(), i >= 50 && i < 60 ? 10'000 : 0));
    sensor.Second(10);
  }
  // 51 s with 1 %: at second 56, 6 of 56 s with 10 %. Below 0.5 % from the end of second 117
  // on, when three of these ten seconds are left: 30 of 6000 kB is 0.5 %, 20 kB is less.
  ASSERT_THAT(sensor.changes(), ElementsAre("raised @56", "cleared @128"));
  const Alert& raised = sensor.alerts()[0];
  EXPECT_EQ(raised.rule, "blind_spot:loss");
  EXPECT_EQ(raised.port, "");
  EXPECT_DOUBLE_EQ(raised.value, 60.0 / 5600);
  EXPECT_DOUBLE_EQ(raised.confidence.loss_ratio, 60.0 / 5600);
  EXPECT_EQ(raised.first_seen, StartOfTick(kT0 + 50));
  EXPECT_THAT(raised.summary, HasSubstr("The capture lacks 1.07 % of the mail's bytes within "
                                        "1m (60.0 kB of 5.60 MB): check whether the mirror"));
  EXPECT_THAT(sensor.alerts()[1].summary,
              HasSubstr("has been below 0.5 % within 1m for 10s, and now stands at "));
}

TEST_P(BlindSpot, TooLittleIsNotJudged) {
  Sensor sensor(Only(BlindSpotKind::kLoss), GetParam());
  for (int i = 0; i < 9; ++i) {  // 900 kB, all of it lost
    sensor.control().Apply(Mail(sensor.tick(), 100'000));
    sensor.Second(10);
  }
  sensor.Seconds(400, 0);
  EXPECT_THAT(sensor.changes(), IsEmpty());
}

TEST_P(BlindSpot, AnAlertClearsWhenTheTrafficStops) {
  config::Config config = Only(BlindSpotKind::kLoss);
  config.blind_spots[static_cast<int>(BlindSpotKind::kLoss)].window_seconds = 60;
  Sensor sensor(config, GetParam());
  for (int i = 0; i < 20; ++i) {
    sensor.control().Apply(Mail(sensor.tick(), 5'000));
    sensor.Second(10);
  }
  sensor.Seconds(400, 0);
  // At second 10 there is enough. Second 10 leaves at the end of second 70: then it is too
  // little.
  EXPECT_THAT(sensor.changes(), ElementsAre("raised @10", "cleared @81"));
}

TEST_P(BlindSpot, AnAlertReportsAgainWhenItIsWorse) {
  Sensor sensor(Only(BlindSpotKind::kLoss), GetParam());
  for (int i = 0; i < 1500; ++i) {
    sensor.control().Apply(Mail(sensor.tick(), i < 400 ? 5'000 : i < 1000 ? 20'000 : 10'000));
    sensor.Second(10);
  }
  // As much as at the raise until second 401; from 701 on the window holds nothing else.
  EXPECT_THAT(sensor.changes(), ElementsAre("raised @10", "updated @401", "updated @701"));
  EXPECT_DOUBLE_EQ(sensor.alerts()[2].value, 0.2);
  EXPECT_DOUBLE_EQ(sensor.alerts()[2].highest, 0.2);
}

TEST_P(BlindSpot, OneDirectionOnlyIsToldByConversation) {
  config::Config config = Only(BlindSpotKind::kOneWay);
  config.blind_spots[static_cast<int>(BlindSpotKind::kOneWay)].window_seconds = 60;
  Sensor sensor(config, GetParam());
  for (int i = 0; i < 200; ++i) {
    // One way for 10 s: other conversations than those of which both were seen.
    const bool half = i >= 50 && i < 60;
    meter::DeltaRecord delta =
        Delta("10.1.0.1", half ? "198.51.100.9" : "198.51.100.1", sensor.tick(), 100'000);
    if (half) delta.bytes[kDown].packets = 0;
    sensor.control().Apply(delta);
    sensor.Second(10);
  }
  // 20 % is never reached within 60 s.
  EXPECT_THAT(sensor.changes(), IsEmpty());
  const auto snapshot = sensor.control().MakeSnapshot();
  EXPECT_DOUBLE_EQ(snapshot->capture_in_all.one_way_ratio, 10.0 / 200);
  EXPECT_EQ(snapshot->capture.one_way_ratio, 0);
  for (int i = 0; i < 30; ++i) {
    meter::DeltaRecord delta = Delta("10.1.0.1", "198.51.100.9", sensor.tick(), 100'000);
    delta.bytes[kDown].packets = 0;
    sensor.control().Apply(delta);
    sensor.Second(10);
  }
  ASSERT_THAT(sensor.changes(), ElementsAre("raised @212"));
  EXPECT_THAT(sensor.alerts()[0].summary,
              HasSubstr("Only one direction was seen of 20 % of the mail within 1m"));
}

// A gateway and its smarthost are one conversation, whatever the mirror shows of it.
TEST_P(BlindSpot, ASessionSeenBothWaysHidesNoOthers) {
  Sensor sensor(Only(BlindSpotKind::kOneWay), GetParam());
  for (int i = 0; i < 400; ++i) {
    meter::DeltaRecord delta = Delta("10.1.0.1", "198.51.100.1", sensor.tick(), 100'000);
    if (i >= 100) delta.one_way = 90'000;
    sensor.control().Apply(delta);
    sensor.Second(10);
  }
  ASSERT_FALSE(sensor.alerts().empty());
  EXPECT_EQ(sensor.alerts()[0].state, AlertState::kRaised);
  for (const Alert& alert : sensor.alerts()) EXPECT_NE(alert.state, AlertState::kCleared);
  EXPECT_DOUBLE_EQ(sensor.control().MakeSnapshot()->capture_in_all.one_way_ratio, 0.9 * 3 / 4);
}

TEST(BlindSpots, AnAckInAnotherSecondIsNoOneWayMail) {
  Sensor sensor(Only(BlindSpotKind::kOneWay));
  for (int i = 0; i < 100; ++i) {
    meter::DeltaRecord delta = Delta("10.1.0.1", "198.51.100.1", sensor.tick(), 100'000);
    delta.bytes[i % 20 == 0 ? kUp : kDown].packets = 0;
    if (i > 0) sensor.control().Apply(delta);
    if (i == 0) sensor.control().Apply(Delta("10.1.0.1", "198.51.100.1", sensor.tick(), 1));
    sensor.Second(10);
  }
  EXPECT_EQ(sensor.control().MakeSnapshot()->capture_in_all.one_way_ratio, 0);
  EXPECT_THAT(sensor.changes(), IsEmpty());
}

TEST_P(BlindSpot, PacketsCapturedShort) {
  Sensor sensor(Only(BlindSpotKind::kSnapped), GetParam());
  for (int i = 0; i < 200; ++i) {
    if (i >= 50 && i < 60) sensor.sample().snapped += 100;
    sensor.Second(60, 40);
  }
  ASSERT_THAT(sensor.changes(), ElementsAre("raised @51", "cleared @130"));
  EXPECT_THAT(sensor.alerts()[0].summary,
              HasSubstr("1.96 % of the packets within 1m were captured short (100 of 5100)"));
}

// A larger share of what is too little to be judged is no larger value.
TEST_P(BlindSpot, NothingIsWorseWhileTooLittleIsLeftToJudge) {
  config::Config config = Only(BlindSpotKind::kSnapped);
  config.blind_spots[static_cast<int>(BlindSpotKind::kSnapped)].hold_seconds = 200;
  config.alerts.update_seconds = 100;
  Sensor sensor(config, GetParam());
  for (int i = 0; i < 150; ++i) {
    ++sensor.sample().snapped;
    sensor.Second(i < 20 ? 100 : 4);
  }
  EXPECT_EQ(sensor.alerts().size(), 1u);
}

TEST_P(BlindSpot, DropsNameTheirPort) {
  Sensor sensor(Only(BlindSpotKind::kDrops), GetParam());
  for (int i = 0; i < 200; ++i) {
    if (i == 50) sensor.sample().ports[1].dropped += 10;
    sensor.Second(100, 100);
  }
  ASSERT_THAT(sensor.changes(), ElementsAre("raised @51", "cleared @121"));
  EXPECT_EQ(sensor.alerts()[0].port, "eth1");
  EXPECT_DOUBLE_EQ(sensor.alerts()[0].value, 10.0 / 5110);
  EXPECT_THAT(sensor.alerts()[0].summary,
              HasSubstr("Port eth1 lost 0.196 % of its packets within 1m (10 of 5110)"));
}

TEST_P(BlindSpot, WhatCannotBeDecodedNamesTheCommonestReason) {
  Sensor sensor(Only(BlindSpotKind::kUndecodable), GetParam());
  for (int i = 0; i < 200; ++i) {
    if (i == 50) sensor.sample().undecodable[0].count += 40;
    if (i == 50) sensor.sample().undecodable[1].count += 60;
    sensor.Second(100);
  }
  ASSERT_THAT(sensor.changes(), ElementsAre("raised @51", "cleared @121"));
  EXPECT_THAT(sensor.alerts()[0].summary,
              HasSubstr("1.96 % of the packets within 1m could not be looked into (100 of "
                        "5100), most of them for encap_depth (60)"));
}

TEST_P(BlindSpot, AFullTableSaysWhatWasNotAttributed) {
  Sensor sensor(Only(BlindSpotKind::kTableFull), GetParam());
  sensor.Seconds(50, 10);
  meter::DeltaRecord lost = Delta("10.1.0.1", "198.51.100.1", sensor.tick(), 5'000'000);
  lost.key.server = {};
  lost.key.attribution = meter::Attribution::kClientOnly;
  sensor.control().Apply(lost);
  sensor.sample().shortages[0].count += 3;
  sensor.Second(10);
  sensor.Seconds(150, 0);
  ASSERT_THAT(sensor.changes(), ElementsAre("raised @51", "cleared @121"));
  EXPECT_EQ(sensor.alerts()[0].value, 3);
  EXPECT_THAT(sensor.alerts()[0].summary,
              HasSubstr("Tables had no room 3 times within 1m, most often sessions (3), and "
                        "5.00 MB of mail could not be assigned to hosts: raise "
                        "limits.sessions and restart."));
}

TEST_P(BlindSpot, AFullTableNamesTheKeysThatGiveRoom) {
  Sensor sensor(Only(BlindSpotKind::kTableFull), GetParam());
  sensor.Seconds(50, 10);
  sensor.sample().shortages[0].count += 1;
  sensor.sample().shortages[1].count += 40;
  sensor.sample().shortages[2].count += 2;
  sensor.Second(10);
  sensor.Seconds(5, 0);
  ASSERT_GE(sensor.alerts().size(), 1u);
  EXPECT_THAT(sensor.alerts()[0].summary,
              HasSubstr("Tables had no room 43 times within 1m, most often names (40): raise "
                        "limits.sessions, limits.ring and restart."));
}

TEST_P(BlindSpot, AFullTableMayHaveBeenFullOnce) {
  Sensor sensor(Only(BlindSpotKind::kTableFull), GetParam());
  sensor.Seconds(50, 10);
  ++sensor.sample().shortages[0].count;
  sensor.Second(10);
  sensor.Seconds(5, 0);
  ASSERT_GE(sensor.alerts().size(), 1u);
  EXPECT_THAT(sensor.alerts()[0].summary, HasSubstr("Tables had no room 1 time within 1m"));
}

TEST(BlindSpots, OnAGoodMirrorRaiseNothingAndNeedNoIdleTicks) {
  config::Config config = BaseConfig();
  config.blind_spots = config::Config().blind_spots;
  Sensor sensor(config);
  for (int i = 0; i < 400; ++i) {
    sensor.control().Apply(Mail(sensor.tick(), 0));
    sensor.Second(1000, 1000);
  }
  EXPECT_THAT(sensor.changes(), IsEmpty());
  sensor.sample().ports[0].ended = sensor.sample().ports[1].ended = true;
  sensor.Second(1);
  EXPECT_EQ(sensor.control().NextEventTick(), INT64_MAX);
  EXPECT_EQ(sensor.counts().size(), static_cast<std::size_t>(config::kBlindSpotCount));
}

TEST(BlindSpots, AreCountedBehindTheRulesAndOnlyWhereEnabled) {
  config::Config config = Only(BlindSpotKind::kDrops);
  config.rules = {BytesRule("bulk")};
  Sensor sensor(config);
  ASSERT_EQ(sensor.counts().size(), 2u);
  EXPECT_EQ(sensor.counts()[0].rule, "bulk");
  EXPECT_EQ(sensor.counts()[1].rule, "blind_spot:drops");
}

}  // namespace
}  // namespace mailtap::control

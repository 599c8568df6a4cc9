// A port without packets is a blind spot, unless it was never busy or its capture has ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/sensor.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::BlindSpotKind;
using testing::ElementsAre;
using testing::IsEmpty;

class SilentPortTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(TickedAndSkipped, SilentPortTest, testing::Bool());

TEST_P(SilentPortTest, APortThatFallsSilentRaisesAndClearsWhenItCarriesPacketsAgain) {
  Sensor sensor(Only(BlindSpotKind::kSilentPort), GetParam());
  sensor.Seconds(100, 1200, 5);
  sensor.Seconds(90, 0, 0);  // from second 100 on; the last packet was in second 99
  sensor.Seconds(100, 1200, 5);
  ASSERT_THAT(sensor.changes(),
              ElementsAre("raised @160", "raised @160", "cleared @201", "cleared @201"));
  const Alert& raised = sensor.alerts()[0];
  EXPECT_EQ(raised.rule, "blind_spot:silent_port");
  EXPECT_EQ(raised.blind_spot, BlindSpotKind::kSilentPort);
  EXPECT_EQ(raised.port, "eth0");
  EXPECT_EQ(sensor.alerts()[1].port, "eth1");
  EXPECT_NE(sensor.alerts()[1].id, raised.id);
  EXPECT_EQ(raised.value, 60);
  EXPECT_EQ(raised.threshold, 60);
  EXPECT_EQ(raised.severity, config::Severity::kHigh);
  EXPECT_EQ(raised.last_seen, StartOfTick(kT0 + 100));
  EXPECT_EQ(
      raised.summary,
      "Port eth0 has carried no packet for 1m, before that 1200 a second: check the mirror "
      "session and the cable.");
  EXPECT_EQ(sensor.alerts()[2].id, raised.id);
  EXPECT_EQ(sensor.alerts()[2].summary,
            "Port eth0 carries packets again, and has done so for 10s, after at most 1m30s of "
            "silence.");
  EXPECT_EQ(sensor.alerts()[2].highest, 90);
  ASSERT_EQ(sensor.counts().size(), 1u);
  EXPECT_EQ(sensor.counts()[0].rule, "blind_spot:silent_port");
  EXPECT_EQ(sensor.counts()[0].raised, 2u);
  EXPECT_EQ(sensor.counts()[0].active, 0u);
}

TEST_P(SilentPortTest, OneOfTwoPortsMayFallSilent) {
  Sensor sensor(Only(BlindSpotKind::kSilentPort), GetParam());
  sensor.Seconds(100, 50, 50);
  sensor.Seconds(200, 0, 50);
  EXPECT_THAT(sensor.changes(), ElementsAre("raised @160"));
  EXPECT_EQ(sensor.alerts()[0].port, "eth0");
}

TEST_P(SilentPortTest, APortThatWasNeverBusyMayRest) {
  Sensor sensor(Only(BlindSpotKind::kSilentPort), GetParam());
  for (int i = 0; i < 20; ++i) {  // a burst every 20 s
    sensor.Second(1000, 0);
    sensor.Seconds(19, 0, 0);
  }
  sensor.Seconds(400, 0, 0);
  EXPECT_THAT(sensor.changes(), IsEmpty());
  EXPECT_EQ(sensor.control().NextEventTick(), INT64_MAX);
}

TEST_P(SilentPortTest, ACaptureThatHasEndedIsNotSilent) {
  Sensor sensor(Only(BlindSpotKind::kSilentPort), GetParam());
  sensor.Seconds(100, 50, 50);
  sensor.sample().ports[0].ended = true;
  sensor.Seconds(200, 0, 50);
  EXPECT_THAT(sensor.changes(), IsEmpty());
}

TEST_P(SilentPortTest, AFewPacketsDoNotClearASilence) {
  Sensor sensor(Only(BlindSpotKind::kSilentPort), GetParam());
  sensor.Seconds(100, 50);
  sensor.Seconds(100, 0);
  sensor.Second(1);  // in second 200; the silence has to be below 30 s for 10 s
  sensor.Seconds(5, 0);
  sensor.Seconds(100, 0);
  EXPECT_THAT(sensor.changes(), ElementsAre("raised @160", "cleared @211"));
}

TEST(SilentPorts, ASilenceThatComesBackWithinTheHoldIsTheSame) {
  config::Config config = Only(BlindSpotKind::kSilentPort);
  config.blind_spots[0].hold_seconds = 60;
  for (const bool skip : {false, true}) {
    Sensor sensor(config, skip);
    sensor.Seconds(100, 50);
    sensor.Seconds(100, 0);
    sensor.Second(1);
    sensor.Seconds(99, 0);
    EXPECT_THAT(sensor.changes(), ElementsAre("raised @160")) << skip;
    sensor.Seconds(100, 50);  // from second 300 on
    EXPECT_THAT(sensor.changes(), ElementsAre("raised @160", "cleared @361")) << skip;
  }
}

}  // namespace
}  // namespace mailtap::control

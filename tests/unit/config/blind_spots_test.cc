// [blind_spots.*] and [diagnostics]: defaults, ranges, and what --print says.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(BlindSpotsTest, AreAllOnByDefault) {
  const Config config = Accepted(kMinimal);
  for (const BlindSpot& spot : config.blind_spots) {
    EXPECT_TRUE(spot.enabled);
    EXPECT_GT(spot.raise, 0);
    EXPECT_LE(spot.clear, spot.raise);
  }
  EXPECT_EQ(config.diagnostics.samples, 0) << "frames may hold anything";
  EXPECT_EQ(config.metrics.capture_window_seconds, 60);
}

TEST(BlindSpotsTest, EachKeyIsReadInItsUnit) {
  const Config config = AcceptedWith(
      "[blind_spots.silent_port]\nraise = \"10m\"\nwindow = \"2m\"\n"
      "[blind_spots.loss]\nraise = 0.05\nminimum = \"5MB\"\nhold = \"0s\"\n"
      "[blind_spots.drops]\nenabled = false\nminimum = 7\nseverity = \"low\"\n"
      "[blind_spots.table_full]\nraise = 10\nclear = 3\n"
      "[diagnostics]\nsamples = 64\n[metrics]\ncapture_window = \"10m\"\n");
  const BlindSpot& silent = config.blind_spot(BlindSpotKind::kSilentPort);
  EXPECT_EQ(silent.raise, 600);
  EXPECT_EQ(silent.clear, 300) << "half of raise";
  EXPECT_EQ(silent.window_seconds, 120);
  EXPECT_EQ(silent.minimum, 60) << "half of the window";
  const BlindSpot& loss = config.blind_spot(BlindSpotKind::kLoss);
  EXPECT_EQ(loss.raise, 0.05);
  EXPECT_EQ(loss.clear, 0.025);
  EXPECT_EQ(loss.minimum, 5'000'000);
  EXPECT_EQ(loss.hold_seconds, 0);
  const BlindSpot& drops = config.blind_spot(BlindSpotKind::kDrops);
  EXPECT_FALSE(drops.enabled);
  EXPECT_EQ(drops.minimum, 7);
  EXPECT_EQ(drops.severity, Severity::kLow);
  const BlindSpot& full = config.blind_spot(BlindSpotKind::kTableFull);
  EXPECT_EQ(full.raise, 10);
  EXPECT_EQ(full.clear, 3);
  EXPECT_EQ(config.diagnostics.samples, 64);
  EXPECT_EQ(config.metrics.capture_window_seconds, 600);
}

TEST(BlindSpotsTest, ClearOfASilentPortIsWholeSeconds) {
  const auto clear = [](const char* raise) {
    return AcceptedWith(absl::StrCat("[blind_spots.silent_port]\nraise = \"", raise, "\"\n"))
        .blind_spot(BlindSpotKind::kSilentPort)
        .clear;
  };
  EXPECT_EQ(clear("61s"), 30);
  EXPECT_EQ(clear("1s"), 1);
}

TEST(BlindSpotsTest, FaultsNameTheirPlace) {
  EXPECT_THAT(FaultsWith("[blind_spots.los]\nraise = 1\n"),
              ElementsAre("f:4:14: unknown key blind_spots.los; did you mean loss?"));
  EXPECT_THAT(FaultsWith("[blind_spots.loss]\nraise = 1.5\n"),
              ElementsAre("f:5:9: blind_spots.loss.raise must be a share above 0, at most 1 "
                          "(0.01 is 1 %), not 1.5"));
  EXPECT_THAT(FaultsWith("[blind_spots.one_way]\nraise = 0.1\nclear = 0.2\n"),
              ElementsAre("f:6:9: blind_spots.one_way.clear must not be above "
                          "blind_spots.one_way.raise: the alert would clear while it is being "
                          "raised"));
  EXPECT_THAT(
      FaultsWith("[blind_spots.silent_port]\nraise = 60\n"),
      ElementsAre(HasSubstr("f:5:9: blind_spots.silent_port.raise must be a duration")));
  EXPECT_THAT(FaultsWith("[blind_spots.silent_port]\nminimum = \"2m\"\n"),
              ElementsAre("f:5:11: blind_spots.silent_port.minimum must not be above "
                          "blind_spots.silent_port.window"));
  EXPECT_THAT(FaultsWith("[blind_spots.table_full]\nminimum = 3\n"),
              ElementsAre("f:5:1: unknown key blind_spots.table_full.minimum"));
  EXPECT_THAT(FaultsWith("[blind_spots.drops]\nminimum = 0\nwindow = \"5s\"\nenabled = 1\n"),
              SizeIs(3));
  EXPECT_THAT(
      FaultsWith("[diagnostics]\nsamples = 65\n"),
      ElementsAre("f:5:11: diagnostics.samples must be an integer from 0 to 64, not 65"));
}

TEST(BlindSpotsTest, NoRuleTakesTheirNames) {
  EXPECT_THAT(FaultsWith("[[rule]]\nname = \"blind_spot:loss\"\nraise = 1\n"),
              ElementsAre("f:5:8: rule.name must not start with \"blind_spot:\": that is how "
                          "alerts on blind spots are called"));
}

TEST(BlindSpotsTest, PrintAsTheyAreUnderstood) {
  const Config config = AcceptedWith(
      "[blind_spots.silent_port]\nraise = \"90s\"\n[blind_spots.loss]\nraise = 0.02\n");
  const std::string text = ToToml(config);
  EXPECT_THAT(text, HasSubstr("[blind_spots.silent_port]\nenabled = true\nwindow = \"1m\"\n"
                              "raise = \"1m30s\"\nclear = \"45s\"\nhold = \"1m\"\n"
                              "severity = \"high\"\nminimum = \"30s\"\n"));
  EXPECT_THAT(text, HasSubstr("[blind_spots.loss]\nenabled = true\nwindow = \"5m\"\n"
                              "raise = 0.02\nclear = 0.01\nhold = \"1m\"\n"
                              "severity = \"medium\"\nminimum = \"1MB\"\n"));
  EXPECT_EQ(ToToml(Accepted(text)), text);
}

}  // namespace
}  // namespace mailtap::config

#include "lib/base/time.h"

#include <gtest/gtest.h>

namespace mailtap {
namespace {

TEST(TickTest, CoversOneSecondFromItsStart) {
  EXPECT_EQ(TickOf(0), 0);
  EXPECT_EQ(TickOf(999'999'999), 0);
  EXPECT_EQ(TickOf(1'000'000'000), 1);
  EXPECT_EQ(StartOfTick(7), 7'000'000'000);
  EXPECT_EQ(TickOf(StartOfTick(1'790'000'000)), 1'790'000'000);
}

TEST(TickTest, BeforeTheEpochRoundsDownToo) {
  EXPECT_EQ(TickOf(-1), -1);
  EXPECT_EQ(TickOf(-1'000'000'000), -1);
  EXPECT_EQ(TickOf(-1'000'000'001), -2);
}

TEST(FormatRfc3339Test, IsUtcWithMicroseconds) {
  EXPECT_EQ(FormatRfc3339(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatRfc3339(1'795'466'467'000'123'999), "2026-11-23T20:41:07.000123Z");
  EXPECT_EQ(FormatRfc3339(-kNanosPerMicro), "1969-12-31T23:59:59.999999Z");
}

TEST(FormatSecondsTest, IsUtcWithoutWhatIsBelowASecond) {
  EXPECT_EQ(FormatSeconds(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(FormatSeconds(1'795'466'467'999'999'999), "2026-11-23 20:41:07 UTC");
}

TEST(FormatDurationTest, ShowsTheUnitsThatCount) {
  EXPECT_EQ(FormatDuration(0), "0s");
  EXPECT_EQ(FormatDuration(59), "59s");
  EXPECT_EQ(FormatDuration(60), "1m");
  EXPECT_EQ(FormatDuration(90), "1m30s");
  EXPECT_EQ(FormatDuration(3'600), "1h");
  EXPECT_EQ(FormatDuration(86'400), "1d");
  EXPECT_EQ(FormatDuration(90'061), "1d1h1m1s");
}

}  // namespace
}  // namespace mailtap

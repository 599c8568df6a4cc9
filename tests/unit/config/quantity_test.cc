#include "lib/config/quantity.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace mailtap::config {
namespace {

TEST(SizeTest, ReadsEveryUnit) {
  EXPECT_EQ(ParseSize("0B"), 0);
  EXPECT_EQ(ParseSize("17B"), 17);
  EXPECT_EQ(ParseSize("5kB"), 5'000);
  EXPECT_EQ(ParseSize("50MB"), 50'000'000);
  EXPECT_EQ(ParseSize("2GB"), 2'000'000'000);
  EXPECT_EQ(ParseSize("4KiB"), 4'096);
  EXPECT_EQ(ParseSize("16MiB"), 16'777'216);
  EXPECT_EQ(ParseSize("1GiB"), 1'073'741'824);
  EXPECT_EQ(ParseSize("50 MB"), 50'000'000);
}

TEST(SizeTest, FractionsAreExact) {
  EXPECT_EQ(ParseSize("1.5GB"), 1'500'000'000);
  EXPECT_EQ(ParseSize("0.1GB"), 100'000'000);
  EXPECT_EQ(ParseSize("1.10MB"), 1'100'000);
  EXPECT_EQ(ParseSize("0.5KiB"), 512);
  EXPECT_EQ(ParseSize("1.0B"), 1);
  EXPECT_EQ(ParseSize("1.5B"), std::nullopt) << "no whole number of bytes";
  EXPECT_EQ(ParseSize("0.0001kB"), std::nullopt);
  EXPECT_EQ(ParseSize("0.1KiB"), std::nullopt);
}

TEST(SizeTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "MB", "50", "50mb", "50KB", "50M", "-5MB", "+5MB", "5.MB",
                           ".5MB", "5,5MB", "50  MB", "50MB ", " 50MB", "50MBx", "1e3MB",
                           "0x10B", "99999999999999999999B", "1.0000000000000000001GB"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(SizeTest, StopsWhereDoublesStopBeingExact) {
  EXPECT_EQ(ParseSize("9007199254740992B"), kMaxSize);
  EXPECT_EQ(ParseSize("9007199254740993B"), std::nullopt);
  EXPECT_EQ(ParseSize("8388608GiB"), kMaxSize);
  EXPECT_EQ(ParseSize("8388608.5GiB"), std::nullopt);
  EXPECT_EQ(ParseSize("9000000000GB"), std::nullopt);
}

TEST(SizeTest, FormatsTheShortestExactForm) {
  EXPECT_EQ(FormatSize(0), "0B");
  EXPECT_EQ(FormatSize(999), "999B");
  EXPECT_EQ(FormatSize(50'000'000), "50MB");
  EXPECT_EQ(FormatSize(16'777'216), "16MiB");
  EXPECT_EQ(FormatSize(1'234'567), "1234567B");
  EXPECT_EQ(FormatSize(1'500'000'000), "1500MB");
}

TEST(SizeTest, WhatIsFormattedReadsBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto bytes = static_cast<int64_t>(random() >> (11 + random() % 52));
    EXPECT_EQ(ParseSize(FormatSize(bytes)), bytes);
    EXPECT_EQ(ParseSize(FormatSize(bytes % 9'000 * 1'000)), bytes % 9'000 * 1'000);
  }
}

TEST(DurationTest, ReadsUnitsAndTheirCombinations) {
  EXPECT_EQ(ParseDuration("0s"), 0);
  EXPECT_EQ(ParseDuration("90s"), 90);
  EXPECT_EQ(ParseDuration("5m"), 300);
  EXPECT_EQ(ParseDuration("24h"), 86'400);
  EXPECT_EQ(ParseDuration("7d"), 604'800);
  EXPECT_EQ(ParseDuration("1h30m"), 5'400);
  EXPECT_EQ(ParseDuration("1d1h1m1s"), 90'061);
}

TEST(DurationTest, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "5", "m", "5 m", "5min", "-5m", "1.5h", "30m1h", "5m5m", "5M",
                           "99999999999999999999s", "99999999d"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(NumberTest, IsShortAndReadsBack) {
  EXPECT_EQ(FormatNumber(12), "12");
  EXPECT_EQ(FormatNumber(0.5), "0.5");
  EXPECT_EQ(FormatNumber(0.1), "0.1");
  EXPECT_EQ(FormatNumber(1e15), "1000000000000000");
  EXPECT_EQ(std::stod(FormatNumber(1.0 / 3)), 1.0 / 3);
}

}  // namespace
}  // namespace mailtap::config

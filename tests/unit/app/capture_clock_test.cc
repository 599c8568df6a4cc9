// What time packets get by their stamps and those of the packets behind them.
#include "app/mailtap/capture_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailtap::app {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr int64_t kHour = 3600, kDay = 24 * kHour, kYear = 365 * kDay;
constexpr int64_t kStart = 1'767'603'600;  // 2026-01-05T09:00:00Z

// A capture's stamps and what becomes of them, in seconds after kStart.
struct Given {
  std::vector<int64_t> times;
  std::string faults;
};
Given Give(const std::vector<int64_t>& seconds) {
  std::vector<UnixNanos> stamps;
  for (const int64_t s : seconds) stamps.push_back((kStart + s) * kNanosPerSecond);
  CaptureClock clock;
  Given given;
  for (std::size_t i = 0; i < stamps.size(); ++i) {
    const std::size_t end = std::min(stamps.size(), i + 1 + CaptureClock::kWitnesses);
    const auto at = stamps.begin() + static_cast<std::ptrdiff_t>(i);
    const UnixNanos time =
        clock.Expects(*at)
            ? clock.Advance(*at)
            : clock.Judge(*at, {at + 1, stamps.begin() + static_cast<std::ptrdiff_t>(end)});
    given.times.push_back(time / kNanosPerSecond - kStart);
  }
  given.faults = clock.Faults();
  return given;
}

TEST(CaptureClock, StampsThatNeverRunBackwardsAreTakenAsTheyAre) {
  for (const std::vector<int64_t>& seconds :
       {std::vector<int64_t>{0, 0, 1, 2, 61, 200, 201},
        {0, 2 * kHour, 2 * kHour + 1, 5 * kHour, 9 * kHour, 9 * kHour, 30 * kDay},
        {-kStart, -kStart + 1, 0, 1, 2, 3, 12 * kYear, 12 * kYear + 1},
        {0, 20 * kHour, 20 * kHour + 1, 20 * kHour + 2, 20 * kHour + 3},
        {0, 9 * kDay, 9 * kDay + 1},
        {0, 1, 2, 3, 10 * kYear},
        {0},
        {10 * kYear, 20 * kYear}}) {
    const Given given = Give(seconds);
    EXPECT_THAT(given.times, ElementsAreArray(seconds));
    EXPECT_EQ(given.faults, "");
  }
}

TEST(CaptureClock, APacketThatIsALittleLateCountsForThePresent) {
  const Given given = Give({0, 10, 5, 9, 11, 70, 15, 71});
  EXPECT_THAT(given.times, ElementsAre(0, 10, 10, 10, 11, 70, 70, 71));
  EXPECT_EQ(given.faults, "");
}

TEST(CaptureClock, AStrayTakesTheTimeOfItsNeighbours) {
  const Given ahead = Give({0, 1, 10 * kYear, 2, 3, 4, 2 * kHour, 5});
  EXPECT_THAT(ahead.times, ElementsAre(0, 1, 1, 2, 3, 4, 4, 5));
  EXPECT_EQ(
      ahead.faults,
      "packets stamped far from those around them: 2, by up to 3649d23h59m59s; they count "
      "at their neighbours' time");
  EXPECT_THAT(Give({0, 100, 9 * kHour, kYear, 101, 102, 103}).times,
              ElementsAre(0, 100, 100, 100, 101, 102, 103))
      << "two in a row";
  const Given behind = Give({0, 1, -kStart, 2, 3, -kDay, 4});
  EXPECT_THAT(behind.times, ElementsAre(0, 1, 1, 2, 3, 3, 4));
  EXPECT_THAT(behind.faults, HasSubstr("around them: 2,"));
}

TEST(CaptureClock, AStrayAtTheBeginningDoesToo) {
  const Given given = Give({10 * kYear, 0, 1, 2, 3});
  EXPECT_THAT(given.times, ElementsAre(0, 0, 1, 2, 3));
  EXPECT_THAT(given.faults, HasSubstr("around them: 1, by up to 3650d;"));
  for (const int64_t early : {-kStart, -3 * kDay}) {
    const Given behind = Give({early, 0, 1, 2, 3});
    EXPECT_THAT(behind.times, ElementsAre(0, 0, 1, 2, 3));
    EXPECT_THAT(behind.faults, HasSubstr("around them: 1, by up to"));
  }
}

TEST(CaptureClock, AStrayBesideAPauseIsToldFromIt) {
  EXPECT_THAT(Give({0, 1, kYear, 2 * kHour, 2 * kHour + 1, 2 * kHour + 2}).times,
              ElementsAre(0, 1, 1, 2 * kHour, 2 * kHour + 1, 2 * kHour + 2));
  EXPECT_THAT(Give({0, 1, 2 * kHour, kYear, 2 * kHour + 1, 2 * kHour + 2}).times,
              ElementsAre(0, 1, 2 * kHour, 2 * kHour, 2 * kHour + 1, 2 * kHour + 2));
}

TEST(CaptureClock, WhereTheClockIsSetBackDurationsStay) {
  const Given given = Give({0, 10, 20, 20 - kHour, 30 - kHour, 90 - kHour, 91 - kHour, 95});
  EXPECT_THAT(given.times, ElementsAre(0, 10, 20, 20, 30, 90, 91, 95))
      << "and the shift ends where stamps are ahead again";
  EXPECT_EQ(
      given.faults,
      "time stamps step backwards for good: 1, by up to 1h; what follows is shifted by as "
      "much");
}

TEST(CaptureClock, CapturesPutTogetherOutOfOrderLastAsLongAsTheirSum) {
  std::vector<int64_t> seconds, times;
  for (const int64_t start : {5 * kHour, 3 * kHour, kHour}) {
    for (int64_t s = 0; s <= kHour; s += 20) seconds.push_back(start + s);
  }
  const Given given = Give(seconds);
  EXPECT_EQ(given.times.front(), 5 * kHour);
  EXPECT_EQ(given.times.back(), 8 * kHour);
  EXPECT_THAT(given.faults, HasSubstr("for good: 2, by up to 3h;"));
}

TEST(CaptureClock, TwoClocksInTurnDontAddUp) {
  std::vector<int64_t> seconds;
  for (int64_t s = 0; s < 1000; ++s) {
    seconds.push_back(s + (s / 10 % 2 == 0 ? 0 : 2 * kHour));
  }
  const Given given = Give(seconds);
  EXPECT_EQ(given.times.back(), 999 + 2 * kHour);
}

TEST(CaptureClock, NoStampsMakeTimeRunBackwards) {
  uint64_t chance = 7;
  const auto next = [&](uint64_t below) {
    chance = chance * 6364136223846793005 + 1442695040888963407;
    return static_cast<int64_t>((chance >> 33) % below);
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> seconds;
    for (int i = 0; i < 200; ++i) {
      // Anywhere from 1970 to 2106, in runs.
      seconds.push_back(next(4) != 0 && i > 0 ? seconds.back() + next(3)
                                              : next(uint64_t{1} << 32) - kStart);
      seconds.back() = std::min(seconds.back(), (int64_t{1} << 32) - kStart);
    }
    const Given given = Give(seconds);
    EXPECT_TRUE(std::is_sorted(given.times.begin(), given.times.end()));
  }
}

}  // namespace
}  // namespace mailtap::app

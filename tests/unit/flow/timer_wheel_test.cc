#include "lib/flow/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace mailtap::flow {
namespace {

class TimerWheelTest : public testing::Test {
 protected:
  TimerWheelTest() : colds_(200) {
    for (ColdSession& cold : colds_) cold.timer_slot = 0xffff;
  }
  std::vector<uint32_t> Fire(int64_t tick) {
    std::vector<uint32_t> fired;
    EXPECT_TRUE(wheel_.FireUntil(tick, [&](uint32_t index) {
      fired.push_back(index);
      return true;
    }));
    std::sort(fired.begin(), fired.end());
    return fired;
  }

  std::vector<ColdSession> colds_;
  TimerWheel wheel_{colds_.data()};
};

using Indexes = std::vector<uint32_t>;

TEST_F(TimerWheelTest, FiresWhatIsDueAndNothingElse) {
  wheel_.Start(100);
  wheel_.Schedule(1, 100);
  wheel_.Schedule(2, 102);
  wheel_.Schedule(3, 102);
  wheel_.Schedule(4, 103);
  EXPECT_EQ(wheel_.NextTick(), 100);
  EXPECT_EQ(Fire(99), Indexes{});
  EXPECT_EQ(Fire(101), Indexes{1});
  EXPECT_EQ(wheel_.NextTick(), 102);
  wheel_.Cancel(2);
  EXPECT_EQ(Fire(102), Indexes{3});
  EXPECT_EQ(Fire(200), Indexes{4});
  EXPECT_EQ(wheel_.NextTick(), INT64_MAX);
}

TEST_F(TimerWheelTest, WhatIsPastFiresNext) {
  wheel_.Start(100);
  EXPECT_EQ(Fire(150), Indexes{});
  wheel_.Schedule(1, 10);
  EXPECT_EQ(wheel_.NextTick(), 151);
  EXPECT_EQ(Fire(151), Indexes{1});
}

TEST_F(TimerWheelTest, CancellingTwiceOrInTheMiddleIsFine) {
  wheel_.Start(0);
  for (uint32_t i = 0; i < 5; ++i) wheel_.Schedule(i, 7);
  wheel_.Cancel(4);
  wheel_.Cancel(4);
  wheel_.Cancel(2);
  wheel_.Cancel(0);
  EXPECT_EQ(Fire(7), (Indexes{1, 3}));
  wheel_.Cancel(1);
}

TEST_F(TimerWheelTest, ALeapOverMoreThanARoundMeetsEverything) {
  wheel_.Start(0);
  wheel_.Schedule(1, 5);
  wheel_.Schedule(2, 4'000);
  wheel_.Schedule(3, 100'000);  // later than the wheel is long: met on the way
  EXPECT_EQ(Fire(1'000'000), (Indexes{1, 2, 3}));
  wheel_.Schedule(4, 1'000'001);
  EXPECT_EQ(Fire(1'000'001), Indexes{4});
}

TEST_F(TimerWheelTest, PutBackWhileFiringWaitsForItsOwnTick) {
  wheel_.Start(0);
  for (uint32_t i = 0; i < 10; ++i) wheel_.Schedule(i, i);
  std::map<uint32_t, int> times;
  EXPECT_TRUE(wheel_.FireUntil(20, [&](uint32_t index) {
    ++times[index];
    wheel_.Schedule(index, 20 + TimerWheel::kSlots);  // more than a round away
    return true;
  }));
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(times[i], 1) << i;
}

TEST_F(TimerWheelTest, WhatIsRefusedComesAgainWithAllBehindIt) {
  wheel_.Start(0);
  for (uint32_t i = 0; i < 20; ++i) wheel_.Schedule(i, 5 + i / 10);
  std::vector<uint32_t> fired;
  for (uint32_t room = 0;; ++room) {
    uint32_t left = room;
    const bool all = wheel_.FireUntil(6, [&](uint32_t index) {
      if (left-- == 0) return false;
      fired.push_back(index);
      return true;
    });
    if (all) break;
    ASSERT_LT(fired.size(), 20u);
    EXPECT_EQ(wheel_.NextTick(), fired.size() < 10 ? 5 : 6);
  }
  std::sort(fired.begin(), fired.end());
  for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(fired[i], i);
  EXPECT_EQ(fired.size(), 20u);
  EXPECT_EQ(wheel_.NextTick(), INT64_MAX);
}

// Against a map of due ticks, with leaps, cancellations and sessions that put themselves back.
// A session due later than the wheel is long is met early, and goes by its own due tick.
TEST_F(TimerWheelTest, AgreesWithANaiveModel) {
  std::mt19937 random(3);
  constexpr int64_t kStart = 1'795'466'467;
  wheel_.Start(kStart);
  std::map<uint32_t, int64_t> due;
  int64_t now = kStart - 1;
  const auto away = [&](int64_t from) {
    const int64_t scales[] = {3, 30, 600, 5'000, 20'000};
    return from + static_cast<int64_t>(random() % static_cast<uint64_t>(scales[random() % 5]));
  };
  for (int round = 0; round < 4'000; ++round) {
    for (uint32_t index = 0; index < colds_.size(); ++index) {
      const uint32_t dice = random() % 100;
      if (dice < 5 && due.count(index) == 0) {
        due[index] = std::max(away(now), now + 1);
        wheel_.Schedule(index, due[index]);
      } else if (dice == 5 && due.count(index) != 0) {
        due.erase(index);
        wheel_.Cancel(index);
      }
    }
    int64_t earliest = INT64_MAX;
    for (const auto& [index, tick] : due) earliest = std::min(earliest, tick);
    // Never late; early only for what is to be put back.
    ASSERT_GT(wheel_.NextTick(), now);
    ASSERT_LE(wheel_.NextTick(), earliest);
    now = random() % 50 == 0 ? away(now) : now + 1 + random() % 3;
    std::map<uint32_t, int64_t> next = due;
    std::vector<uint32_t> fired;
    ASSERT_TRUE(wheel_.FireUntil(now, [&](uint32_t index) {
      EXPECT_EQ(due.count(index), 1u);
      if (due[index] > now) {
        wheel_.Schedule(index, due[index]);
        return true;
      }
      fired.push_back(index);
      next.erase(index);
      if (random() % 2 == 0) {
        next[index] = std::max(away(now), now + 1);
        wheel_.Schedule(index, next[index]);
        due[index] = next[index];
      }
      return true;
    }));
    std::sort(fired.begin(), fired.end());
    ASSERT_EQ(std::adjacent_find(fired.begin(), fired.end()), fired.end()) << "fired twice";
    due = next;
    for (const auto& [index, tick] : due) ASSERT_GT(tick, now) << "not fired: " << index;
  }
}

}  // namespace
}  // namespace mailtap::flow

// What a live sensor makes of a state that is ahead of its clock.
#include "app/mailtap/live_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/base/temp_dir.h"

namespace mailtap::app {
namespace {

constexpr int64_t kTick = 1'000'000;  // of the state

class LiveStateTest : public testing::Test {
 protected:
  void SetUp() override { Put(kLiveSource); }
  void Put(const std::string& source) {
    std::string warning;
    const auto database = store::Database::Open(root_.path(), warning);
    store::Batch batch;
    batch.open_alerts = {kTick, "open"};
    batch.checkpoint = {kTick - 30, "checkpoint"};
    ASSERT_TRUE((*database)->Store(batch).ok());
    ASSERT_TRUE((*database)->SetSource(source).ok());
  }
  // With a clock that begins at `tick` and goes on by half a second each time it is read.
  std::unique_ptr<store::Database> OpenAt(int64_t tick) {
    now_ = StartOfTick(tick);
    auto opened = OpenLiveState(
        root_.path(), [this] { return now_ += kNanosPerSecond / 2; }, stop_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  bool SetAside() const { return std::filesystem::exists(root_.File("state.db.set-aside-1")); }

  const TempDir root_;
  UnixNanos now_ = 0;
  std::atomic<bool> stop_{false};
};

TEST_F(LiveStateTest, AStateOfThePastIsOpenedAtOnce) {
  stop_ = true;  // would end a wait
  EXPECT_EQ(*OpenAt(kTick + 1)->LatestTick(), kTick);
}

TEST_F(LiveStateTest, ARestartWithinTheSecondWaitsForTheNext) {
  EXPECT_EQ(*OpenAt(kTick)->LatestTick(), kTick);
  EXPECT_EQ(TickOf(now_), kTick + 1);
}

TEST_F(LiveStateTest, AClockSetBackByAMinuteIsWaitedFor) {
  EXPECT_EQ(*OpenAt(kTick - kMostSecondsAhead)->LatestTick(), kTick);
  EXPECT_EQ(TickOf(now_), kTick + 1);
  EXPECT_FALSE(SetAside());
}

TEST_F(LiveStateTest, AStateFurtherAheadIsSetAside) {
  stop_ = true;
  EXPECT_FALSE((*OpenAt(kTick - kMostSecondsAhead - 1)->LatestTick()).has_value());
  EXPECT_TRUE(SetAside());
}

TEST_F(LiveStateTest, AnothersStateIsLeftAsItIs) {
  Put("a replay");
  stop_ = true;
  EXPECT_EQ(*OpenAt(0)->Source(), "a replay");
  EXPECT_FALSE(SetAside());
}

TEST_F(LiveStateTest, AClockThatIsSetBackAfterItWasOpenedIsSeen) {
  std::unique_ptr<store::Database> database = OpenAt(kTick + 1);
  const auto await_at = [&](int64_t tick) {
    now_ = StartOfTick(tick);
    EXPECT_TRUE(
        AwaitLiveState(
            root_.path(), [this] { return now_ += kNanosPerSecond / 2; }, stop_, database)
            .ok());
  };
  await_at(kTick - 5);
  EXPECT_EQ(TickOf(now_), kTick + 1);
  EXPECT_EQ(*database->LatestTick(), kTick);
  await_at(kTick - kMostSecondsAhead - 1);
  EXPECT_FALSE((*database->LatestTick()).has_value());
  EXPECT_TRUE(SetAside());
}

TEST_F(LiveStateTest, AStopEndsTheWait) {
  stop_ = true;
  const auto opened = OpenLiveState(
      root_.path(), [] { return StartOfTick(kTick); }, stop_);
  EXPECT_TRUE(absl::IsCancelled(opened.status()));
}

}  // namespace
}  // namespace mailtap::app

// What the writer does while another program has the state's file locked, or the disk is full.
#include "lib/store/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/base/file_size_limit.h"
#include "tests/unit/base/temp_dir.h"

namespace mailtap::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string warning;
    auto database = Database::Open(own_.path(), warning);
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE((*database)->SetSource("test").ok());
    database_ = *std::move(database);
    ASSERT_EQ(sqlite3_open(own_.File("state.db").c_str(), &other_), SQLITE_OK);
  }
  ~WriterTest() override { sqlite3_close(other_); }

  void Lock() {
    ASSERT_EQ(sqlite3_exec(other_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  void Unlock() {
    ASSERT_EQ(sqlite3_exec(other_, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  void Start(WriterBounds bounds) {
    writer_ = std::make_unique<Writer>(std::move(database_), bounds);
  }
  // A batch of one alert; `size` of its JSON.
  static Batch OneAlert(int64_t tick, std::size_t size = 2) {
    Batch batch;
    batch.alerts = {{tick, StartOfTick(tick + 1), absl::StrCat("a", tick), "raised",
                     std::string(size, 'x')}};
    batch.open_alerts = {tick, absl::StrCat("open ", tick)};
    return batch;
  }
  void SubmitAlert(int64_t tick, std::size_t size = 2) {
    writer_->Submit(OneAlert(tick, size), [this] { ++released_; });
  }
  void SubmitCheckpoint(int64_t tick) {
    Batch batch;
    batch.open_alerts = {tick, absl::StrCat("open ", tick)};
    batch.checkpoint = {tick, std::string(1'000, 'c')};
    batch.hours = {{tick, "hour"}};
    writer_->Submit(std::move(batch), [this] { ++released_; });
  }
  // Hands over a batch and waits until it is settled.
  void Settle(Batch batch) {
    std::promise<void> done;
    writer_->Submit(std::move(batch), [&] { done.set_value(); });
    done.get_future().wait();
  }
  // Whether `done` comes true within that time.
  template <typename Done>
  static bool Within(milliseconds limit, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    return done();
  }
  // Until the batch that came first is no longer in the queue.
  bool AwaitTaken() {
    return Within(seconds(5), [this] { return writer_->status().queued == 0; });
  }
  std::vector<std::string> StoredAlerts() {
    std::vector<std::string> ids;
    const auto reader = Database::OpenToRead(own_.path());
    EXPECT_TRUE(reader.ok()) << reader.status();
    EXPECT_TRUE(
        (*reader)
            ->ForEachAlert(0, INT64_MAX, [&](const AlertRow& row) { ids.push_back(row.id); })
            .ok());
    return ids;
  }
  // "1 json" of each hour.
  std::vector<std::string> StoredHours() {
    std::vector<std::string> lines;
    const auto reader = Database::OpenToRead(own_.path());
    EXPECT_TRUE(reader.ok()) << reader.status();
    const auto add = [&](const HourRow& row) {
      lines.push_back(absl::StrCat(row.hour, " ", row.json));
    };
    EXPECT_TRUE((*reader)->ForEachHour(0, 99, add).ok());
    return lines;
  }

  const TempDir own_;
  std::unique_ptr<Database> database_;
  sqlite3* other_ = nullptr;
  std::atomic<int> released_{0};
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, AnAlertIsStoredBeforeItGoesOut) {
  Start({.patience = seconds(20)});
  std::promise<std::vector<std::string>> stored;
  Batch batch;
  batch.alerts = {{1, StartOfTick(2), "a1", "raised", "{}"}};
  writer_->Submit(std::move(batch), [&] { stored.set_value(StoredAlerts()); });
  EXPECT_THAT(stored.get_future().get(), ElementsAre("a1"));
  EXPECT_EQ(writer_->status().late, 0u);
}

TEST_F(WriterTest, ALockHoldsUpAlertsForAShortTimeAndTheyAreStoredLater) {
  Lock();
  Start({.patience = milliseconds(100)});
  SubmitAlert(1);
  SubmitAlert(2);
  // Less than one attempt to store takes.
  EXPECT_TRUE(Within(seconds(3), [this] { return released_ == 2; }));
  EXPECT_EQ(writer_->status().late, 2u);
  EXPECT_THAT(StoredAlerts(), IsEmpty());
  Unlock();
  EXPECT_TRUE(Within(seconds(10), [this] { return writer_->status().stored == 2; }));
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1", "a2"));
  EXPECT_EQ(released_, 2) << "once";
}

TEST_F(WriterTest, ALockThatOutlastsAnAttemptIsAnErrorAndLosesNothing) {
  Lock();
  Start({.patience = milliseconds(1)});
  SubmitAlert(1);
  EXPECT_TRUE(Within(seconds(20), [this] { return writer_->status().errors > 0; }));
  Unlock();
  EXPECT_TRUE(Within(seconds(10), [this] { return writer_->status().stored == 1; }));
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1"));
}

TEST_F(WriterTest, AStopGivesUpOnALockAfterOneAttempt) {
  Lock();
  Start({.patience = seconds(60)});
  for (int tick = 1; tick <= 5; ++tick) SubmitAlert(tick);
  const auto before = std::chrono::steady_clock::now();
  writer_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(15));
  EXPECT_EQ(released_, 5);
  EXPECT_EQ(writer_->status().errors, 1u) << "attempts";
  EXPECT_EQ(writer_->status().dropped_alerts, 5u);
}

TEST_F(WriterTest, OnlyOneCheckpointWaitsAtATime) {
  Lock();
  Start({});
  EXPECT_TRUE(writer_->ReadyForCheckpoint(1));
  SubmitCheckpoint(1);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(writer_->ReadyForCheckpoint(2));
  EXPECT_EQ(writer_->status().skipped, 1u) << "each is counted once";
  EXPECT_FALSE(writer_->ReadyForCheckpoint(3));
  EXPECT_EQ(writer_->status().skipped, 2u);
  Unlock();
  writer_->Stop();
  EXPECT_TRUE(writer_->ReadyForCheckpoint(3));
}

TEST_F(WriterTest, AFullQueueLosesCheckpointsFirstAndThenTheOldestAlerts) {
  Lock();
  Start({.patience = milliseconds(1), .queue_bytes = 10'000});
  SubmitAlert(1);
  ASSERT_TRUE(AwaitTaken());
  SubmitCheckpoint(2);
  SubmitAlert(3, 8'000);
  EXPECT_EQ(writer_->status().dropped_checkpoints, 0u);
  SubmitAlert(4, 4'000);
  SubmitAlert(5, 4'000);
  EXPECT_EQ(writer_->status().dropped_checkpoints, 1u);
  EXPECT_TRUE(writer_->ReadyForCheckpoint(3)) << "another one may come";
  EXPECT_EQ(writer_->status().dropped_alerts, 1u);
  EXPECT_EQ(writer_->status().queued, 2u);
  Unlock();
  writer_->Stop();
  EXPECT_EQ(released_, 5) << "what isn't stored goes out as well";
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1", "a4", "a5"));
  const auto reader = Database::OpenToRead(own_.path());
  EXPECT_EQ((*(*reader)->OpenAlerts())->bytes, "open 5");
  EXPECT_FALSE((*(*reader)->Checkpoint()).has_value());
}

TEST_F(WriterTest, TheHoursOfADroppedCheckpointGoWithTheNext) {
  Lock();
  Start({.queue_bytes = 10'000});
  SubmitAlert(1);
  ASSERT_TRUE(AwaitTaken());
  SubmitCheckpoint(2);
  SubmitAlert(3, 9'500);
  EXPECT_EQ(writer_->status().dropped_checkpoints, 1u);
  Unlock();
  ASSERT_TRUE(Within(seconds(9), [this] { return released_ == 3; }));
  SubmitCheckpoint(4);
  writer_->Stop();
  EXPECT_THAT(StoredHours(), ElementsAre("2 hour", "4 hour"));
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1", "a3"));
}

TEST_F(WriterTest, ABatchThatWaitsAloneIsNotDropped) {
  Lock();
  Start({.queue_bytes = 1});
  SubmitAlert(1);
  ASSERT_TRUE(AwaitTaken());
  SubmitCheckpoint(2);
  Unlock();
  writer_->Stop();
  EXPECT_EQ(writer_->status().dropped_checkpoints, 0u);
  EXPECT_EQ(writer_->status().stored, 2u);
}

TEST_F(WriterTest, AFullDiskIsAnErrorAndWhatFitsIsStored) {
  Start({});
  {
    const FileSizeLimit full(256 << 10);
    Settle(OneAlert(1, 1 << 20));
    EXPECT_EQ(writer_->status().errors, 1u);
    Settle(OneAlert(2));
    EXPECT_EQ(writer_->status().stored, 1u);
    EXPECT_EQ(writer_->status().dropped_alerts, 0u) << "it waits";
    writer_->Stop();
  }
  EXPECT_THAT(StoredAlerts(), ElementsAre("a2"));
  EXPECT_EQ(writer_->status().dropped_alerts, 1u);
}

TEST_F(WriterTest, AlertsThatCameWhileTheDiskWasFullGoWithTheNextBatchInTheirOrder) {
  Start({});
  {
    const FileSizeLimit full(256 << 10);
    Settle(OneAlert(1, 1 << 20));
    Settle(OneAlert(2));
    Settle(OneAlert(3, 1 << 20));
  }
  Settle(OneAlert(4));
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1", "a2", "a3", "a4"));
  writer_->Stop();
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1", "a2", "a3", "a4")) << "once";
  EXPECT_EQ(writer_->status().dropped_alerts, 0u);
}

TEST_F(WriterTest, AlertsThatFitWhereTheLastCheckpointDoesntAreStoredAtTheEnd) {
  Start({});
  {
    const FileSizeLimit full(256 << 10);
    Batch last = OneAlert(1);
    last.checkpoint = {1, std::string(1 << 20, 'c')};
    Settle(std::move(last));
    EXPECT_THAT(StoredAlerts(), IsEmpty());
    writer_->Stop();
  }
  EXPECT_THAT(StoredAlerts(), ElementsAre("a1"));
  EXPECT_EQ(writer_->status().dropped_alerts, 0u);
  const auto reader = Database::OpenToRead(own_.path());
  EXPECT_EQ((*(*reader)->OpenAlerts())->bytes, "open 1");
}

TEST_F(WriterTest, AnHourThatEndedWhileTheDiskWasFullIsStoredAfterwards) {
  Start({});
  const auto checkpoint = [](int64_t tick, std::vector<HourRow> hours) {
    Batch batch;
    batch.open_alerts = {tick, "open"};
    batch.checkpoint = {tick, "all"};
    batch.hours = std::move(hours);
    return batch;
  };
  Settle(checkpoint(3'700, {{1, "so far", "s"}}));
  {
    const FileSizeLimit full(256 << 10);
    Batch lost = checkpoint(7'200, {{1, "whole", "s"}, {2, "just begun", "s"}});
    lost.report.assign(1 << 20, 'x');
    Settle(std::move(lost));
  }
  EXPECT_THAT(StoredHours(), ElementsAre("1 so far"));

  Batch alert;
  alert.alerts = {{7'230, StartOfTick(7'231), "a1", "raised", "{}"}};
  alert.open_alerts = {7'230, "open"};
  Settle(std::move(alert));
  EXPECT_THAT(StoredHours(), ElementsAre("1 so far")) << "they belong to a checkpoint";
  Settle(checkpoint(7'260, {{2, "so far", "s"}}));
  EXPECT_THAT(StoredHours(), ElementsAre("1 whole", "2 so far"));
  writer_->Stop();
  EXPECT_EQ(writer_->status().errors, 1u);
  EXPECT_EQ(writer_->status().hours_cut, 0u);
}

}  // namespace
}  // namespace mailtap::store

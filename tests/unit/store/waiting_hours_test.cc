// What becomes of hours while nothing can be stored.
#include "lib/store/waiting_hours.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/store/writer.h"
#include "tests/unit/base/temp_dir.h"

namespace mailtap::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Taken(WaitingHours& waiting, std::vector<HourRow> hours = {}) {
  waiting.MoveTo(hours);
  std::vector<std::string> lines;
  for (const HourRow& row : hours) lines.push_back(absl::StrCat(row.hour, " ", row.json));
  return lines;
}

TEST(WaitingHours, WhatIsNewerTakesTheirPlace) {
  WaitingHours waiting;
  EXPECT_EQ(waiting.Add({{1, "a", "s"}, {2, "b", "s"}}), 0u);
  EXPECT_EQ(waiting.Add({{2, "B", "s"}, {3, "c", "s"}}), 0u);
  EXPECT_THAT(Taken(waiting, {{3, "C", "s"}}), ElementsAre("3 C", "1 a", "2 B"));
  EXPECT_THAT(Taken(waiting), IsEmpty()) << "once";
}

TEST(WaitingHours, BeyondTheirBoundTheEarliestKeepTheirSums) {
  WaitingHours waiting(/*most_bytes=*/300);
  const auto row = [](int64_t hour) { return HourRow{hour, std::string(100, 'x'), "sums"}; };
  EXPECT_EQ(waiting.Add({row(1), row(2)}), 0u);
  EXPECT_EQ(waiting.Add({row(3)}), 1u);
  EXPECT_EQ(waiting.Add({row(3), row(4), row(5)}), 2u) << "each is counted once";
  std::vector<HourRow> hours;
  waiting.MoveTo(hours);
  ASSERT_EQ(hours.size(), 5u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hours[i].json, "sums") << i;
  for (int i = 3; i < 5; ++i) EXPECT_EQ(hours[i].json, row(0).json) << i;
}

TEST(WaitingHours, TheNewestIsNeverCutDownAndTheOldestGo) {
  WaitingHours waiting(/*most_bytes=*/1);
  EXPECT_EQ(waiting.Add({{1, "first", "s"}}), 0u);
  EXPECT_EQ(waiting.Add({{400 * 24 + 2, "last", "s"}}), 0u);
  EXPECT_THAT(Taken(waiting), ElementsAre("9602 last"));
}

// A process that may write no further stands for a full disk.
TEST(WaitingHours, AnHourThatEndedWhileTheDiskWasFullIsStoredAfterwards) {
  const TempDir directory;
  std::string warning;
  auto database = Database::Open(directory.path(), warning);
  ASSERT_TRUE(database.ok()) << database.status();
  Writer writer(*std::move(database));
  const auto store = [&writer](Batch batch) {
    std::promise<void> done;
    writer.Submit(std::move(batch), [&] { done.set_value(); });
    done.get_future().wait();
  };
  const auto checkpoint = [](int64_t tick, std::vector<HourRow> hours) {
    Batch batch;
    batch.open_alerts = {tick, "open"};
    batch.checkpoint = {tick, "all"};
    batch.hours = std::move(hours);
    return batch;
  };
  const auto known = [&] {
    std::vector<std::string> lines;
    const auto reader = Database::OpenToRead(directory.path());
    EXPECT_TRUE((*reader)
                    ->ForEachHour(0, 99,
                                  [&](const HourRow& row) {
                                    lines.push_back(absl::StrCat(row.hour, " ", row.json));
                                  })
                    .ok());
    return lines;
  };
  store(checkpoint(3'700, {{1, "so far", "s"}}));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = 256 << 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  Batch lost = checkpoint(7'200, {{1, "whole", "s"}, {2, "just begun", "s"}});
  lost.report.assign(1 << 20, 'x');
  store(lost);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(known(), ElementsAre("1 so far"));

  Batch alert;
  alert.alerts = {{7'230, StartOfTick(7'231), "a1", "raised", "{}"}};
  alert.open_alerts = {7'230, "open"};
  store(alert);
  EXPECT_THAT(known(), ElementsAre("1 so far")) << "they belong to a checkpoint";
  store(checkpoint(7'260, {{2, "so far", "s"}}));
  EXPECT_THAT(known(), ElementsAre("1 whole", "2 so far"));
  writer.Stop();
  EXPECT_EQ(writer.status().errors, 1u);
  EXPECT_EQ(writer.status().cut, 0u);
}

}  // namespace
}  // namespace mailtap::store

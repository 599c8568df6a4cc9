// What becomes of hours while nothing can be stored.
#include "lib/store/waiting_hours.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

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

}  // namespace
}  // namespace mailtap::store

// What becomes of alerts while nothing can be stored.
#include "lib/store/waiting_alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mailtap::store {
namespace {

using testing::ElementsAre;

AlertRow Row(const std::string& id) { return {1, 1, id, "raised", std::string(1'000, 'x')}; }

std::vector<std::string> Ids(const std::vector<AlertRow>& rows) {
  std::vector<std::string> ids;
  for (const AlertRow& row : rows) ids.push_back(row.id);
  return ids;
}

TEST(WaitingAlerts, KeepTheirOrderBeforeWhatComesLater) {
  WaitingAlerts waiting;
  std::vector<AlertRow> rows = {Row("a"), Row("b"), Row("c")};
  EXPECT_EQ(waiting.TakeFirst(2, rows), 0u);
  EXPECT_THAT(Ids(rows), ElementsAre("c"));
  EXPECT_EQ(waiting.TakeFirst(1, rows), 0u);
  rows = {Row("d")};
  EXPECT_EQ(waiting.MoveBefore(rows), 3u);
  EXPECT_THAT(Ids(rows), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(waiting.MoveBefore(rows), 0u) << "once";
}

TEST(WaitingAlerts, BeyondTheirBoundTheOldestAreDropped) {
  WaitingAlerts waiting(/*most_bytes=*/3'000);
  std::vector<AlertRow> rows = {Row("a"), Row("b")};
  EXPECT_EQ(waiting.TakeFirst(2, rows), 0u);
  rows = {Row("c"), Row("d")};
  EXPECT_EQ(waiting.TakeFirst(2, rows), 2u);
  EXPECT_EQ(waiting.MoveBefore(rows), 2u);
  EXPECT_THAT(Ids(rows), ElementsAre("c", "d"));
}

}  // namespace
}  // namespace mailtap::store

// What commands read of a state of which rows are damaged.
#include "app/mailtap/stored_state.h"

#include <gtest/gtest.h>

#include <limits>

#include "lib/export/hour_json.h"
#include "tests/unit/base/temp_dir.h"

namespace mailtap::app {
namespace {

TEST(StoredState, DamagedRowsAreLeftOut) {
  const TempDir root;
  std::string warning;
  const auto database = store::Database::Open(root.path(), warning);
  ASSERT_TRUE(database.ok()) << database.status();
  store::Batch batch;
  for (int64_t hour = 0; hour < 4; ++hour) {
    control::Hour content;
    content.hour = hour;
    batch.hours.push_back({hour, exporting::HourJson(content), ""});
  }
  batch.hours[1].json.resize(batch.hours[1].json.size() / 2);
  batch.hours[2].json = batch.hours[3].json;
  batch.alerts = {{1, 1, "a", "raised", R"({"id":"a","sta)"},
                  {2, 2, "a", "dropped", R"({"id":"a","state":"dropped"})"}};
  ASSERT_TRUE((*database)->Store(batch).ok());
  const auto hours = HoursOf(**database, 0, StartOfTick(4 * control::kHourSeconds));
  ASSERT_TRUE(hours.ok()) << hours.status();
  ASSERT_EQ(hours->size(), 2u);
  EXPECT_EQ(hours->back().hour, 3);
  const auto alerts = AlertsOf(**database, std::numeric_limits<int64_t>::max());
  ASSERT_TRUE(alerts.ok()) << alerts.status();
  ASSERT_EQ(alerts->size(), 2u);
  EXPECT_EQ(alerts->front().json, "");
  EXPECT_EQ(alerts->front().state, "raised") << "that it was raised is known all the same";
}

TEST(TimeOf, SecondsMayBeLeftOut) {
  constexpr UnixNanos kTen = 1'767'607'200 * kNanosPerSecond;  // 2026-01-05T10:00:00Z
  for (const char* text : {"2026-01-05T10:00", "2026-01-05T10:00Z", "2026-01-05T11:00+01:00",
                           "2026-01-05T10:00:00Z", "2026-01-05T11:00:00+01:00"}) {
    const auto time = TimeOf("--since", text, 0);
    ASSERT_TRUE(time.ok()) << time.status();
    EXPECT_EQ(*time, kTen) << text;
  }
  EXPECT_EQ(*TimeOf("--since", "1h", kTen + 3'600 * kNanosPerSecond), kTen);
  for (const char* text : {"10:00", "2026-13-01", "1960-01-01", "soon\x1b"}) {
    const auto time = TimeOf("--since", text, kTen);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.status().message().find('\x1b'), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace mailtap::app

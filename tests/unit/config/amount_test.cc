#include "lib/config/amount.h"

#include <gtest/gtest.h>

namespace mailtap::config {
namespace {

TEST(Amount, IsInTheMetricsUnit) {
  const struct {
    Metric metric;
    double value;
    const char* amount;
    const char* of;
  } kCases[] = {
      {Metric::kSentBytes, 20'000'000, "20.0 MB", "20.0 MB of sent bytes"},
      {Metric::kMessages, 50, "50", "50 messages"},
      {Metric::kMessages, 12'345, "12345", "12345 messages"},
      {Metric::kDistinctPeers, 1, "1", "1 distinct peer"},
      {Metric::kSentReceivedRatio, 12.5, "12.5", "a sent received ratio of 12.5"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Amount(c.metric, c.value), c.amount);
    EXPECT_EQ(AmountOf(c.metric, c.value), c.of);
  }
}

}  // namespace
}  // namespace mailtap::config

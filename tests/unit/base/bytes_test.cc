#include "lib/base/bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace mailtap {
namespace {

TEST(FormatBytesTest, ShowsThreeDigitsAndAUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(7), "7 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1'000), "1.00 kB");
  EXPECT_EQ(FormatBytes(12'345), "12.3 kB");
  EXPECT_EQ(FormatBytes(52'428'800), "52.4 MB");
  EXPECT_EQ(FormatBytes(1'500'000'000), "1.50 GB");
  EXPECT_EQ(FormatBytes(std::numeric_limits<uint64_t>::max()), "18.4 EB");
}

TEST(FormatBytesTest, RoundingUpMovesOnToTheNextUnit) {
  EXPECT_EQ(FormatBytes(9'994), "9.99 kB");
  EXPECT_EQ(FormatBytes(9'995), "10.0 kB");
  EXPECT_EQ(FormatBytes(99'949), "99.9 kB");
  EXPECT_EQ(FormatBytes(99'951), "100 kB");
  EXPECT_EQ(FormatBytes(999'499), "999 kB");
  EXPECT_EQ(FormatBytes(999'500), "1.00 MB");
}

TEST(FormatCountTest, HasNoUnit) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1'234'567), "1.23 M");
}

}  // namespace
}  // namespace mailtap

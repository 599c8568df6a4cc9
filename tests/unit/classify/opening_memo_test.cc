#include "lib/classify/opening_memo.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace mailtap::classify {
namespace {

struct Counted {
  OpeningMemo memo;
  int asked = 0;
  bool Get(const std::string& text, bool from_start, bool found) {
    return memo.Get(text, from_start, [&] {
      ++asked;
      return found;
    });
  }
};

TEST(OpeningMemo, AsksOnceForEachTextAndPlaceInTheStream) {
  Counted memo;
  EXPECT_TRUE(memo.Get("+OK\r\n", true, true));
  EXPECT_TRUE(memo.Get("+OK\r\n", true, false));
  EXPECT_EQ(memo.asked, 1);
  EXPECT_FALSE(memo.Get("+OK\r\n", false, false));
  EXPECT_EQ(memo.asked, 2);
}

TEST(OpeningMemo, LongTextsAreAskedForEachTime) {
  Counted memo;
  const std::string longest(OpeningMemo::kLongest, 'x');
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(memo.Get(longest, true, true));
    EXPECT_TRUE(memo.Get(longest + "y", true, true));
    EXPECT_FALSE(memo.Get("", true, false));
  }
  EXPECT_EQ(memo.asked, 1 + 3 + 3);
}

// Texts that share a place take it from each other, and are never mistaken.
TEST(OpeningMemo, NeverAnswersForAnotherText) {
  Counted memo;
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string text(1 + random() % 4, '\0');
    for (char& c : text) c = static_cast<char>(random() % 5);
    const bool from_start = random() % 2 == 0;
    const bool found = (std::hash<std::string>()(text) + (from_start ? 1 : 0)) % 2 == 0;
    ASSERT_EQ(memo.Get(text, from_start, found), found);
  }
}

}  // namespace
}  // namespace mailtap::classify

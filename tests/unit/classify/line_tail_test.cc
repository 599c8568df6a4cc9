#include "lib/classify/line_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace mailtap::classify {
namespace {

TEST(LineTail, HoldsTheLastBytesHoweverTheyCome) {
  const std::string line = "0123456789";
  for (std::size_t length = 0; length <= line.size(); ++length) {
    for (std::size_t step = 1; step <= line.size(); ++step) {
      LineTail<4> tail;
      for (std::size_t at = 0; at < length; at += step) {
        tail.Add(absl::string_view(line).substr(at, std::min(step, length - at)));
      }
      const std::size_t kept = std::min<std::size_t>(length, 4);
      EXPECT_EQ(tail.text(), line.substr(length - kept, kept)) << length << " by " << step;
    }
  }
}

TEST(LineTail, ANewLineStartsEmpty) {
  LineTail<4> tail;
  tail.Add("abcdef");
  tail.Clear();
  EXPECT_EQ(tail.text(), "");
  tail.Add("g");
  tail.Add("");
  EXPECT_EQ(tail.text(), "g");
}

}  // namespace
}  // namespace mailtap::classify

#include "lib/base/quoted.h"

#include <gtest/gtest.h>

namespace mailtap {
namespace {

TEST(Quoted, IsTheTextWhereItIsPlain) {
  EXPECT_EQ(Quoted(""), R"("")");
  EXPECT_EQ(Quoted("mx.example.net"), R"("mx.example.net")");
  EXPECT_EQ(Quoted("b\xc3\xbcro"), "\"b\xc3\xbcro\"");
}

TEST(Quoted, NothingEndsItOrReachesATerminal) {
  EXPECT_EQ(Quoted(R"(a"b\c)"), R"("a\"b\\c")");
  EXPECT_EQ(Quoted("\x1b]0;owned\x07\n\x7f"), R"("\u001B]0;owned\u0007\u000A\u007F")");
  EXPECT_EQ(Quoted("\xc2\x9b"
                   "2J"),
            R"("\u009B2J")")
      << "a control character in UTF-8";
}

}  // namespace
}  // namespace mailtap

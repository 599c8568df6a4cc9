#include "lib/config/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CsvTest, CommentsMayHoldAnything) {
  std::vector<Fault> faults;
  const CsvTable table = ParseCsv("# the \"first\" one, it's \"\n\na,b\n  # \"\n1,2\n", "f.csv",
                                  {"a", "b"}, faults);
  EXPECT_THAT(Texts(faults), IsEmpty());
  EXPECT_THAT(table.columns, ElementsAre("a", "b"));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0].line, 5);
}

TEST(CsvTest, AQuotedFieldMayHoldLinesThatLookLikeComments) {
  std::vector<Fault> faults;
  const CsvTable table =
      ParseCsv("a,b\n\"one\n# two\n\nthree\",x\n4,5\n", "f.csv", {"a", "b"}, faults);
  EXPECT_THAT(Texts(faults), IsEmpty());
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].line, 2);
  EXPECT_THAT(table.rows[0].fields, ElementsAre("one\n# two\n\nthree", "x"));
  EXPECT_EQ(table.rows[1].line, 6);
}

TEST(CsvTest, AQuoteOutOfPlaceIsFoundWhereItIs) {
  std::vector<Fault> faults;
  ParseCsv("a,b\n1,2\n3,x\"y\n", "f.csv", {"a", "b"}, faults);
  EXPECT_THAT(Texts(faults),
              ElementsAre("f.csv:3:1: not valid CSV: a quote is out of place or not closed"));
}

}  // namespace
}  // namespace mailtap::config

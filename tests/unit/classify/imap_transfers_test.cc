#include "lib/classify/imap_transfers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {
namespace {

struct Line {
  Direction side;
  std::string text;
};

// "appended/fetched", each side's text given in pieces of `step`.
std::string Count(const std::vector<Line>& lines, std::size_t step) {
  ImapTransfers imap;
  for (const Line& line : lines) {
    for (std::size_t at = 0; at < line.text.size(); at += step) {
      const std::string piece = line.text.substr(at, step);
      imap.Read(line.side, reinterpret_cast<const uint8_t*>(piece.data()), piece.size());
    }
  }
  return absl::StrCat(imap.bytes(kUp, 0), "/", imap.bytes(kDown, 0),
                      imap.compressed() ? " compressed" : "");
}

TEST(ImapTransfers, CountLiteralsOfMessages) {
  const std::string kLongTag(70, 'A');
  const struct {
    const char* name;
    std::vector<Line> lines;
    const char* expected;
  } kCases[] = {
      {"append",
       {{kUp, "a1 APPEND INBOX (\\Seen) {12}\r\n"},
        {kDown, "+ go\r\n"},
        {kUp, "a2 FETCH\r\n{5\r\n"},
        {kDown, "a1 OK\r\n"}},
       "12/0"},
      {"append at once", {{kUp, "a1 append x {3+}\r\nabc\r\n"}, {kDown, "a1 OK\r\n"}}, "3/0"},
      {"binary literal", {{kUp, "a1 APPEND x UTF8 (~{4+}\r\nabcd)\r\n"}}, "4/0"},
      {"several at once", {{kUp, "a1 APPEND x {3+}\r\nabc (\\Seen) {2+}\r\nde\r\n"}}, "5/0"},
      {"the mailbox in a literal",
       {{kUp, "a1 APPEND {5+}\r\nINBOX (\\Seen) {3+}\r\nabc\r\n"}},
       "3/0"},
      {"replace", {{kUp, "a1 UID REPLACE 4 Drafts {3+}\r\nabc\r\n"}}, "3/0"},
      {"other literals",
       {{kUp, "a1 LOGIN {3+}\r\nfoo {3+}\r\nbar\r\na2 SEARCH TEXT {2+}\r\nxy\r\n"}},
       "0/0"},
      {"append refused",
       {{kUp, "a1 APPEND x {12}\r\n"},
        {kDown, "a1 NO [OVERQUOTA] no\r\n"},
        {kUp, "a2 APPEND x {3}\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "abc\r\n"}},
       "3/0"},
      {"nothing appended", {{kUp, "a1 APPEND x {0+}\r\n\r\na2 NOOP\r\n"}}, "0/0"},
      {"a literal that nobody has asked for yet",
       {{kUp, "a1 APPEND x {5}\r\nabcde\r\na2 NOOP\r\n"},
        {kDown, "+ go\r\na1 OK\r\na2 NO\r\n"}},
       "5/0"},
      {"a literal that is refused while it comes",
       {{kUp, "a1 APPEND x {5}\r\nab"},
        {kDown, "a1 NO full\r\n"},
        {kUp, "\r\na2 APPEND x {2+}\r\nab\r\n"}},
       "2/0"},
      {"a literal that is refused without its tag",
       {{kUp, "a1 APPEND x {5}\r\n"},
        {kDown, "* BAD what\r\n"},
        {kUp, "a2 APPEND x {2+}\r\nab\r\n"}},
       "2/0"},
      {"braces in a status's text",
       {{kDown,
         "a1 NO folder {40}\r\n* 1 FETCH (BODY[] {2}\r\nab)\r\n* BAD {9}\r\n"
         "* 1 FETCH (BODY[] {2}\r\nab)\r\n"}},
       "0/4"},
      {"fetch",
       {{kUp, "a1 FETCH 1 BODY[]\r\n"},
        {kDown, "* 1 FETCH (FLAGS () BODY[] {7}\r\n* 2 FET)\r\na1 OK\r\n"}},
       "0/7"},
      {"several parts",
       {{kDown, "* 12 FETCH (BODY[1] {2}\r\nab BODY[2] {3}\r\ncde UID 4)\r\na1 OK\r\n"}},
       "0/5"},
      {"small letters", {{kDown, "* 1 fetch (BODY[] {2}\r\nab)\r\n"}}, "0/2"},
      {"fetched by its unique number",
       {{kUp, "a1 UID FETCH 25900 BODY[]\r\n"},
        {kDown, "* 25900 UIDFETCH (BODY[] {7}\r\nabcdefg)\r\na1 OK\r\n"}},
       "0/7"},
      {"a number too large", {{kDown, "* 1 FETCH (BODY[] {99999999999999999999}\r\n"}}, "0/0"},
      {"literals of other responses",
       {{kDown, "* LIST () \"/\" {4}\r\nabcd\r\n* 3 EXISTS\r\n* OK {3}\r\nxyz\r\n"}},
       "0/0"},
      {"a flag change while idle",
       {{kUp, "a1 IDLE\r\n"}, {kDown, "+ idling\r\n* 1 FETCH (FLAGS (\\Seen))\r\n"}},
       "0/0"},
      {"braces that announce nothing",
       {{kDown, "* 1 FETCH (ENVELOPE (\"{3}\" NIL))\r\n* 1 FETCH (BODY[] {3}\r\nabc)\r\n"}},
       "0/3"},
      {"compression",
       {{kUp, "a1 COMPRESS DEFLATE\r\n"}, {kDown, "* 1 EXISTS\r\na1 OK DEFLATE active\r\n"}},
       "0/0 compressed"},
      {"compression refused",
       {{kUp, "a1 COMPRESS DEFLATE\r\n"},
        {kDown, "a1 NO [COMPRESSIONACTIVE]\r\n"},
        {kUp, "a2 NOOP\r\n"},
        {kDown, "a2 OK\r\n"}},
       "0/0"},
      {"compression asked for behind what fails",
       {{kUp, "a1 FOO\r\na2 COMPRESS DEFLATE\r\n"}, {kDown, "a1 BAD what\r\na2 OK active\r\n"}},
       "0/0 compressed"},
      {"compression refused behind what succeeds",
       {{kUp, "a1 NOOP\r\na2 COMPRESS DEFLATE\r\n"}, {kDown, "a1 OK\r\na2 NO\r\n"}},
       "0/0"},
      {"compression that goes without saying more",
       {{kUp, "a1 compress deflate\r\n"}, {kDown, "a1 ok\r\n"}},
       "0/0 compressed"},
      {"long tags",
       {{kUp, kLongTag + " UID REPLACE 4294967295 {5+}\r\nabcde {3+}\r\nabc\r\n"},
        {kUp, kLongTag + " append x {4+}\r\nabcd\r\n"},
        {kDown, kLongTag + " OK\r\n* 4294967295 FETCH (BODY[] {2}\r\nab)\r\n"},
        {kUp, kLongTag + " COMPRESS DEFLATE\r\n"},
        {kDown, kLongTag + "B OK\r\n" + kLongTag + " OK\r\n"}},
       "7/2 compressed"},
      {"a tag that starts like none", {{kDown, "** 1 FETCH (BODY[] {2}\r\nab\r\n"}}, "0/0"},
      {"a bare plus",
       {{kUp, "a1 APPEND x {3}\r\n"}, {kDown, "+\r\n"}, {kUp, "abc\r\n"}},
       "3/0"},
  };
  for (const auto& c : kCases) {
    for (const std::size_t step : {1, 2, 3, 7, 1'000}) {
      EXPECT_EQ(Count(c.lines, step), c.expected) << c.name << " in pieces of " << step;
    }
  }
}

TEST(ImapTransfers, LiteralsMayBeSkippedUndelivered) {
  ImapTransfers imap;
  const std::string line = "* 1 FETCH (BODY[] {1000000}\r\nab";
  imap.Read(kDown, reinterpret_cast<const uint8_t*>(line.data()), line.size());
  EXPECT_EQ(imap.literal_left(kDown), 999'998u);
  imap.SkipLiteral(kDown, 999'998);
  EXPECT_EQ(imap.bytes(kDown, 0), 1'000'000u);
  EXPECT_EQ(imap.bytes(kDown, 400'000), 600'000u) << "of which the last did not come";
}

}  // namespace
}  // namespace mailtap::classify

#include "lib/classify/pop3_retrievals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {
namespace {

struct Line {
  char side;  // 'C' or 'S'
  std::string text;
};

// "retrievals, bytes"; each side's text is given in pieces of `step`, and what is skipped is
// measured, as the worker does.
std::string Count(const std::vector<Line>& lines, std::size_t step) {
  Pop3Retrievals pop3;
  uint64_t skipped = 0;
  for (const Line& line : lines) {
    const auto* data = reinterpret_cast<const uint8_t*>(line.text.data());
    if (line.side == 'C' && pop3.skipping()) {
      pop3.EndText(skipped);
      skipped = 0;
    }
    for (std::size_t at = 0; at < line.text.size();) {
      const std::size_t size = std::min(step, line.text.size() - at);
      if (line.side == 'C') {
        pop3.OnClient(data + at, size);
        at += size;
      } else if (pop3.skipping()) {
        skipped += size;
        at += size;
      } else {
        at += pop3.OnServer(data + at, size);
      }
    }
  }
  return absl::StrCat(pop3.retrievals(), ", ", pop3.text_bytes(), pop3.lost() ? " lost" : "");
}

TEST(Pop3Retrievals, Count) {
  const Line hello = {'S', "+OK ready\r\n"}, ok = {'S', "+OK\r\n"}, no = {'S', "-ERR no\r\n"},
             retrieve = {'C', "RETR 1\r\n"}, quit = {'C', "QUIT\r\n"},
             text = {'S', "+OK 8 octets\r\n+OK\r\na\r\n.\r\n"};
  const struct {
    const char* name;
    std::vector<Line> lines;
    const char* expected;
  } kCases[] = {
      {"one", {hello, retrieve, text, quit, ok}, "1, 8"},
      {"two", {hello, retrieve, text, retrieve, text, quit, ok}, "2, 16"},
      {"refused", {hello, retrieve, no, retrieve, text, quit}, "1, 8"},
      {"small letters", {hello, {'C', "retr 1\n"}, text, quit}, "1, 8"},
      {"listings",
       {hello,
        {'C', "CAPA\r\n"},
        {'S', "+OK\r\nTOP\r\n.\r\n"},
        {'C', "LIST\r\n"},
        {'S', "+OK\r\n1 8\r\n.\r\n"},
        {'C', "LIST 1\r\n"},
        {'S', "+OK 1 8\r\n"},
        {'C', "UIDL\r\n"},
        {'S', "+OK\r\n.\r\n"},
        {'C', "TOP 1 2\r\n"},
        {'S', "+OK\r\nSubject\r\n..\r\n.\r\n"},
        retrieve,
        text,
        quit,
        ok},
       "1, 8"},
      {"pipelined",
       {hello,
        {'C', "STAT\r\nRETR 1\r\nRETR 2\r\nQUIT\r\n"},
        {'S', "+OK 2 9\r\n+OK\r\nab\r\n..\r\n.\r\n+OK\r\nc\r\n.\r\n+OK bye\r\n"}},
       "2, 11"},
      {"one of two pipelined refused",
       {hello, {'C', "RETR 1\r\nRETR 2\r\n"}, {'S', "-ERR no\r\n+OK\r\nc\r\n.\r\n"}, quit},
       "1, 3"},
      {"log in with challenges",
       {hello,
        {'C', "AUTH CRAM-MD5\r\n"},
        {'S', "+ PDE4\r\n"},
        {'C', "RETR\r\n"},
        ok,
        retrieve,
        text,
        quit},
       "1, 8"},
      {"an empty challenge",
       {hello,
        {'C', "AUTH PLAIN\r\n"},
        {'S', "+\r\n"},
        {'C', "RETR\r\n"},
        ok,
        retrieve,
        text,
        quit},
       "1, 8"},
      {"mechanisms",
       {hello, {'C', "AUTH\r\n"}, {'S', "+OK\r\nPLAIN\r\n.\r\n"}, quit, ok},
       "0, 0"},
      {"idle for too long", {hello, {'S', "-ERR autologout\r\n"}}, "0, 0"},
      {"said before the text was heard",
       {hello, retrieve, {'S', "+OK\r\n"}, retrieve},
       "1, 0 lost"},
      {"text where a status should be", {hello, quit, {'S', "bye\r\n"}}, "0, 0 lost"},
      {"a line end before the greeting", {{'S', "\r\n"}, hello, retrieve, text, quit}, "1, 8"},
      {"small letters of the server",
       {{'S', "+ok\r\n"}, {'C', "DELE 1\r\n"}, {'S', "-err\r\n"}, retrieve, text, quit},
       "1, 8"},
      {"line ends without carriage return",
       {{'S', "+OK\n"},
        {'C', "RETR 1\n"},
        {'S', "+OK\na\n\n.\n"},
        {'C', "RETR 1\nQUIT\n"},
        {'S', "+OK\na\n.\n+OK\n"}},
       "2, 5"},
      {"an answer to nothing", {hello, ok}, "0, 0 lost"},
  };
  for (const auto& c : kCases) {
    for (const std::size_t step : {1, 2, 3, 7, 1'000}) {
      EXPECT_EQ(Count(c.lines, step), c.expected) << c.name << " in pieces of " << step;
    }
  }
}

}  // namespace
}  // namespace mailtap::classify

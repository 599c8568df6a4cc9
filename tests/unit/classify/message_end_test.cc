#include "lib/classify/message_end.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {
namespace {

constexpr std::size_t kNotFound = 1'000'000;

// Where in `text`, given in pieces of `step`, what follows the final dot starts.
std::size_t EndOf(const std::string& text, std::size_t step, bool whole = false) {
  MessageEnd end;
  end.Start();
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::string piece = text.substr(at, step);
    const std::size_t found =
        end.Find(reinterpret_cast<const uint8_t*>(piece.data()), piece.size(), true, whole);
    if (found != 0) return at + found;
  }
  return kNotFound;
}

TEST(MessageEnd, IsTheLineWithADot) {
  const struct {
    const char* text;
    std::size_t end;
  } kCases[] = {
      {"a\r\n.\r\n", 6},
      {".\r\n", 3},
      {"\r\n.\r\n", 5},
      {"a\r\n.\r\nQUIT\r\n", 6},
      {"a\r\n.\r\nMAIL FROM:<a>\r\nDATA\r\nb\r\n.\r\n", 6},
      {"a\r\n..\r\n", kNotFound},
      {"a.\r\n", kNotFound},
      {"a\r\n.b\r\n", kNotFound},
      {"a\n.\n", kNotFound},
  };
  for (const auto& c : kCases) EXPECT_EQ(EndOf(c.text, 1'000), c.end) << c.text;
}

TEST(MessageEnd, IsFoundWhereverThePiecesAreCut) {
  const std::string text = "one\r\ntwo.\r\n..\r\n.\r\nQUIT\r\n";
  const std::size_t end = text.find("\r\n.\r\n") + 5;
  // A piece that ends within a line is looked at only where the dot's line lies at its start.
  for (const std::size_t step : {1, 2, 3, 4, 100}) EXPECT_EQ(EndOf(text, step), end) << step;
}

TEST(MessageEnd, OnlyThePiecesEndIsLookedAt) {
  const std::string commands(MessageEnd::kLookedAt, 'x');
  const std::string text = absl::StrCat("a\r\n.\r\n", commands, "\r\n");
  EXPECT_EQ(EndOf(text, 1'000), kNotFound);
  EXPECT_EQ(EndOf(text, 1'000, /*whole=*/true), 6u);
  EXPECT_EQ(EndOf(text + "MAIL", 1'000, /*whole=*/true), 6u);
}

TEST(MessageEnd, NothingIsKnownBehindAGap) {
  MessageEnd end;
  end.Start();
  const std::string dot = ".\r\n";
  EXPECT_EQ(end.Find(reinterpret_cast<const uint8_t*>(dot.data()), 3, /*follows=*/false, false),
            0u);
}

TEST(MessageEnd, MayLackCarriageReturnsWhereAServerTakesIt) {
  const struct {
    const char* text;
    std::size_t bytes;
  } kCases[] = {{"a\n.\n", 2}, {".\n", 2}, {"a\r\n.\n", 2}, {"a\n.\r\n", 3}, {"a.\n", 3}};
  for (const auto& c : kCases) {
    for (const std::size_t step : {1, 2, 100}) {
      const std::string text = c.text;
      MessageEnd end;
      end.Start();
      for (std::size_t at = 0; at < text.size(); at += step) {
        const std::string piece = text.substr(at, step);
        end.Find(reinterpret_cast<const uint8_t*>(piece.data()), piece.size(), true, false);
      }
      EXPECT_EQ(end.overlooked_bytes(), c.bytes) << c.text;
    }
  }
}

}  // namespace
}  // namespace mailtap::classify

#include "lib/classify/first_word.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "lib/classify/pattern_table.h"

namespace mailtap::classify {
namespace {

const uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::vector<std::string> Words(const char* Pattern::*list = &Pattern::first_words) {
  std::vector<std::string> words;
  for (const Pattern& pattern : Patterns()) {
    for (const auto word : absl::StrSplit(pattern.*list, '|', absl::SkipEmpty())) {
      words.emplace_back(word);
    }
  }
  return words;
}

bool Matches(const FirstWordFilter& filter, const std::string& text) {
  return filter.Matches(Bytes(text), static_cast<uint32_t>(text.size()));
}

std::string Folded(std::string word) {
  for (char& c : word) c = static_cast<char>(c | 0x20);
  return word;
}

TEST(FirstWord, TheTableHoldsWholeWords) {
  ASSERT_GT(Words().size(), 10u);
  ASSERT_GT(Words(&Pattern::tagged_words).size(), 10u);
  for (const auto list : {&Pattern::first_words, &Pattern::tagged_words}) {
    for (const std::string& word : Words(list)) {
      EXPECT_EQ(word.size(), FirstWordFilter::kWordBytes);
    }
  }
}

TEST(FirstWord, EveryWordIsFoundInAnyCase) {
  const FirstWordFilter filter;
  for (const std::string& word : Words()) {
    for (int mask = 0; mask < 16; ++mask) {
      std::string cased = word;
      for (int i = 0; i < 4; ++i) {
        cased[i] = static_cast<char>((mask >> i & 1) != 0 ? std::toupper(cased[i])
                                                          : std::tolower(cased[i]));
      }
      EXPECT_TRUE(Matches(filter, cased + "rest")) << cased;
      for (uint32_t length = 1; length < 4; ++length) {
        EXPECT_TRUE(filter.MayMatch(Bytes(cased), length)) << cased << " " << length;
      }
    }
  }
}

TEST(FirstWord, NothingElseIsFound) {
  const FirstWordFilter filter;
  std::set<std::string> known;
  for (const std::string& word : Words()) known.insert(Folded(word));
  std::mt19937 random(7);
  for (int i = 0; i < 2'000'000; ++i) {
    std::string word(4, '\0');
    for (char& c : word) c = static_cast<char>(random());
    if (word[0] == '\r' || word[0] == '\n') continue;  // what follows counts
    EXPECT_EQ(Matches(filter, word), known.count(Folded(word)) != 0);
  }
  for (const std::string word : {"GET ", "SSH-", "HTTP", "\x16\x03\x01\x02", "*3\r\n", "PING",
                                 "200 ", "NICK", "STOR", "MODE"}) {
    EXPECT_FALSE(Matches(filter, word)) << word;
  }
  EXPECT_FALSE(filter.MayMatch(Bytes("G"), 1));
  EXPECT_FALSE(filter.MayMatch(Bytes("23"), 2));
  EXPECT_FALSE(filter.MayMatch(Bytes("HEL\1"), 3) && Matches(filter, "HEL\1"));
}

// As a segment holds it, behind a header.
bool Glance(const FirstWordFilter& filter, const std::string& text) {
  const std::string segment = "head" + text;
  return filter.Glance(Bytes(segment) + 4, static_cast<uint32_t>(text.size()));
}

// The glance may let more through than matches, but not much, and nothing less.
TEST(FirstWord, TheGlanceLetsEverythingThroughThatMatches) {
  constexpr FirstWordFilter::Opening kHello[] = {{0x16, 0xf8fc00}};
  const FirstWordFilter filter(kHello);
  std::vector<std::string> openings = Words();
  for (const std::string& word : Words(&Pattern::tagged_words)) {
    for (const std::string tag : {"1", "a001", "abcdefghijklmno"}) {
      openings.push_back(tag + " " + word);
    }
  }
  openings.push_back("\r\n220 mx ESMTP");
  openings.push_back("\x16\x03\x01");
  for (std::string opening : openings) {
    opening.resize(30, '.');
    for (size_t size = opening.size(); size > 0; --size) {
      EXPECT_TRUE(Glance(filter, opening.substr(0, size))) << opening << " " << size;
    }
  }
  EXPECT_FALSE(Glance(filter, ""));
  for (const std::string none : {"\x17\x03\x03", "{", "$5\r\nvalue\r\n"}) {
    EXPECT_FALSE(Glance(filter, none)) << none;
  }
  std::mt19937 random(3);
  int seen = 0, matched = 0;
  constexpr int kRounds = 200'000;
  for (int i = 0; i < kRounds; ++i) {
    std::string text(24, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const bool glance = Glance(filter, text);
    seen += glance ? 1 : 0;
    if (!Matches(filter, text)) continue;
    ++matched;
    EXPECT_TRUE(glance) << text;
  }
  EXPECT_LT(seen, kRounds / 40);
  EXPECT_GT(seen, matched);
}

TEST(FirstWord, LineEndsBeforeAWordArePassedOver) {
  const FirstWordFilter filter;
  for (const std::string text :
       {"\r\n220 mx ESMTP\r\n", "\n\n* OK ready\r\n", "\r\n220", "\r\na1 LOGIN b c\r\n"}) {
    EXPECT_TRUE(Matches(filter, text)) << text;
  }
  for (const std::string text : {"\r\nGET / HTTP/1.1\r\n", "\r\nxy", "\n\n\n\n\n\n220 x\r\n"}) {
    EXPECT_FALSE(Matches(filter, text)) << text;
  }
}

TEST(FirstWord, ACommandIsFoundBehindAnyTag) {
  const FirstWordFilter filter;
  for (const std::string& word : Words(&Pattern::tagged_words)) {
    for (const std::string tag : {"1", "a", "A1", "a001", "ABCD12", "A000001", "Tag12345",
                                  "C.12-3_4", "abcdefghijklmno"}) {
      EXPECT_TRUE(Matches(filter, tag + " " + word + "....")) << tag << " " << word;
      EXPECT_TRUE(Matches(filter, tag + " " + Folded(word) + "....")) << tag << " " << word;
    }
  }
  EXPECT_TRUE(Matches(filter, "1 NOOP\r\n"));
}

TEST(FirstWord, ATagNeedsAKnownCommand) {
  const FirstWordFilter filter;
  for (const std::string text :
       {"a001 FOO bar....", "GET /list HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "a  LOGIN x y....",
        "a001LOGIN x y....", "a\1\2\3 LOGIN x y...", "* LOGIN x y.....", "+ LOGIN x y.....",
        " LOGIN x y......", "abcdefghijklmnop LOGIN x y", "\x17\x03 LIST......", "a001 LOG",
        "a001 ", "a001"}) {
    EXPECT_FALSE(Matches(filter, text)) << text;
  }
}

}  // namespace
}  // namespace mailtap::classify

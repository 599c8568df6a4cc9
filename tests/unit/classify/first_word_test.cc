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

std::vector<std::string> Words() {
  std::vector<std::string> words;
  for (const Pattern& pattern : Patterns()) {
    for (const auto word : absl::StrSplit(pattern.first_words, '|', absl::SkipEmpty())) {
      words.emplace_back(word);
    }
  }
  return words;
}

std::string Folded(std::string word) {
  for (char& c : word) c = static_cast<char>(c | 0x20);
  return word;
}

TEST(FirstWord, TheTableHoldsWholeWords) {
  ASSERT_GT(Words().size(), 10u);
  for (const std::string& word : Words()) EXPECT_EQ(word.size(), FirstWordFilter::kWordBytes);
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
      EXPECT_TRUE(filter.Matches(Bytes(cased + "rest"))) << cased;
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
    EXPECT_EQ(filter.Matches(Bytes(word)), known.count(Folded(word)) != 0);
  }
  for (const std::string word : {"GET ", "SSH-", "HTTP", "\x16\x03\x01\x02", "USER", "*3\r\n",
                                 "PING", "200 ", "LHLO", "NICK"}) {
    EXPECT_FALSE(filter.Matches(Bytes(word))) << word;
  }
  EXPECT_FALSE(filter.MayMatch(Bytes("G"), 1));
  EXPECT_FALSE(filter.MayMatch(Bytes("23"), 2));
  EXPECT_FALSE(filter.MayMatch(Bytes("HEL\1"), 3) && filter.Matches(Bytes("HEL\1")));
}

}  // namespace
}  // namespace mailtap::classify

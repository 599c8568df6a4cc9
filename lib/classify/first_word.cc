#include "lib/classify/first_word.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "lib/classify/pattern_table.h"

namespace mailtap::classify {
namespace {

std::vector<uint32_t> Words(const char* Pattern::*list) {
  std::vector<uint32_t> words;
  for (const Pattern& pattern : Patterns()) {
    for (const absl::string_view word : absl::StrSplit(pattern.*list, '|', absl::SkipEmpty())) {
      std::memcpy(&words.emplace_back(), word.data(), WordSet::kWordBytes);
    }
  }
  return words;
}

}  // namespace

uint32_t LineEndsBefore(const uint8_t* text, uint32_t length) {
  constexpr uint32_t kMost = 4;
  uint32_t at = 0;
  while (at < std::min(length, kMost) && (text[at] == '\r' || text[at] == '\n')) ++at;
  return at;
}

WordSet::WordSet(std::vector<uint32_t> words) {
  for (uint32_t& word : words) word |= kFold;
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());

  // A few dozen words in 256 slots: some odd multiplier out of a few thousand parts them all.
  for (multiplier_ = 0x9e3779b1;; multiplier_ += 2) {
    slots_.fill(0);
    const bool perfect = std::all_of(words.begin(), words.end(), [&](uint32_t word) {
      uint32_t& slot = slots_[Slot(word)];
      if (slot != 0) return false;
      slot = word;
      return true;
    });
    if (perfect) return;
  }
}

bool WordSet::MayContain(const uint8_t* start, uint32_t length) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](uint32_t word) {
    uint8_t bytes[kWordBytes];
    std::memcpy(bytes, &word, sizeof(word));
    for (uint32_t i = 0; i < length; ++i) {
      if ((start[i] | 0x20) != bytes[i]) return false;
    }
    return word != 0;
  });
}

FirstWordFilter::FirstWordFilter(absl::Span<const Opening> also)
    : words_(Words(&Pattern::first_words)), tagged_(Words(&Pattern::tagged_words)) {
  constexpr uint32_t kTops = 0x80808080, kPrintable = 0x20202020;
  glimpses_.fill({.least = kPrintable, .never = kTops});
  for (int c = 0; c < 256; ++c) {
    const auto byte = static_cast<uint8_t>(c);
    if (absl::ascii_isalnum(byte)) starts_[c] |= kTag;
    if (words_.MayContain(&byte, 1)) starts_[c] |= kWord;
  }
  // Codes and words that may end with their line.
  for (const uint32_t word : Words(&Pattern::first_words)) {
    if (word >> 24 == '\r' || word >> 24 == '-') glimpses_[word & 0xff].least &= 0xffffff;
  }
  const auto add = [&](const Opening& opening) {
    starts_[opening.first] |= kOther;
    glimpses_[opening.first] = {.least = 0, .never = opening.never};
  };
  add({'\r', kTops});
  add({'\n', kTops});
  std::for_each(also.begin(), also.end(), add);
}

bool FirstWordFilter::MayMatch(const uint8_t* payload, uint32_t length) const {
  const uint32_t at = LineEndsBefore(payload, length);
  return words_.MayContain(payload + at, length - at);
}

bool FirstWordFilter::MatchesBehindLineEnds(const uint8_t* payload, uint32_t length) const {
  const uint32_t at = LineEndsBefore(payload, length);
  const uint8_t* rest = payload + at;
  if (length - at < kWordBytes) return MayMatch(rest, length - at);
  return words_.Contains(rest) || MatchesTagged(rest, length - at);
}

}  // namespace mailtap::classify

#include "lib/classify/first_word.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "lib/classify/pattern_table.h"

namespace mailtap::classify {

FirstWordFilter::FirstWordFilter() {
  std::vector<uint32_t> words;
  for (const Pattern& pattern : Patterns()) {
    for (const absl::string_view word :
         absl::StrSplit(pattern.first_words, '|', absl::SkipEmpty())) {
      uint32_t folded;
      std::memcpy(&folded, word.data(), sizeof(folded));
      words.push_back(folded | kFold);
    }
  }
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

bool FirstWordFilter::MayMatch(const uint8_t* payload, uint32_t length) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](uint32_t word) {
    uint8_t bytes[kWordBytes];
    std::memcpy(bytes, &word, sizeof(word));
    for (uint32_t i = 0; i < length; ++i) {
      if ((payload[i] | 0x20) != bytes[i]) return false;
    }
    return word != 0;
  });
}

}  // namespace mailtap::classify

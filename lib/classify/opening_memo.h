// Short texts that came before, and what was found of them: protocols that open lines like mail
// do say the same few words over and over, and a compare costs a fiftieth of a scan.
#ifndef MAILTAP_LIB_CLASSIFY_OPENING_MEMO_H_
#define MAILTAP_LIB_CLASSIFY_OPENING_MEMO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace mailtap::classify {

// One thread. The latest text of those that share a place stays.
class OpeningMemo {
 public:
  static constexpr std::size_t kLongest = 29;  // of a text that is kept, in bytes

  // What `find()` said of this text when it was last asked, or says now.
  template <typename Find>
  bool Get(absl::string_view text, bool from_start, Find&& find) {
    if (text.empty() || text.size() > kLongest) return find();
    Entry asked;
    asked.length = static_cast<uint8_t>(text.size());
    asked.from_start = from_start;
    std::memcpy(asked.text, text.data(), text.size());
    Entry& kept = entries_[Place(asked)];
    if (std::memcmp(&asked, &kept, kCompared) != 0) {
      kept = asked;
      kept.found = find();
    }
    return kept.found;
  }

 private:
  struct Entry {
    uint8_t length = 0;  // 0: empty
    bool from_start = false;
    char text[kLongest] = {};
    bool found = false;
  };
  static constexpr std::size_t kCompared = offsetof(Entry, found);
  static constexpr int kPlaceBits = 6;

  static uint32_t Place(const Entry& entry) {
    uint64_t words[4];
    static_assert(sizeof(words) == sizeof(Entry));
    std::memcpy(words, &entry, sizeof(words));
    const uint64_t mixed = (words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7) *
                           0x9e3779b97f4a7c15;  // 2^64 / golden ratio
    return static_cast<uint32_t>(mixed >> (64 - kPlaceBits));
  }

  std::array<Entry, 1 << kPlaceBits> entries_ = {};
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_OPENING_MEMO_H_

// The cheap test: does a payload open with one of the table's first words? One 4-byte load,
// case folded, one multiply and one compare.
#ifndef MAILTAP_LIB_CLASSIFY_FIRST_WORD_H_
#define MAILTAP_LIB_CLASSIFY_FIRST_WORD_H_

#include <array>
#include <cstdint>
#include <cstring>

namespace mailtap::classify {

class FirstWordFilter {
 public:
  static constexpr uint32_t kWordBytes = 4;

  // Built from Patterns().
  FirstWordFilter();

  // `payload` has at least kWordBytes bytes.
  bool Matches(const uint8_t* payload) const {
    uint32_t word;
    std::memcpy(&word, payload, sizeof(word));
    word |= kFold;
    return slots_[Slot(word)] == word;
  }

  // Whether the first `length` (< kWordBytes) bytes could be the start of a first word.
  bool MayMatch(const uint8_t* payload, uint32_t length) const;

 private:
  // Sets the bit that tells small letters from capitals. What else it merges is harmless: the
  // filter only decides who gets a closer look.
  static constexpr uint32_t kFold = 0x20202020;
  static constexpr int kSlotBits = 8;

  uint32_t Slot(uint32_t folded) const { return (folded * multiplier_) >> (32 - kSlotBits); }

  // Slot 0 of an empty table would match the folded word 0; no folded word is.
  std::array<uint32_t, 1 << kSlotBits> slots_ = {};
  uint32_t multiplier_ = 0;  // makes the hash perfect: no two words share a slot
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_FIRST_WORD_H_

// The cheap test: does a payload open with one of the table's first words? One 4-byte load,
// case folded, one multiply and one compare.
#ifndef MAILTAP_LIB_CLASSIFY_FIRST_WORD_H_
#define MAILTAP_LIB_CLASSIFY_FIRST_WORD_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "absl/types/span.h"

namespace mailtap::classify {

// How many line ends go before what `text` says, as far as these are passed over: to four
// bytes.
uint32_t LineEndsBefore(const uint8_t* text, uint32_t length);

// A set of words of four bytes, looked up by a perfect hash.
class WordSet {
 public:
  static constexpr uint32_t kWordBytes = 4;

  // The bytes of each word as they lie in memory; case is folded here.
  explicit WordSet(std::vector<uint32_t> words);

  // `word` has at least kWordBytes bytes.
  bool Contains(const uint8_t* word) const {
    uint32_t bytes;
    std::memcpy(&bytes, word, sizeof(bytes));
    bytes |= kFold;
    return slots_[Slot(bytes)] == bytes;
  }

  // Whether the first `length` (< kWordBytes) bytes could be the start of a word.
  bool MayContain(const uint8_t* start, uint32_t length) const;

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

class FirstWordFilter {
 public:
  static constexpr uint32_t kWordBytes = WordSet::kWordBytes;

  // An opening that the caller knows beside the table's: its first byte, and the bits that its
  // first four, as they lie in memory, never have.
  struct Opening {
    uint8_t first;
    uint32_t never;
  };

  // Built from Patterns().
  explicit FirstWordFilter(absl::Span<const Opening> also = {});

  // A first look: false for nearly all that neither Matches nor MayMatch nor opens with one of
  // the caller's. What is written to be read opens with four printable characters, as one in
  // fifty others does: one branch sends the rest away, with or without payload. At least
  // kWordBytes of a header lie before `payload`.
  bool Glance(const uint8_t* payload, uint32_t size) const {
    static_assert(kGlanceBytes > kLongestTag + kWordBytes && kLongestTag == 15);
    uint32_t brief = size < kGlanceBytes ? 1 : 0;
    asm("" : "+r"(brief));  // or the compiler makes it a branch, which nothing foretells
    uint32_t start;
    std::memcpy(&start, payload - kWordBytes * brief, sizeof(start));
    const Glimpse& glimpse = glimpses_[start & 0xff];
    const uint32_t unlike = ((start - glimpse.least) | start) & glimpse.never;
    if ((unlike | brief) != 0 && size - 1 >= kGlanceBytes - 1) [[likely]]
      return false;
    if (brief != 0) return starts_[payload[0]] != 0;
    return (glimpse.least == 0) | GlanceAtText(payload);
  }

  // `payload` has `length` bytes, at least kWordBytes.
  bool Matches(const uint8_t* payload, uint32_t length) const {
    if (words_.Contains(payload)) return true;
    if (payload[0] == '\r' || payload[0] == '\n') return MatchesBehindLineEnds(payload, length);
    return MatchesTagged(payload, length);
  }

  // Whether the first `length` (< kWordBytes) bytes could be the start of a first word, or of
  // one behind line ends.
  bool MayMatch(const uint8_t* payload, uint32_t length) const;

 private:
  bool GlanceAtText(const uint8_t* text) const {
    const uint32_t spaces = Spaces16(text) | 1u << 16;
    const int behind = std::countr_zero(spaces) + 1;
    return words_.Contains(text) | tagged_.Contains(text + behind);
  }

  // Clients choose their tags (RFC 9051, 2.2.1): a letter or a digit, up to 15 characters in
  // all, before a space and a command.
  bool MatchesTagged(const uint8_t* payload, uint32_t length) const {
    if ((starts_[payload[0]] & kTag) == 0) return false;
    constexpr uint32_t kStep = 8;
    for (uint32_t at = 0; at <= kLongestTag && at + kStep <= length; at += kStep) {
      uint64_t bytes;
      std::memcpy(&bytes, payload + at, sizeof(bytes));
      const uint64_t found = Spaces(bytes);
      if (found == 0) continue;
      const uint32_t word = at + static_cast<uint32_t>(std::countr_zero(found)) / 8 + 1;
      return word + kWordBytes <= length && tagged_.Contains(payload + word) &&
             IsTag(payload, word - 1);
    }
    return false;
  }

  // Binary data holds a space here and there, but its bytes are no tag.
  static bool IsTag(const uint8_t* bytes, uint32_t length) {
    return std::all_of(bytes, bytes + length,
                       [](uint8_t byte) { return byte > ' ' && byte <= '~'; });
  }

  // Some servers and clients send a line end before anything else.
  bool MatchesBehindLineEnds(const uint8_t* payload, uint32_t length) const;

  // The top bit of the lowest space, and perhaps of bytes behind it; 0 where there is none.
  static uint64_t Spaces(uint64_t bytes) {
    constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
    bytes ^= kOnes * ' ';
    return (bytes - kOnes) & ~bytes & kTops;
  }

  // Bit i tells whether byte i of the first 16 is a space.
  static uint32_t Spaces16(const uint8_t* bytes) {
#ifdef __SSE2__
    const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    return static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_cmpeq_epi8(sixteen, _mm_set1_epi8(' '))));
#else
    uint32_t spaces = 0;
    for (int i = 0; i < 16; ++i) spaces |= (bytes[i] == ' ' ? 1u : 0u) << i;
    return spaces;
#endif
  }

  // Characters of a tag that is looked for.
  static constexpr uint32_t kLongestTag = 15;

  static constexpr uint32_t kGlanceBytes = 24;  // of a payload that is glanced at as a whole

  // What a payload with this first byte may be. Nothing where it is 0.
  static constexpr uint8_t kTag = 1;
  static constexpr uint8_t kOther = 2;  // line ends, or one of the caller's
  static constexpr uint8_t kWord = 4;

  WordSet words_;
  WordSet tagged_;
  std::array<uint8_t, 256> starts_ = {};
  // By the first byte of four: what each is at least, 0 where any will do, and the bits that
  // they never have, before or after that is taken away.
  struct Glimpse {
    uint32_t least;
    uint32_t never;
  };
  std::array<Glimpse, 256> glimpses_;
};
static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_FIRST_WORD_H_

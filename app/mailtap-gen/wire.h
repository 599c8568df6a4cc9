// Numbers in network order, and the Internet checksum.
#ifndef MAILTAP_APP_MAILTAP_GEN_WIRE_H_
#define MAILTAP_APP_MAILTAP_GEN_WIRE_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace mailtap::gen {

inline void Put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
inline void Put24(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 16);
  Put16(at + 1, value);
}
inline void Put32(uint8_t* at, uint32_t value) {
  Put16(at, value >> 16);
  Put16(at + 2, value);
}
inline uint32_t Get16(const uint8_t* at) { return static_cast<uint32_t>(at[0] << 8 | at[1]); }
inline uint32_t Get32(const uint8_t* at) { return Get16(at) << 16 | Get16(at + 2); }

// `bytes` (1 to 4) of `value` at the end of `text`.
inline void Append(std::string& text, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
}

// RFC 1071. Sums of ranges of even length may be added; Finish folds and complements, and gives
// the sixteen bits as they lie in memory.
class Checksum {
 public:
  void Add(const uint8_t* data, std::size_t size) {
    // Sixteen-bit one's complement sums don't care how wide the words are that are added, as
    // long as no carry is lost: 32-bit words into 64 bits.
    uint64_t a = 0, b = 0;
    for (; size >= 16; data += 16, size -= 16) {
      uint64_t first, second;
      std::memcpy(&first, data, 8);
      std::memcpy(&second, data + 8, 8);
      a += (first & 0xffffffff) + (second & 0xffffffff);
      b += (first >> 32) + (second >> 32);
    }
    for (; size >= 2; data += 2, size -= 2) {
      uint16_t word;
      std::memcpy(&word, data, 2);
      a += word;
    }
    if (size != 0) a += *data;
    sum_ += a + b;
  }
  void AddNumber(uint32_t host_order) {
    uint8_t bytes[4];
    Put32(bytes, host_order);
    Add(bytes, 4);
  }
  uint16_t Finish() const {
    uint64_t sum = sum_;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
  }
  void Store(uint8_t* at) const {
    const uint16_t value = Finish();
    std::memcpy(at, &value, 2);
  }

 private:
  static_assert(std::endian::native == std::endian::little);
  uint64_t sum_ = 0;
};

// The checksum of one range, as it lies in memory.
inline uint16_t InternetChecksum(const uint8_t* data, std::size_t size) {
  Checksum sum;
  sum.Add(data, size);
  return sum.Finish();
}

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_WIRE_H_

// A first look at ports that a large table holds a few of: 512 bytes, which stay in a cache
// that packets stream through.
#ifndef MAILTAP_LIB_BASE_PORT_SIEVE_H_
#define MAILTAP_LIB_BASE_PORT_SIEVE_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace mailtap {

// One thread adds, any may ask at any time.
class PortSieve {
 public:
  void Add(uint16_t port) {
    words_[Word(port)].fetch_or(uint64_t{1} << (port & 63), std::memory_order_release);
  }
  // Bit 0: never 0 for a port that was added; for others mostly.
  uint64_t MayHold(uint16_t port) const {
    return words_[Word(port)].load(std::memory_order_acquire) >> (port & 63) & 1;
  }

 private:
  static constexpr uint32_t kWords = 64;
  static uint32_t Word(uint16_t port) { return port >> 6 & (kWords - 1); }

  std::array<std::atomic<uint64_t>, kWords> words_ = {};
};

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_PORT_SIEVE_H_

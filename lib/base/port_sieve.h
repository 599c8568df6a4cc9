// A first look at ports that a large table holds a few of: a kilobyte, which stays in a cache
// that packets stream through.
#ifndef MAILTAP_LIB_BASE_PORT_SIEVE_H_
#define MAILTAP_LIB_BASE_PORT_SIEVE_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace mailtap {

// One thread adds, any may ask at any time.
class PortSieve {
 public:
  void Add(uint16_t port) { held_[Place(port)].store(1, std::memory_order_release); }
  // Never 0 for a port that was added; for others mostly. Those from which clients connect
  // share no place with a server's below 16384.
  uint8_t MayHold(uint16_t port) const { return At(Place(port)); }
  // The same of two at once, each as it lies in a packet: its high byte first.
  uint8_t MayHoldEither(uint32_t raw) const { return At(raw >> 6 & 0x3ff) | At(raw >> 22); }

 private:
  // The low byte, and the top two bits.
  static uint32_t Place(uint16_t port) { return std::rotl(port, 2) & 0x3ff; }
  uint8_t At(uint32_t place) const { return held_[place].load(std::memory_order_acquire); }

  std::array<std::atomic<uint8_t>, 1024> held_ = {};
};

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_PORT_SIEVE_H_

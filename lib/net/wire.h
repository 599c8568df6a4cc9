// Reading integers from packets: unaligned, network order.
#ifndef MAILTAP_LIB_NET_WIRE_H_
#define MAILTAP_LIB_NET_WIRE_H_

#include <bit>
#include <cstdint>
#include <cstring>

namespace mailtap::net {

static_assert(std::endian::native == std::endian::little,
              "the loads below swap bytes unconditionally");

// The caller has checked that the bytes are there.
inline uint16_t Load16(const uint8_t* p) {
  uint16_t v;
  std::memcpy(&v, p, sizeof(v));
  return __builtin_bswap16(v);
}
inline uint32_t Load32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof(v));
  return __builtin_bswap32(v);
}
// As they lie in memory, for hashing and comparing.
inline uint32_t LoadRaw32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_WIRE_H_

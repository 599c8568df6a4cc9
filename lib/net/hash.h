// The two hashes of a flow. Both are symmetric: a packet and its answer hash alike.
//
// The address hash spreads traffic over workers and is made of the two addresses alone, so that
// both directions, all fragments and all of a conversation's sessions meet at one worker. The
// flow hash adds the ports and finds the session.
#ifndef MAILTAP_LIB_NET_HASH_H_
#define MAILTAP_LIB_NET_HASH_H_

#include <bit>
#include <cstdint>

namespace mailtap::net {

// The 128-bit product folded onto itself: every input bit reaches every output bit.
inline uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline constexpr uint64_t kHashSeed1 = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
inline constexpr uint64_t kHashSeed2 = 0xc2b2ae3d27d4eb4f;  // a prime (xxHash's second)

// Sum and xor are symmetric; together they lose only which operand was which.
inline uint64_t SymmetricHash(uint64_t a, uint64_t b) {
  return Mix((a ^ b) ^ kHashSeed1, (a + b) ^ kHashSeed2);
}

// `a` and `b`: IPv4 addresses as they lie in memory, or FoldV6 of IPv6 ones.
inline uint64_t AddressHash(uint64_t a, uint64_t b) { return SymmetricHash(a, b); }
inline uint64_t FoldV6(uint64_t high, uint64_t low) {
  return Mix(high ^ kHashSeed2, low ^ kHashSeed1);
}

inline uint64_t FlowHash(uint64_t address_hash, uint16_t port_a, uint16_t port_b) {
  const uint64_t ports =
      static_cast<uint64_t>(port_a ^ port_b) << 32 | static_cast<uint32_t>(port_a + port_b);
  return Mix(address_hash ^ kHashSeed1, ports ^ kHashSeed2);
}

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_HASH_H_

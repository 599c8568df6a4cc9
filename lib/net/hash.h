// The hashes of a flow. All are symmetric: a packet and its answer hash alike.
//
// The address hash spreads traffic over workers and is made of the two addresses alone, so that
// both directions, all fragments and all of a conversation's sessions meet at one worker. The
// flow hash adds the ports and finds the session. The rough hash is the one that every packet
// can afford: it only chooses which of them are looked at more closely.
#ifndef MAILTAP_LIB_NET_HASH_H_
#define MAILTAP_LIB_NET_HASH_H_

#include <bit>
#include <cstdint>

#include "lib/base/cache_line.h"
#include "lib/net/address.h"
#include "lib/net/wire.h"

namespace mailtap::net {

// The 128-bit product folded onto itself: every input bit reaches every output bit.
inline uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline constexpr uint64_t kHashSeed1 = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
inline constexpr uint64_t kHashSeed2 = 0xc2b2ae3d27d4eb4f;  // a prime (xxHash's second)

// By these of an address hash's bits a replay spreads traffic over workers. A table whose
// entries displace each other is indexed by them first: what meets there then meets at one
// worker, whatever the number of workers, and so do its losses.
inline constexpr uint64_t kSpreadBits = 0xff;

// What the hashes depend on beside their input. Whoever knows it can choose addresses that all
// meet in one place of a table, and stall it with some ten thousand packets (Crosby and
// Wallach, "Denial of Service via Algorithmic Complexity Attacks", 2003). A live sensor draws
// one of its own; the known one makes replays repeatable.
struct alignas(kCacheLine) HashKey {  // on a line that nothing is written to
  uint64_t first = kHashSeed1;
  uint64_t second = kHashSeed2;
};
namespace internal {
inline HashKey hash_key;
}  // namespace internal

// For the whole process, before any thread or table hashes: what was hashed before is not found
// again.
inline void SetHashKey(const HashKey& key) { internal::hash_key = key; }
// A key that nobody can know, from the system's source of randomness. Any thread.
HashKey RandomHashKey();

// Ordering the operands loses which was which, and nothing else: sum and xor, say, are alike
// for (10.0.0.1, 10.0.0.2) and (10.0.0.0, 10.0.0.3).
inline uint64_t SymmetricHash(uint64_t a, uint64_t b) {
  const uint64_t low = a < b ? a : b;
  const uint64_t high = a < b ? b : a;
  // Under some keys one product leaves neighbours' low bits alike.
  return Mix(Mix(low ^ internal::hash_key.first, high ^ internal::hash_key.second), kHashSeed2);
}

// `a` and `b`: IPv4 addresses as they lie in memory, or FoldV6 of IPv6 ones.
inline uint64_t AddressHash(uint64_t a, uint64_t b) { return SymmetricHash(a, b); }
inline uint64_t FoldV6(uint64_t high, uint64_t low) {
  return Mix(high ^ internal::hash_key.second, low ^ internal::hash_key.first);
}

// Of two stored addresses. Mapped addresses hash as IPv4 whatever packet they came in, since a
// stored address does not tell (RFC 4942, 2.2: an IPv6 packet may carry them in malice).
inline uint64_t AddressHash(const IpAddress& a, const IpAddress& b) {
  if (a.is_v4() && b.is_v4()) {
    return AddressHash(LoadRaw32(a.bytes + 12), LoadRaw32(b.bytes + 12));
  }
  return AddressHash(FoldV6(a.raw_high(), a.raw_low()), FoldV6(b.raw_high(), b.raw_low()));
}

// `ports`: one in each half, in either order. `encap_tag` keeps equal addresses in different
// address spaces apart; 0 for none.
inline uint64_t FlowHash(uint64_t address_hash, uint32_t ports, uint32_t encap_tag = 0) {
  const uint32_t swapped = std::rotl(ports, 16);
  const uint32_t pair = ports < swapped ? ports : swapped;
  return Mix(address_hash ^ internal::hash_key.first,
             (uint64_t{encap_tag} << 32 | pair) ^ internal::hash_key.second);
}
// Of a name or a list: start with how many parts it has, and add each.
inline uint64_t StartHash(uint64_t count) { return count ^ internal::hash_key.first; }
inline uint64_t AddToHash(uint64_t hash, uint64_t part) { return Mix(hash ^ part, kHashSeed2); }
inline uint32_t PortPair(uint16_t a, uint16_t b) { return uint32_t{a} << 16 | b; }
// Two ports as they lie in a header, loaded at once.
inline uint32_t RawPorts(uint16_t source, uint16_t destination) {
  return __builtin_bswap32(PortPair(source, destination));
}

// What the rough hash takes of two addresses; `a` and `b` of IPv4 as they lie in memory. Mapped
// addresses have the same.
inline uint64_t AddressSum(const IpAddress& a, const IpAddress& b) {
  constexpr uint64_t kMapping = 0xffff0000;  // of ::ffff:0:0/96
  return a.raw_high() + a.raw_low() + b.raw_high() + b.raw_low() - 2 * kMapping;
}
inline uint64_t AddressSum(uint32_t a, uint32_t b) { return (uint64_t{a} + b) << 32; }

// Sums tell fewer flows apart than ordering does: (10.0.0.1, 10.0.0.4) and (10.0.0.2, 10.0.0.3)
// are alike, with equal sums of their ports. Without a key: all that is to be had by hitting
// one of its values is a closer look at more packets. `raw_ports`: see RawPorts.
inline uint16_t RoughHash(uint64_t address_sum, uint32_t raw_ports) {
  const uint32_t port_sum = raw_ports + std::rotl(raw_ports, 16);
  return static_cast<uint16_t>(((address_sum ^ port_sum * kHashSeed1) * kHashSeed2) >> 48);
}

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_HASH_H_

// The size that layouts are checked against, and asking for what lies in several lines.
#ifndef MAILTAP_LIB_BASE_CACHE_LINE_H_
#define MAILTAP_LIB_BASE_CACHE_LINE_H_

#include <cstddef>
#include <cstdint>

namespace mailtap {

// x86-64 and the arm64 servers that DPDK supports. std::hardware_destructive_interference_size
// varies with compiler flags, which would change layouts between translation units.
inline constexpr std::size_t kCacheLine = 64;

// Brings a line of a packet, which comes from memory, into the second-level cache. On the way
// into the first it would take one of the few places that other misses need meanwhile; as data
// that is read once it would bypass the second, for which Intel's processors take twice as
// long.
inline void PrefetchPacket(const void* line) {
  constexpr int kRead = 0, kSecondLevel = 2;
  __builtin_prefetch(line, kRead, kSecondLevel);
}

// Brings all lines that hold a part of `object` towards the cache.
template <typename T>
void PrefetchWhole(const T& object) {
  const auto start = reinterpret_cast<uintptr_t>(&object);
  for (uintptr_t at = start / kCacheLine * kCacheLine; at < start + sizeof(T);
       at += kCacheLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(at));
  }
}

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_CACHE_LINE_H_

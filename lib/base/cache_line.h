// The size that layouts are checked against, and asking for what lies in several lines.
#ifndef MAILTAP_LIB_BASE_CACHE_LINE_H_
#define MAILTAP_LIB_BASE_CACHE_LINE_H_

#include <cstddef>
#include <cstdint>

namespace mailtap {

// x86-64 and the arm64 servers that DPDK supports. std::hardware_destructive_interference_size
// varies with compiler flags, which would change layouts between translation units.
inline constexpr std::size_t kCacheLine = 64;

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

// Sizes that layouts are checked against.
#ifndef MAILTAP_LIB_BASE_CACHE_LINE_H_
#define MAILTAP_LIB_BASE_CACHE_LINE_H_

#include <cstddef>

namespace mailtap {

// x86-64 and the arm64 servers that DPDK supports. std::hardware_destructive_interference_size
// varies with compiler flags, which would change layouts between translation units.
inline constexpr std::size_t kCacheLine = 64;

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_CACHE_LINE_H_

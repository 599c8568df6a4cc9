// Tables that grow, in huge pages where the kernel has them: at a million entries each access
// is a TLB miss otherwise.
#ifndef MAILTAP_LIB_BASE_LARGE_VECTOR_H_
#define MAILTAP_LIB_BASE_LARGE_VECTOR_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/base/pool.h"

namespace mailtap {

// Throws std::bad_alloc like any other.
template <typename T>
struct LargeAllocator {
  static_assert(alignof(T) <= kCacheLine);
  using value_type = T;

  LargeAllocator() = default;
  template <typename U>
  LargeAllocator(const LargeAllocator<U>&) {}

  T* allocate(std::size_t count) {
    constexpr std::size_t kMost = PTRDIFF_MAX / sizeof(T) - kCacheLine;
    if (count > kMost) throw std::bad_array_new_length();
    const std::size_t bytes = (count * sizeof(T) + kCacheLine - 1) / kCacheLine * kCacheLine;
    void* memory = std::aligned_alloc(kCacheLine, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    AdviseHugePages(memory, bytes);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) { std::free(memory); }

  friend bool operator==(const LargeAllocator&, const LargeAllocator&) { return true; }
};

template <typename T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

template <typename Key, typename Value>
using LargeMap = absl::flat_hash_map<Key, Value, absl::Hash<Key>, std::equal_to<Key>,
                                     LargeAllocator<std::pair<const Key, Value>>>;

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_LARGE_VECTOR_H_

// Tables of a size fixed at the start, whose memory costs nothing until it is used.
//
// The kernel hands out zeroed pages as they are first touched, so that a short replay pays for
// what it needs. A sensor that must not wait for pages touches all of them at its start (see
// mlockall(2)).
#ifndef MAILTAP_LIB_BASE_POOL_H_
#define MAILTAP_LIB_BASE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "lib/base/cache_line.h"

namespace mailtap {

// Asks the kernel to back what lies whole inside with huge pages. Of less than 4 MB they would
// waste most; where the advice is refused, pages are small.
void AdviseHugePages(void* memory, std::size_t bytes);

// Zeroed bytes, aligned to a cache line, in huge pages where the kernel has them: these spare a
// TLB miss an access. One owner; freed by the destructor.
class ZeroedBytes {
 public:
  // Throws std::bad_alloc, at the start only.
  explicit ZeroedBytes(std::size_t bytes);
  ~ZeroedBytes();
  ZeroedBytes(const ZeroedBytes&) = delete;
  ZeroedBytes& operator=(const ZeroedBytes&) = delete;

  void* get() const { return aligned_; }

 private:
  void* memory_;
  void* aligned_;
};

// An array of elements for which all bits zero is a fair start.
template <typename T>
class ZeroedArray {
 public:
  static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= kCacheLine);

  explicit ZeroedArray(std::size_t size)
      : bytes_(size * sizeof(T)), data_(static_cast<T*>(bytes_.get())), size_(size) {}

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* data() { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  ZeroedBytes bytes_;
  T* data_;
  std::size_t size_;
};

// Elements to take and give back, by index. `kLink` is a member of which the pool makes use
// while the element is free; the rest is as it was left, or zero where it was never taken.
template <typename T, uint32_t T::*kLink>
class Pool {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit Pool(std::size_t capacity) : elements_(capacity) {}

  // The element given back last, or one never taken, in order; kNone when all are taken.
  uint32_t Take() {
    const uint32_t index = free_;
    if (index != kNone) {
      free_ = elements_[index].*kLink;
    } else if (touched_ == capacity()) {
      return kNone;
    }
    ++used_;
    return index != kNone ? index : touched_++;
  }
  void Give(uint32_t index) {
    elements_[index].*kLink = free_;
    free_ = index;
    --used_;
  }

  T& operator[](uint32_t index) { return elements_[index]; }
  const T& operator[](uint32_t index) const { return elements_[index]; }
  T* data() { return elements_.data(); }
  uint32_t used() const { return used_; }
  uint32_t capacity() const { return static_cast<uint32_t>(elements_.size()); }
  std::size_t bytes() const { return elements_.bytes(); }
  // Elements from this index on have never been taken.
  uint32_t touched() const { return touched_; }

 private:
  ZeroedArray<T> elements_;
  uint32_t free_ = kNone;
  uint32_t touched_ = 0;
  uint32_t used_ = 0;
};

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_POOL_H_

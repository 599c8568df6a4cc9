#include "lib/base/pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace mailtap {
namespace {

uintptr_t AlignUp(const void* p, std::size_t to) {
  return (reinterpret_cast<uintptr_t>(p) + to - 1) / to * to;
}

}  // namespace

ZeroedBytes::ZeroedBytes(std::size_t bytes) : memory_(std::calloc(bytes + kCacheLine, 1)) {
  if (memory_ == nullptr) throw std::bad_alloc();
  aligned_ = reinterpret_cast<void*>(AlignUp(memory_, kCacheLine));
  // Smaller tables would waste most of a huge page.
  constexpr std::size_t kHugePage = 2 << 20;
  if (bytes < 2 * kHugePage) return;
  constexpr std::size_t kPage = 4096;
  const uintptr_t start = AlignUp(memory_, kPage);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(memory_) + bytes) / kPage * kPage;
  // Advice: where it is refused, pages are small.
  ::madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
}

ZeroedBytes::~ZeroedBytes() { std::free(memory_); }

}  // namespace mailtap

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

void AdviseHugePages(void* memory, std::size_t bytes) {
  constexpr std::size_t kHugePage = 2 << 20, kPage = 4096;
  if (bytes < 2 * kHugePage) return;
  const uintptr_t start = AlignUp(memory, kPage);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) / kPage * kPage;
  ::madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
}

ZeroedBytes::ZeroedBytes(std::size_t bytes) : memory_(std::calloc(bytes + kCacheLine, 1)) {
  if (memory_ == nullptr) throw std::bad_alloc();
  aligned_ = reinterpret_cast<void*>(AlignUp(memory_, kCacheLine));
  AdviseHugePages(memory_, bytes);
}

ZeroedBytes::~ZeroedBytes() { std::free(memory_); }

}  // namespace mailtap

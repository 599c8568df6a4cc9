#include "lib/exchange/ring.h"

#include <algorithm>
#include <bit>

namespace mailtap::exchange {

RecordRing::RecordRing(std::size_t capacity_bytes)
    : mask_(std::bit_ceil(std::max<std::size_t>(capacity_bytes, 4096)) - 1),
      data_(std::make_unique_for_overwrite<std::byte[]>(mask_ + 1)) {}

bool RecordRing::HasRoom(std::size_t size) {
  const uint64_t end = tail_.load(std::memory_order_relaxed) + size;
  if (end - seen_head_ <= capacity()) return true;
  seen_head_ = head_.load(std::memory_order_acquire);
  return end - seen_head_ <= capacity();
}

std::byte* RecordRing::Reserve(std::size_t size) {
  write_ = tail_.load(std::memory_order_relaxed);
  const uint64_t offset = write_ & mask_;
  // A record lies in one piece: what is left before the wrap is skipped with a padding record.
  // Sizes are multiples of 8, so a header always fits in what is left.
  const uint64_t to_wrap = mask_ + 1 - offset;
  const uint64_t padding = to_wrap < size ? to_wrap : 0;
  if (!HasRoom(size + padding)) return nullptr;
  if (padding != 0) {
    const Header header{static_cast<uint32_t>(padding), Kind::kPadding};
    std::memcpy(data_.get() + offset, &header, sizeof(header));
    write_ += padding;
  }
  return data_.get() + (write_ & mask_);
}

}  // namespace mailtap::exchange

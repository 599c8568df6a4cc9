#include "lib/flow/hole_pool.h"

namespace mailtap::flow {

HolePool::HolePool(uint32_t capacity) : holes_(capacity) {
  for (uint32_t i = 0; i < capacity; ++i) {
    holes_[i].next = free_;
    free_ = i;
  }
}

uint32_t HolePool::Allocate(uint32_t owner, End end, UnixNanos now) {
  const uint32_t index = free_;
  if (index == kNone) return kNone;
  Hole& hole = holes_[index];
  free_ = hole.next;
  hole = {.created = now,
          .start = 0,
          .length = 0,
          .next = kNone,
          .age_next = kNone,
          .age_prev = youngest_,
          .owner = owner,
          .end = static_cast<uint8_t>(end),
          .provisional = false};
  if (youngest_ != kNone) {
    holes_[youngest_].age_next = index;
  } else {
    oldest_ = index;
  }
  youngest_ = index;
  ++used_;
  return index;
}

void HolePool::Free(uint32_t index) {
  Hole& hole = holes_[index];
  (hole.age_prev != kNone ? holes_[hole.age_prev].age_next : oldest_) = hole.age_next;
  (hole.age_next != kNone ? holes_[hole.age_next].age_prev : youngest_) = hole.age_prev;
  hole.next = free_;
  free_ = index;
  --used_;
}

}  // namespace mailtap::flow

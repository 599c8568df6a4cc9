#include "lib/flow/hole_pool.h"

namespace mailtap::flow {

HolePool::HolePool(uint32_t capacity) : holes_(capacity) {}

uint32_t HolePool::Allocate(uint32_t owner, End end, UnixNanos now) {
  uint32_t older = kNone;
  const int64_t tick = TickOf(now);
  for (int64_t at = tick; at > tick - kTicks && older == kNone; --at) {
    if (LastOf(at).tick == at) older = LastOf(at).index;
  }
  return AllocateAfter(older, owner, static_cast<uint8_t>(end), now);
}

uint32_t HolePool::AllocateTwin(uint32_t index) {
  const Hole& hole = holes_[index];
  return AllocateAfter(index, hole.owner, hole.end, hole.created);
}

uint32_t HolePool::AllocateAfter(uint32_t older, uint32_t owner, uint8_t end,
                                 UnixNanos created) {
  const uint32_t index = holes_.Take();
  if (index == kNone) return kNone;
  const uint32_t younger = older == kNone ? oldest_ : holes_[older].age_next;
  holes_[index] = {.created = created,
                   .start = 0,
                   .length = 0,
                   .next = kNone,
                   .age_next = younger,
                   .age_prev = older,
                   .owner = owner,
                   .claimed = 0,
                   .end = end,
                   .steps = 0,
                   .provisional = false,
                   .by_ack = false,
                   .late = false,
                   .plausible = false,
                   .witnessed = false,
                   .doubted = false};
  (older != kNone ? holes_[older].age_next : oldest_) = index;
  if (younger != kNone) holes_[younger].age_prev = index;
  const int64_t tick = TickOf(created);
  Last& last = LastOf(tick);
  if (last.index == kNone || (last.tick == tick && last.index == older)) last = {tick, index};
  return index;
}

void HolePool::Free(uint32_t index) {
  Hole& hole = holes_[index];
  (hole.age_prev != kNone ? holes_[hole.age_prev].age_next : oldest_) = hole.age_next;
  if (hole.age_next != kNone) holes_[hole.age_next].age_prev = hole.age_prev;
  Last& last = LastOf(TickOf(hole.created));
  if (last.index == index) {
    const bool same =
        hole.age_prev != kNone && TickOf(holes_[hole.age_prev].created) == last.tick;
    last.index = same ? hole.age_prev : kNone;
  }
  holes_.Give(index);
}

}  // namespace mailtap::flow

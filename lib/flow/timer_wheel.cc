#include "lib/flow/timer_wheel.h"

#include <algorithm>

namespace mailtap::flow {

void TimerWheel::Schedule(uint32_t index, int64_t tick) {
  tick = std::clamp(tick, next_tick_, next_tick_ + kSlots - 1);
  const auto slot = static_cast<uint16_t>(tick & (kSlots - 1));
  ColdSession& cold = colds_[index];
  uint32_t& head = heads_[slot];
  cold.timer_slot = slot;
  cold.timer_prev = kNone;
  cold.timer_next = head;
  if (head != kNone) colds_[head].timer_prev = index;
  head = index;
}

void TimerWheel::Cancel(uint32_t index) {
  ColdSession& cold = colds_[index];
  if (cold.timer_slot == kOffWheel) return;
  (cold.timer_prev != kNone ? colds_[cold.timer_prev].timer_next : heads_[cold.timer_slot]) =
      cold.timer_next;
  if (cold.timer_next != kNone) colds_[cold.timer_next].timer_prev = cold.timer_prev;
  cold.timer_slot = kOffWheel;
}

void TimerWheel::PutBack(uint32_t index, uint32_t rest) {
  Schedule(index, next_tick_);
  for (uint32_t next; rest != kNone; rest = next) {
    next = colds_[rest].timer_next;
    Schedule(rest, next_tick_);
  }
}

int64_t TimerWheel::NextTick() const {
  for (int64_t tick = next_tick_; tick < next_tick_ + kSlots; ++tick) {
    if (heads_[tick & (kSlots - 1)] != kNone) return tick;
  }
  return INT64_MAX;
}

}  // namespace mailtap::flow

// When each session is looked at next. One slot a second; sessions of a slot form a list
// through their cold records. A session due later than the wheel is long is met on the way and
// put back.
#ifndef MAILTAP_LIB_FLOW_TIMER_WHEEL_H_
#define MAILTAP_LIB_FLOW_TIMER_WHEEL_H_

#include <cstdint>
#include <vector>

#include "lib/flow/session.h"

namespace mailtap::flow {

class TimerWheel {
 public:
  static constexpr int64_t kSlots = 4096;  // over an hour: the longest default timeout fits

  // `colds` is the array that indexes refer to; it must outlive the wheel and not move.
  explicit TimerWheel(ColdSession* colds) : colds_(colds), heads_(kSlots, kNone) {}

  // Sets the first tick that FireUntil will fire. Once, before anything is scheduled.
  void Start(int64_t tick) { next_tick_ = tick; }

  // Puts session `index` (on no list) under `tick`, or under the next tick that has not yet
  // been fired where `tick` is past.
  void Schedule(uint32_t index, int64_t tick);
  void Cancel(uint32_t index);

  // Calls fire(index) for every session scheduled up to and including `tick`, taken off its
  // list; fire may Schedule that session again, and no other. Ticks skipped since the last call
  // are fired too. Where fire returns false it has left its session as it was: that one and
  // those behind it stay for the next call, and FireUntil returns false.
  template <typename Fire>
  bool FireUntil(int64_t tick, Fire&& fire) {
    if (tick < next_tick_) return true;
    // Once round the wheel meets everything.
    int64_t at = tick - next_tick_ >= kSlots ? tick - kSlots + 1 : next_tick_;
    for (; at <= tick; ++at) {
      // Moved tick by tick: a session put back a whole round ahead then lands in this slot,
      // which is empty by now, and not in one that this loop has yet to come to.
      next_tick_ = at + 1;
      uint32_t& head = heads_[at & (kSlots - 1)];
      uint32_t index = head;
      head = kNone;
      while (index != kNone) {
        const uint32_t next = colds_[index].timer_next;
        colds_[index].timer_slot = kOffWheel;
        if (next != kNone) colds_[next].timer_prev = kNone;
        if (!fire(index)) {
          next_tick_ = at;
          PutBack(index, next);
          return false;
        }
        index = next;
      }
    }
    return true;
  }

  // The earliest tick with a session scheduled, or INT64_MAX.
  int64_t NextTick() const;

 private:
  // Under the tick at hand: a session that was taken off, and those behind it in its list.
  void PutBack(uint32_t index, uint32_t rest);

  ColdSession* colds_;
  std::vector<uint32_t> heads_;
  int64_t next_tick_ = 0;  // the first tick not yet fired
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_TIMER_WHEEL_H_

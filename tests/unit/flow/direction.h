// One session with its accounting, for tests: end 0 sends what is tested, end 1 acknowledges.
#ifndef MAILTAP_TESTS_UNIT_FLOW_DIRECTION_H_
#define MAILTAP_TESTS_UNIT_FLOW_DIRECTION_H_

#include <cstdint>

#include "lib/flow/sequence.h"
#include "lib/flow/session_table.h"

namespace mailtap::flow {

class Direction {
 public:
  static constexpr End kSender = 0;

  explicit Direction(uint32_t pool = 1'024) : table_(8), pool_(pool) {
    SessionKey key;
    key.source_port = 40'000;
    key.destination_port = 25;
    slot_ = table_.Insert(key, 1, 0);
  }

  // `first` is the number of the first payload byte.
  void Synchronize(uint32_t first) {
    sequencer_.Synchronize(hot(), cold(), kSender, first, now);
  }
  void Segment(uint32_t seq, uint32_t length, bool fin = false) {
    sequencer_.OnSegment(hot(), cold(), kSender, seq, length, fin, now);
    hot().state.seen |= EndBit(kSender);  // as a worker does
  }
  void Fin(uint32_t seq) { Segment(seq, 0, true); }
  void Ack(uint32_t ack) { sequencer_.OnAck(hot(), cold(), kSender, ack, now); }

  // As a worker does at a tick: holes older than 3 s are settled.
  void SettleDue() {
    while (pool_.oldest() != kNone &&
           pool_[pool_.oldest()].created + 3 * kNanosPerSecond <= now) {
      sequencer_.Settle(hot(), cold(), pool_.oldest());
    }
  }
  void SettleAll() { sequencer_.SettleAll(hot(), cold()); }

  uint32_t observed() { return cold().pending_observed[kSender]; }
  uint32_t inferred() { return cold().pending_inferred[kSender]; }
  uint32_t repeated() { return cold().pending_repeated[kSender]; }
  // Bytes in holes, which are neither observed nor inferred yet.
  uint32_t missing() {
    uint32_t bytes = 0;
    for (uint32_t i = cold().holes[kSender]; i != kNone; i = pool_[i].next) {
      if (!pool_[i].provisional) bytes += pool_[i].length;
    }
    return bytes;
  }
  int holes() {
    int count = 0;
    for (uint32_t i = cold().holes[kSender]; i != kNone; i = pool_[i].next) ++count;
    return count;
  }
  // Holes lie in order, below the mark, without touching each other's numbers.
  bool HolesAreInOrder() {
    uint32_t end = hot().base[kSender];
    for (uint32_t i = cold().holes[kSender]; i != kNone; i = pool_[i].next) {
      if (pool_[i].provisional) continue;
      if (Distance(pool_[i].start, end) < 0 || pool_[i].length == 0) return false;
      end = pool_[i].start + pool_[i].length;
    }
    return Distance(hot().mark[kSender], end) >= 0;
  }

  HotSession& hot() { return table_.hot(slot_); }
  ColdSession& cold() { return table_.cold(hot()); }
  HolePool& pool() { return pool_; }
  const SequenceCounters& counters() const { return counters_; }

  UnixNanos now = 1'000 * kNanosPerSecond;

 private:
  SessionTable table_;
  HolePool pool_;
  SequenceCounters counters_;
  Sequencer sequencer_{pool_, counters_};
  uint32_t slot_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_TESTS_UNIT_FLOW_DIRECTION_H_

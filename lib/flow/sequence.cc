#include "lib/flow/sequence.h"

#include <algorithm>

namespace mailtap::flow {

void Sequencer::Synchronize(HotSession& hot, ColdSession& cold, End end, uint32_t first_byte,
                            UnixNanos now) {
  if (TestEnd(hot.state.synced, end)) return;
  if (!TestEnd(hot.state.based, end)) {
    hot.base[end] = hot.mark[end] = first_byte;
  } else {
    const int32_t below = Distance(hot.base[end], first_byte);
    if (below < 0 || below > kTrustedJump) return;
    if (below > 0) {
      Open(hot, cold, end, first_byte, static_cast<uint32_t>(below), now);
      hot.base[end] = first_byte;
    }
  }
  hot.state.based |= EndBit(end);
  hot.state.synced |= EndBit(end);
}

void Sequencer::OnSegment(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                          uint32_t length, bool fin, UnixNanos now) {
  if (!TestEnd(hot.state.based, end)) {
    hot.base[end] = hot.mark[end] = seq;
    hot.state.based |= EndBit(end);
  }
  // Past its FIN a sender has nothing more to say; its last ACKs carry the number after it.
  if (TestEnd(hot.state.fin, end) && Distance(seq + length, hot.mark[end]) > 0) {
    if (length != 0) counters_.out_of_window.Add(1);
    return;
  }
  if (length != 0) hot.state.payload |= EndBit(end);
  Advance(hot, cold, end, seq, length, now);
  if (fin && hot.mark[end] == seq + length) hot.state.fin |= EndBit(end);
}

void Sequencer::OnAck(HotSession& hot, ColdSession& cold, End end, uint32_t ack,
                      UnixNanos now) {
  if (!TestEnd(hot.state.based, end)) {
    hot.base[end] = hot.mark[end] = ack;
    hot.state.based |= EndBit(end);
    return;
  }
  const int32_t ahead = Distance(ack, hot.mark[end]);
  if (ahead > 0) {
    if (TestEnd(hot.state.fin, end)) {
      if (ahead > 1) return;  // acknowledges more than there is
    } else if (ahead > kTrustedJump) {
      if (!Jump(hot, cold, end, ack, 0, /*by_ack=*/true, now)) return;
    } else {
      Open(hot, cold, end, hot.mark[end], static_cast<uint32_t>(ahead), now);
      hot.mark[end] = ack;
    }
  }
  // One number past the base may be a FIN that the mirror lost, unless payload was seen.
  const int32_t acknowledged = Distance(ack, hot.base[end]);
  if (acknowledged > (TestEnd(hot.state.payload, end) ? 0 : 1)) {
    hot.state.acked |= EndBit(end);
  }
}

void Sequencer::Advance(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                        uint32_t length, UnixNanos now) {
  const int32_t ahead = Distance(seq, hot.mark[end]);
  if (ahead == 0) {
    hot.mark[end] += length;
    cold.pending_observed[end] += length;
  } else if (ahead > kTrustedJump || ahead < -kLateCopy) {
    Jump(hot, cold, end, seq, length, /*by_ack=*/false, now);
  } else if (ahead > 0) {
    Open(hot, cold, end, hot.mark[end], static_cast<uint32_t>(ahead), now);
    hot.mark[end] = seq + length;
    cold.pending_observed[end] += length;
  } else if (length != 0) {
    BelowMark(hot, cold, end, seq, length, now);
  }
}

// Payload that starts below the mark: a late arrival, a copy, or a copy with something new.
void Sequencer::BelowMark(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                          uint32_t length, UnixNanos now) {
  // A keep-alive repeats the last byte, or sends an arbitrary one in its place (RFC 9293,
  // 3.8.4): no copy of anything.
  if (length == 1 && seq + 1 == hot.mark[end]) return;
  const int32_t below_base = Distance(hot.base[end], seq);
  if (below_base > 0) {
    if (TestEnd(hot.state.synced, end) || below_base > kTrustedJump) {
      counters_.out_of_window.Add(1);
    } else {
      LowerBase(hot, cold, end, seq, length, now);
    }
    if (length <= static_cast<uint32_t>(below_base)) return;
    seq += below_base;
    length -= below_base;
  }
  const uint32_t to_mark = hot.mark[end] - seq;
  const uint32_t old = std::min(length, to_mark);
  const uint32_t filled = Fill(cold, end, seq, old);
  cold.pending_observed[end] += filled + (length - old);
  cold.pending_repeated[end] += old - filled;
  hot.mark[end] += length - old;
}

// A mid-stream start was not the first of what the mirror had: it came out of order.
void Sequencer::LowerBase(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                          uint32_t length, UnixNanos now) {
  const uint32_t below = hot.base[end] - seq;
  const uint32_t present = std::min(length, below);
  cold.pending_observed[end] += present;
  if (present < below) Open(hot, cold, end, seq + present, below - present, now);
  hot.base[end] = seq;
}

// Takes [seq, seq + length) out of the holes; returns how many bytes were in one.
uint32_t Sequencer::Fill(ColdSession& cold, End end, uint32_t seq, uint32_t length) {
  uint32_t filled = 0;
  for (uint32_t index = cold.holes[end]; index != kNone;) {
    Hole& hole = holes_[index];
    const uint32_t next = hole.next;
    // Offsets from `seq`; the hole covers [from, to).
    const int32_t from = Distance(hole.start, seq);
    const int32_t to = from + static_cast<int32_t>(hole.length);
    const int32_t covered_from = std::max(from, 0);
    const int32_t covered_to = std::min(to, static_cast<int32_t>(length));
    if (!hole.provisional && covered_from < covered_to) {
      filled += static_cast<uint32_t>(covered_to - covered_from);
      if (covered_from == from && covered_to == to) {
        Unlink(cold, end, index);
        holes_.Free(index);
      } else if (covered_from == from) {
        hole.start += static_cast<uint32_t>(covered_to - from);
        hole.length = static_cast<uint32_t>(to - covered_to);
      } else {
        hole.length = static_cast<uint32_t>(covered_from - from);
        if (covered_to < to) {
          // The middle was filled: the rest becomes a hole of the same age.
          const uint32_t rest = holes_.Allocate(hole.owner, end, hole.created);
          if (rest == kNone) {
            cold.pending_inferred[end] += static_cast<uint32_t>(to - covered_to);
            counters_.hole_overflows.Add(1);
          } else {
            holes_[rest].start = seq + static_cast<uint32_t>(covered_to);
            holes_[rest].length = static_cast<uint32_t>(to - covered_to);
            holes_[rest].next = next;
            hole.next = rest;
          }
        }
      }
    }
    index = next;
  }
  return filled;
}

void Sequencer::Open(HotSession& hot, ColdSession& cold, End end, uint32_t start,
                     uint32_t length, UnixNanos now) {
  hot.state.gap |= EndBit(end);
  int count = 0;
  uint32_t before = kNone;  // the last hole below `start`
  for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
    ++count;
    if (!holes_[i].provisional && Distance(holes_[i].start, start) < 0) before = i;
  }
  if (count >= kMaxHoles) {
    counters_.hole_overflows.Add(1);
    const uint32_t lowest = cold.holes[end];
    if (before == lowest) before = kNone;
    Settle(hot, cold, lowest);
  }
  const uint32_t index = holes_.Allocate(hot.cold, end, now);
  if (index == kNone) {
    counters_.hole_overflows.Add(1);
    cold.pending_inferred[end] += length;
    return;
  }
  Hole& hole = holes_[index];
  hole.start = start;
  hole.length = length;
  uint32_t& link = before == kNone ? cold.holes[end] : holes_[before].next;
  hole.next = link;
  link = index;
}

uint32_t Sequencer::FindJump(const ColdSession& cold, End end) {
  for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
    if (holes_[i].provisional) return i;
  }
  return kNone;
}

// Something claims that `end` has sent up to `at`, far from the mark. Believed, and accounted,
// when it follows on what an earlier claim said; until then it is only remembered. A copy of
// the earlier claim confirms nothing: mirrors duplicate forged packets too. Returns true where
// it was believed.
bool Sequencer::Jump(HotSession& hot, ColdSession& cold, End end, uint32_t at, uint32_t length,
                     bool by_ack, UnixNanos now) {
  uint32_t index = FindJump(cold, end);
  if (index != kNone) {
    const Hole jump = holes_[index];
    const int32_t beyond = Distance(at, jump.start + jump.length);
    const bool says_more = beyond > 0 || length != 0 || (by_ack && jump.length != 0);
    if (beyond >= 0 && beyond <= kTrustedJump && says_more) {
      Unlink(cold, end, index);
      holes_.Free(index);
      const int32_t lost = Distance(jump.start, hot.mark[end]);
      if (lost > 0 && lost <= kPlausibleLoss) {
        counters_.jumps_confirmed.Add(1);
        Open(hot, cold, end, hot.mark[end], static_cast<uint32_t>(lost), now);
      } else {
        counters_.resyncs.Add(1);
        while (cold.holes[end] != kNone) Settle(hot, cold, cold.holes[end]);
        hot.state.gap |= EndBit(end);
        hot.state.synced &= ~EndBit(end);
        hot.base[end] = jump.start;
      }
      hot.mark[end] = jump.start + jump.length;
      cold.pending_observed[end] += jump.length;
      if (by_ack) {
        OnAck(hot, cold, end, at, now);
      } else {
        Advance(hot, cold, end, at, length, now);
      }
      return true;
    }
    Settle(hot, cold, index);
  }
  index = holes_.Allocate(hot.cold, end, now);
  if (index == kNone) {
    counters_.jumps_dropped.Add(1);
    return false;
  }
  Hole& jump = holes_[index];
  jump.start = at;
  jump.length = length;
  jump.provisional = true;
  jump.next = cold.holes[end];
  cold.holes[end] = index;
  return false;
}

void Sequencer::Unlink(ColdSession& cold, End end, uint32_t hole) {
  uint32_t* link = &cold.holes[end];
  while (*link != hole) link = &holes_[*link].next;
  *link = holes_[hole].next;
}

void Sequencer::Settle(HotSession& hot, ColdSession& cold, uint32_t index) {
  const Hole hole = holes_[index];
  Unlink(cold, hole.end, index);
  holes_.Free(index);
  if (hole.provisional) {
    counters_.jumps_dropped.Add(1);
    return;
  }
  // One number missing at the very end, with nothing after it, is a FIN that the mirror lost.
  if (hole.length == 1 && hole.start + 1 == hot.mark[hole.end]) return;
  cold.pending_inferred[hole.end] += hole.length;
}

void Sequencer::SettleAll(HotSession& hot, ColdSession& cold) {
  for (const End end : {0, 1}) {
    while (cold.holes[end] != kNone) Settle(hot, cold, cold.holes[end]);
  }
}

}  // namespace mailtap::flow

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
  if (TestEnd(hot.state.fin, end) && Distance(seq + length, hot.mark[end]) > 0) {
    if (length == 0) return;  // the last ACKs carry the number after the FIN
    // Past its FIN a sender has nothing more to say. Payload in its place shows that it was
    // not the sender's own.
    if (Distance(seq, hot.mark[end]) > 0) {
      counters_.out_of_window.Add(1);
      return;
    }
    hot.state.fin &= ~EndBit(end);
  }
  if (length != 0) hot.state.payload |= EndBit(end);
  Advance(hot, cold, end, seq, length, now);
  if (fin) OnFin(hot, cold, end, seq + length);
}

// A FIN stands at number `fin`. Where its acknowledgment came first, it was taken for payload.
void Sequencer::OnFin(HotSession& hot, ColdSession& cold, End end, uint32_t fin) {
  if (hot.mark[end] == fin + 1) {
    for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
      Hole& hole = holes_[i];
      if (hole.provisional || hole.start + hole.length != hot.mark[end]) continue;
      --hot.mark[end];
      if (--hole.length == 0) {
        Unlink(cold, end, i);
        holes_.Free(i);
      }
      break;
    }
  }
  if (hot.mark[end] == fin) hot.state.fin |= EndBit(end);
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
  NoteAck(hot, end, ack);
}

void Sequencer::Advance(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                        uint32_t length, UnixNanos now) {
  const int32_t ahead = Distance(seq, hot.mark[end]);
  if (ahead == 0) {
    hot.mark[end] += length;
    cold.pending_observed[end] += length;
  } else if (static_cast<int64_t>(ahead) + length > kTrustedJump || ahead < -kLateCopy) {
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
  const uint32_t filled = Fill(hot, cold, end, seq, old);
  // A keep-alive repeats the last byte, or sends an arbitrary one in its place (RFC 9293,
  // 3.8.4): no copy of anything.
  if (length == 1 && to_mark == 1 && filled == 0) return;
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

uint32_t Sequencer::FindJump(const ColdSession& cold, End end) const {
  for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
    if (holes_[i].provisional) return i;
  }
  return kNone;
}

// Something claims that `end` has sent up to `at`, far from the mark. Believed, and accounted,
// when another claim that is not its copy lies beside it; until then it is only remembered. A
// copy of the earlier claim confirms nothing: mirrors duplicate forged packets too. Returns
// true where it was believed.
bool Sequencer::Jump(HotSession& hot, ColdSession& cold, End end, uint32_t at, uint32_t length,
                     bool by_ack, UnixNanos now) {
  uint32_t index = FindJump(cold, end);
  if (index != kNone) {
    const Hole jump = holes_[index];
    const int64_t offset = Distance(at, jump.start);
    const int64_t beyond = offset - jump.length;
    const bool within = offset >= 0 && beyond + length <= 0;
    if (within && by_ack == jump.by_ack) return false;
    const int32_t ahead = Distance(jump.start, hot.mark[end]);
    const bool overtaken = ahead <= kTrustedJump && ahead >= -kLateCopy;
    const bool beside = beyond <= kTrustedJump && offset + length >= -kTrustedJump;
    if (beside && !overtaken) {
      Unlink(cold, end, index);
      holes_.Free(index);
      const bool lower = offset < 0;
      Believe(hot, cold, end, lower ? at : jump.start, now);
      if (lower && !by_ack) Advance(hot, cold, end, at, length, now);
      Advance(hot, cold, end, jump.start, jump.length, now);
      if (by_ack) OnAck(hot, cold, end, at, now);
      if (!lower && !by_ack) Advance(hot, cold, end, at, length, now);
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
  jump.by_ack = by_ack;
  jump.next = cold.holes[end];
  cold.holes[end] = index;
  return false;
}

// Moves the mark to `start`: past a loss, or to wherever a new numbering begins.
void Sequencer::Believe(HotSession& hot, ColdSession& cold, End end, uint32_t start,
                        UnixNanos now) {
  const int32_t lost = Distance(start, hot.mark[end]);
  if (lost > 0 && lost <= kPlausibleLoss) {
    counters_.jumps_confirmed.Add(1);
    Open(hot, cold, end, hot.mark[end], static_cast<uint32_t>(lost), now);
  } else {
    counters_.resyncs.Add(1);
    while (cold.holes[end] != kNone) Settle(hot, cold, cold.holes[end]);
    hot.state.gap |= EndBit(end);
    hot.state.synced &= ~EndBit(end);
    hot.base[end] = start;
  }
  hot.mark[end] = start;
}

}  // namespace mailtap::flow

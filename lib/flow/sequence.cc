#include "lib/flow/sequence.h"

#include <algorithm>

namespace mailtap::flow {

void Sequencer::Synchronize(HotSession& hot, ColdSession& cold, End end, uint32_t first_byte,
                            UnixNanos now, bool answers) {
  if (TestEnd(hot.state.synced, end)) return;
  const int32_t below = Distance(hot.base[end], first_byte);
  const bool near = below >= 0 && below <= kTrustedJump;
  if (!TestEnd(hot.state.based, end)) {
    hot.base[end] = hot.mark[end] = first_byte;
  } else if (!TestEnd(hot.state.payload, end) || (answers && !near)) {
    Forget(cold, end);
    hot.base[end] = hot.mark[end] = first_byte;
  } else {
    if (!near) return;
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
  } else if (BasedByAcks(hot, end) || FollowsKeepAlive(hot, end, seq, length)) {
    Rebase(hot, cold, end, seq);
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

// Whether the first payload of an end met under way stands right behind its first packet, an
// empty one: a keep-alive carries the number before the next (RFC 9293, 3.8.4).
bool Sequencer::FollowsKeepAlive(const HotSession& hot, End end, uint32_t seq,
                                 uint32_t length) {
  return length != 0 && seq == hot.base[end] + 1 &&
         !TestEnd(hot.state.payload | hot.state.synced, end);
}

// The first packet of an end of which only acknowledgments were known: they may tell of what
// was under way before the sensor saw anything of the connection.
void Sequencer::Rebase(HotSession& hot, ColdSession& cold, End end, uint32_t seq) {
  const int32_t above = Distance(seq, hot.base[end]);
  if (above <= 0 || above > kLateCopy) return;
  Fill(hot, cold, end, hot.base[end], static_cast<uint32_t>(above));
  hot.base[end] = seq;
  if (Distance(seq, hot.mark[end]) > 0) hot.mark[end] = seq;
}

// Gives up all that is open, uncounted.
void Sequencer::Forget(ColdSession& cold, End end) {
  while (cold.holes[end] != kNone) Drop(cold, end, cold.holes[end]);
}

// A FIN stands at number `fin`. Where its acknowledgment came first, it was taken for payload.
void Sequencer::OnFin(HotSession& hot, ColdSession& cold, End end, uint32_t fin) {
  if (hot.mark[end] == fin + 1) {
    for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
      Hole& hole = holes_[i];
      if (hole.provisional || hole.start + hole.length != hot.mark[end]) continue;
      --hot.mark[end];
      if (--hole.length == 0) Drop(cold, end, i);
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
  if (TestEnd(hot.state.fin, end)) {
    if (ahead > 1) return;  // acknowledges more than there is
  } else if (IsFar(ack, hot.mark[end])) {
    if (!Jump(hot, cold, end, ack, 0, /*by_ack=*/true, now)) return;
  } else {
    Witness(hot, cold, end, ahead > 0);
    if (ahead > 0) {
      Open(hot, cold, end, hot.mark[end], static_cast<uint32_t>(ahead), now);
      hot.mark[end] = ack;
    }
  }
  NoteAck(hot, end, ack);
}

void Sequencer::Advance(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                        uint32_t length, UnixNanos now) {
  const int32_t ahead = Distance(seq, hot.mark[end]);
  if (ahead != 0 &&
      (static_cast<int64_t>(ahead) + length > kTrustedJump || ahead < -kLateCopy)) {
    Jump(hot, cold, end, seq, length, /*by_ack=*/false, now);
    return;
  }
  if (ahead >= 0) {
    if (ahead > 0) {
      Open(hot, cold, end, hot.mark[end], static_cast<uint32_t>(ahead), now);
    }
    hot.mark[end] = seq + length;
    cold.pending_observed[end] += length;
    Join(hot, cold, end);
  }
  Refute(hot, cold, end);
  if (ahead < 0 && length != 0) {
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

}  // namespace mailtap::flow

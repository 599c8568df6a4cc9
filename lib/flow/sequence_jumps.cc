// What the Sequencer believes of numbers far from the mark: loss, a new numbering, or nothing.
#include <algorithm>

#include "lib/flow/sequence.h"

namespace mailtap::flow {

namespace {

// Whether acknowledgments of what an end sent go with its own segments, which may be ahead of
// them by all that is under way.
bool Agree(const Hole& segments, const Hole& acks) {
  const int32_t ahead = Distance(segments.start + segments.length, acks.start + acks.length);
  return ahead >= -kTrustedJump && ahead <= kLateCopy;
}

}  // namespace

uint32_t Sequencer::FindJump(const ColdSession& cold, End end, bool by_ack) const {
  for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
    if (holes_[i].provisional && holes_[i].by_ack == by_ack) return i;
  }
  return kNone;
}

// Something claims that `end` has sent up to `at`, far from the mark. Until it is believed it
// is only remembered: `end`'s own segments apart from the other end's acknowledgments. Both
// together are believed, or either where the other can't be seen or has nothing against it for
// long enough. A copy of an earlier claim confirms nothing: mirrors duplicate forged packets
// too. Returns true where it was believed.
bool Sequencer::Jump(HotSession& hot, ColdSession& cold, End end, uint32_t at, uint32_t length,
                     bool by_ack, UnixNanos now) {
  bool grown = false;
  const uint32_t index = Claim(hot, cold, end, at, length, by_ack, now, grown);
  if (index == kNone) return false;
  const Hole& jump = holes_[index];
  const uint32_t witness = FindJump(cold, end, !by_ack);
  const bool agreed = witness != kNone &&
                      (by_ack ? Agree(holes_[witness], jump) : Agree(jump, holes_[witness]));
  const bool old = now - jump.created >= kClaimAge;
  const bool alone = !TestEnd(hot.state.seen, by_ack ? end : Other(end));
  const bool lasting = old || (by_ack && jump.steps >= kAckSteps);
  const bool confirmed = grown && (alone || jump.witnessed || (lasting && !jump.doubted));
  if (!agreed && !confirmed) return false;
  const Hole& first = agreed && holes_[witness].created < jump.created ? holes_[witness] : jump;
  // Loss seldom moves both ends' numbers as far.
  const bool both = HasJump(cold, Other(end));
  const bool renumbered = !first.plausible || both;
  if (renumbered && !old && !(agreed && first.late)) return false;
  const uint32_t start = agreed && by_ack ? holes_[witness].start : jump.start;
  if (!renumbered && Distance(start, hot.mark[end]) <= 0) {
    Refute(hot, cold, end);  // the acknowledgments have passed it
    return false;
  }
  if (witness != kNone && !agreed) Settle(hot, cold, witness);
  if (both) Believe(hot, cold, Other(end), renumbered, now);
  Believe(hot, cold, end, renumbered, now);
  return true;
}

// Remembers a claim: a part of the one before it where it lies beside that (`grown` unless it
// is a copy), or else in its place.
uint32_t Sequencer::Claim(HotSession& hot, ColdSession& cold, End end, uint32_t at,
                          uint32_t length, bool by_ack, UnixNanos now, bool& grown) {
  uint32_t index = FindJump(cold, end, by_ack);
  if (index != kNone) {
    Hole& jump = holes_[index];
    const int64_t from = Distance(at, jump.start);
    const int64_t to = from + length;
    const int64_t span = jump.length;
    // Where an end is lost altogether, acknowledgments go as far at a time as those who thin
    // them out let them.
    const int64_t reach = by_ack ? kLossAtOnce : kTrustedJump;
    if (from <= span + reach && to >= -kTrustedJump) {
      const int64_t again =
          std::max<int64_t>(0, std::min(span, to) - std::max<int64_t>(0, from));
      const int64_t below = std::max<int64_t>(0, -from);
      grown = below != 0 || to > span;
      if (grown) {
        jump.claimed += length - static_cast<uint32_t>(again);
        if (jump.steps < UINT8_MAX) ++jump.steps;
      }
      jump.start -= static_cast<uint32_t>(below);
      jump.length = static_cast<uint32_t>(below + std::max(span, to));
      return index;
    }
    Settle(hot, cold, index);
  }
  index = holes_.Allocate(hot.cold, end, now);
  if (index == kNone) {
    counters_.jumps_dropped.Add(1);
    return kNone;
  }
  Hole& jump = holes_[index];
  jump.start = at;
  jump.length = length;
  jump.claimed = length;
  jump.provisional = true;
  jump.by_ack = by_ack;
  const int64_t pause = std::max<int64_t>(0, now - cold.last_seen);
  const int32_t lost = Distance(at, hot.mark[end]);
  jump.late = pause >= kClaimAge;
  jump.plausible = lost > 0 && lost <= kPlausibleLoss &&
                   lost <= kLossAtOnce + kLossRate * static_cast<double>(pause);
  jump.next = cold.holes[end];
  cold.holes[end] = index;
  return index;
}

// Moves the mark past a loss, or to wherever a new numbering begins, and past what was claimed.
void Sequencer::Believe(HotSession& hot, ColdSession& cold, End end, bool renumbered,
                        UnixNanos now) {
  Hole claims[2];  // by segments, by acknowledgments
  bool there[2];
  for (const bool by_ack : {false, true}) {
    const uint32_t index = FindJump(cold, end, by_ack);
    there[by_ack] = index != kNone;
    if (index == kNone) continue;
    claims[by_ack] = holes_[index];
    Drop(cold, end, index);
  }
  const Hole& first = claims[there[0] ? 0 : 1];
  if (renumbered) {
    counters_.resyncs.Add(1);
    while (cold.holes[end] != kNone) Settle(hot, cold, cold.holes[end]);
    hot.state.gap |= EndBit(end);
    hot.state.synced &= ~EndBit(end);
    hot.base[end] = first.start;
  } else {
    counters_.jumps_confirmed.Add(1);
    Open(hot, cold, end, hot.mark[end], first.start - hot.mark[end], now);
  }
  hot.mark[end] = first.start + first.length;
  cold.pending_observed[end] += first.claimed;
  cold.pending_inferred[end] += first.length - first.claimed;
  if (there[0] && there[1]) {
    OnAck(hot, cold, end, claims[1].start + claims[1].length, now);
  }
}

// What seemed a jump may have been the next but for what has just come.
void Sequencer::Join(HotSession& hot, ColdSession& cold, End end) {
  const uint32_t index = FindJump(cold, end, false);
  if (index == kNone) return;
  const Hole jump = holes_[index];
  const int32_t known = Distance(hot.mark[end], jump.start);
  const int64_t more = static_cast<int64_t>(jump.length) - known;
  if (known < 0 || more <= 0 || known > kLateCopy) return;
  Drop(cold, end, index);
  counters_.jumps_confirmed.Add(1);
  const uint32_t observed = std::min(jump.claimed, static_cast<uint32_t>(more));
  hot.mark[end] += static_cast<uint32_t>(more);
  cold.pending_observed[end] += observed;
  cold.pending_inferred[end] += static_cast<uint32_t>(more) - observed;
}

// `end` goes on near its mark: it has not jumped, or what has is a copy with numbers of its
// own.
void Sequencer::Refute(HotSession& hot, ColdSession& cold, End end) {
  if (cold.holes[end] == kNone) return;
  for (const bool by_ack : {false, true}) {
    const uint32_t index = FindJump(cold, end, by_ack);
    if (index != kNone) Settle(hot, cold, index);
  }
}

// The other end acknowledges something near the mark.
void Sequencer::Witness(HotSession& hot, ColdSession& cold, End end, bool beyond_mark) {
  if (cold.holes[end] == kNone) return;
  if (const uint32_t acks = FindJump(cold, end, true); acks != kNone) Settle(hot, cold, acks);
  const uint32_t segments = FindJump(cold, end, false);
  if (segments == kNone) return;
  if (beyond_mark) {
    holes_[segments].witnessed = true;
  } else {
    holes_[segments].doubted = true;
  }
}

}  // namespace mailtap::flow

// How the Sequencer keeps a direction's list of holes.
#include <algorithm>
#include <cstdlib>

#include "lib/flow/sequence.h"

namespace mailtap::flow {

// Takes [seq, seq + length) out of the holes; returns how many bytes were in one.
uint32_t Sequencer::Fill(HotSession& hot, ColdSession& cold, End end, uint32_t seq,
                         uint32_t length) {
  if (cold.holes[end] == kNone) return 0;
  SettleDeep(hot, cold, end);
  int count = 0;
  for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) ++count;
  uint32_t filled = 0;
  for (uint32_t index = cold.holes[end]; index != kNone;) {
    const Hole& hole = holes_[index];
    const uint32_t next = hole.next;
    // Offsets from the hole's start.
    const int32_t offset = Distance(seq, hole.start);
    const int32_t from = std::max(offset, 0);
    const int32_t to =
        std::min(offset + static_cast<int32_t>(length), static_cast<int32_t>(hole.length));
    if (!hole.provisional && from < to) {
      filled += static_cast<uint32_t>(to - from);
      Shrink(cold, end, index, static_cast<uint32_t>(from), static_cast<uint32_t>(to), count);
    }
    index = next;
  }
  return filled;
}

// Takes [from, to), offsets within it, out of one hole of a list of `count`.
void Sequencer::Shrink(ColdSession& cold, End end, uint32_t index, uint32_t from, uint32_t to,
                       int count) {
  Hole& hole = holes_[index];
  if (from == 0 && to == hole.length) {
    Drop(cold, end, index);
    return;
  }
  if (to == hole.length) {
    hole.length = from;
    return;
  }
  if (from != 0) {
    // The middle was filled: what is below it becomes a hole of its own.
    const uint32_t below = count < kMaxHoles ? holes_.AllocateTwin(index) : kNone;
    if (below == kNone) {
      cold.pending_inferred[end] += from;
      counters_.hole_overflows.Add(1);
    } else {
      holes_[below].start = hole.start;
      holes_[below].length = from;
      holes_[below].next = index;
      *LinkTo(cold, end, index) = below;
    }
  }
  hole.start += to;
  hole.length -= to;
}

uint32_t Sequencer::Lowest(const ColdSession& cold, End end) const {
  uint32_t i = cold.holes[end];
  while (i != kNone && holes_[i].provisional) i = holes_[i].next;
  return i;
}

void Sequencer::SettleDeep(HotSession& hot, ColdSession& cold, End end) {
  for (uint32_t i = Lowest(cold, end);
       i != kNone && hot.mark[end] - holes_[i].start > kMaxHoleDepth; i = Lowest(cold, end)) {
    counters_.hole_overflows.Add(1);
    Settle(hot, cold, i);
  }
}

void Sequencer::Open(HotSession& hot, ColdSession& cold, End end, uint32_t start,
                     uint32_t length, UnixNanos now) {
  hot.state.gap |= EndBit(end);
  SettleDeep(hot, cold, end);
  int count = 0;
  uint32_t before = kNone;  // the last hole below `start`
  for (uint32_t i = cold.holes[end]; i != kNone; i = holes_[i].next) {
    if (holes_[i].provisional) continue;
    ++count;
    if (Distance(holes_[i].start, start) < 0) before = i;
  }
  // A lone number may be a FIN's, and stays apart.
  if (before != kNone && length != 1 && holes_[before].start + holes_[before].length == start &&
      std::abs(now - holes_[before].created) <= kMergeAge) {
    holes_[before].length += length;
    return;
  }
  if (count >= kMaxHoles) {
    counters_.hole_overflows.Add(1);
    const uint32_t lowest = Lowest(cold, end);
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

uint32_t* Sequencer::LinkTo(ColdSession& cold, End end, uint32_t hole) {
  uint32_t* link = &cold.holes[end];
  while (*link != hole) link = &holes_[*link].next;
  return link;
}

void Sequencer::Drop(ColdSession& cold, End end, uint32_t hole) {
  *LinkTo(cold, end, hole) = holes_[hole].next;
  holes_.Free(hole);
}

void Sequencer::Settle(HotSession& hot, ColdSession& cold, uint32_t index) {
  const Hole hole = holes_[index];
  Drop(cold, hole.end, index);
  if (hole.provisional) {
    counters_.jumps_dropped.Add(1);
    return;
  }
  const bool last = hole.start + hole.length == hot.mark[hole.end];
  if (hole.length == 1 && last && !TestEnd(hot.state.fin, hole.end)) {
    hot.mark[hole.end] = hole.start;
    return;
  }
  cold.pending_inferred[hole.end] += hole.length;
}

void Sequencer::SettleAll(HotSession& hot, ColdSession& cold) {
  for (const End end : {0, 1}) {
    while (cold.holes[end] != kNone) Settle(hot, cold, cold.holes[end]);
  }
}

}  // namespace mailtap::flow

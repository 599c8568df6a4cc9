#include "lib/pipeline/dialogue_pool.h"

#include <algorithm>
#include <cstring>

#include "lib/flow/sequence.h"

namespace mailtap::pipeline {

using flow::Distance;
using flow::End;
using flow::kNone;

DialoguePool::DialoguePool(uint32_t dialogues, uint32_t openings, uint32_t held_segments)
    : dialogues_(dialogues), openings_(openings), held_(held_segments) {}

uint32_t DialoguePool::Allocate() {
  const uint32_t index = dialogues_.Take();
  if (index == kNone) return kNone;
  Dialogue& dialogue = dialogues_[index];
  dialogue = Dialogue{};
  dialogue.held = kNone;
  if (Reopen(dialogue)) return index;
  dialogues_.Give(index);
  return kNone;
}

bool DialoguePool::Reopen(Dialogue& dialogue) {
  dialogue.opening = openings_.Take();
  if (dialogue.opening == kNone) return false;
  openings_[dialogue.opening].Reset();
  return true;
}

void DialoguePool::CloseOpening(Dialogue& dialogue) {
  if (dialogue.opening == kNone) return;
  openings_.Give(dialogue.opening);
  dialogue.opening = kNone;
}

void DialoguePool::Free(uint32_t index) {
  Dialogue& dialogue = dialogues_[index];
  while (dialogue.held != kNone) Drop(&dialogue.held, dialogue);
  CloseOpening(dialogue);
  dialogues_.Give(index);
}

DialoguePool::Turn DialoguePool::TurnOf(const Dialogue& dialogue, End end,
                                        const TextSegment& segment, const flow::HotSession& hot,
                                        Turns turns) {
  if (dialogue.started[end]) {
    if (Distance(segment.seq + segment.length, dialogue.next[end]) <= 0) return Turn::kPast;
    if (flow::TestEnd(turns.stopped, end)) return Turn::kLater;
    const bool waits = !flow::TestEnd(turns.free, end) || segment.MayHoldCommands();
    if (waits && Distance(segment.seq, dialogue.next[end]) > 0) return Turn::kLater;
  }
  const End other = flow::Other(end);
  if (flow::TestEnd(turns.ignored | turns.stopped, other) || !dialogue.started[other]) {
    return Turn::kNow;
  }
  // The sender had seen the other side up to `ack`; a FIN behind all text takes a number too.
  const int32_t unheard = Distance(segment.ack, dialogue.next[other]);
  const bool fin =
      flow::TestEnd(hot.state.fin, other) && dialogue.next[other] == hot.mark[other];
  return unheard > (fin ? 1 : 0) ? Turn::kLater : Turn::kNow;
}

const DialoguePool::Held* DialoguePool::NextAnswer(const Dialogue& dialogue, End end) const {
  if (!dialogue.started[0] || !dialogue.started[1]) return nullptr;
  const Held* answer = nullptr;
  for (uint32_t i = dialogue.held; i != kNone; i = held_[i].next) {
    const Held& held = held_[i];
    if (held.end != end || Distance(held.seq, dialogue.next[end]) > 0 ||
        Distance(held.ack, dialogue.next[flow::Other(end)]) <= 0) {
      continue;
    }
    if (answer == nullptr || Distance(held.seq, answer->seq) < 0) answer = &held;
  }
  return answer;
}

// Sent again, a segment acknowledges what answers it, too.
bool DialoguePool::IsAnswered(const Dialogue& dialogue, End end, const TextSegment& segment,
                              const Held* answer) {
  return answer != nullptr && Distance(segment.seq, dialogue.next[end]) <= 0 &&
         Distance(segment.ack, answer->seq) > 0;
}

// So much of a segment as is answered has its turn; the rest is held.
void DialoguePool::TakeAnswered(Dialogue& dialogue, End end, TextSegment& segment,
                                uint32_t up_to) {
  const uint32_t answered = std::min(up_to - segment.seq, segment.length);
  if (answered < segment.length) {
    if (Hold(dialogue, end, segment.Behind(answered))) {
      segment.length = answered;
      segment.captured = std::min(answered, segment.captured);
    }
  }
  segment.ack = dialogue.next[flow::Other(end)];
}

// Small pieces that follow each other share a buffer. False where they can't.
bool DialoguePool::Append(Held& held, const TextSegment& segment) {
  const bool whole = held.captured == held.length && segment.captured == segment.length;
  const bool alike = held.ack == segment.ack && held.early == segment.early;
  if (!whole || !alike || held.captured + segment.captured > kHeldBytes) return false;
  std::memcpy(held.data + held.captured, segment.data, segment.captured);
  held.captured += segment.captured;
  held.length += segment.length;
  held.push = segment.push;
  return true;
}

// What is larger than a buffer takes several. False where there is no room for all of it.
bool DialoguePool::Hold(Dialogue& dialogue, End end, TextSegment rest) {
  while (rest.captured > kHeldBytes) {
    TextSegment part = rest;
    part.length = part.captured = kHeldBytes;
    part.push = false;
    if (!HoldPart(dialogue, end, part)) return false;
    rest = rest.Behind(kHeldBytes);
  }
  return HoldPart(dialogue, end, rest);
}

bool DialoguePool::HoldPart(Dialogue& dialogue, End end, const TextSegment& segment) {
  for (uint32_t i = dialogue.held; i != kNone; i = held_[i].next) {
    Held& held = held_[i];
    if (held.end != end) continue;
    const int32_t in = Distance(segment.seq, held.seq);
    if (in >= 0 && in + segment.length <= held.length) return true;  // a copy
    if (in >= 0 && static_cast<uint32_t>(in) == held.length && Append(held, segment))
      return true;
  }
  if (dialogue.held_count >= kMaxHeld || full()) return false;
  const uint32_t index = held_.Take();
  Held& held = held_[index];
  held.next = dialogue.held;
  held.seq = segment.seq;
  held.ack = segment.ack;
  held.length = segment.length;
  held.captured = segment.captured;
  held.end = static_cast<uint8_t>(end);
  held.push = segment.push;
  held.early = segment.early;
  std::memcpy(held.data, segment.data, held.captured);
  dialogue.held = index;
  ++dialogue.held_count;
  return true;
}

bool DialoguePool::PutBack(Dialogue& dialogue, End end, TextSegment rest) {
  rest.early = true;
  if (!Hold(dialogue, end, rest)) return false;
  dialogue.next[end] = rest.seq;
  return true;
}

TextSegment DialoguePool::SegmentOf(const Held& held) const {
  return {.seq = held.seq,
          .ack = held.ack,
          .length = held.length,
          .captured = held.captured,
          .data = held.data,
          .push = held.push,
          .early = held.early};
}

TextSegment DialoguePool::FirstHeld(const Dialogue& dialogue, End end) const {
  TextSegment first;
  for (uint32_t i = dialogue.held; i != kNone; i = held_[i].next) {
    const Held& held = held_[i];
    if (held.end != end || (first.length != 0 && Distance(held.seq, first.seq) >= 0)) continue;
    first = SegmentOf(held);
  }
  return first;
}

bool DialoguePool::HoldsAnswer(const Dialogue& dialogue, End end, uint32_t number,
                               uint32_t until) const {
  for (uint32_t i = dialogue.held; i != kNone; i = held_[i].next) {
    const Held& held = held_[i];
    if (held.end == end && Distance(held.ack, number) > 0 && Distance(until, held.seq) > 0) {
      return true;
    }
  }
  return false;
}

uint32_t DialoguePool::Unlink(uint32_t* link, Dialogue& dialogue) {
  const uint32_t index = *link;
  *link = held_[index].next;
  --dialogue.held_count;
  return index;
}

uint32_t DialoguePool::SkipGap(Dialogue& dialogue, End end, uint32_t mark) {
  if (!dialogue.started[end] || Distance(mark, dialogue.next[end]) <= 0) return 0;
  uint32_t to = mark;
  for (uint32_t i = dialogue.held; i != kNone; i = held_[i].next) {
    if (held_[i].end == end && Distance(held_[i].seq, to) < 0) to = held_[i].seq;
  }
  const int32_t passed = Distance(to, dialogue.next[end]);
  if (passed <= 0) return 0;  // nothing is missing here: it waits for the other side
  dialogue.next[end] = to;
  return static_cast<uint32_t>(passed);
}

}  // namespace mailtap::pipeline

// Where a worker's dialogues lie, and what brings their segments into order: they are delivered
// in stream order, and neither side ahead of what its sender had seen of the other. Order is
// taken from sequence and ACK numbers, never from arrival. What comes too early is held in a
// bounded pool.
#ifndef MAILTAP_LIB_PIPELINE_DIALOGUE_POOL_H_
#define MAILTAP_LIB_PIPELINE_DIALOGUE_POOL_H_

#include <cstddef>
#include <cstdint>

#include "lib/base/pool.h"
#include "lib/config/config.h"
#include "lib/flow/sequence.h"
#include "lib/flow/session.h"
#include "lib/pipeline/dialogue.h"
#include "lib/pipeline/opening_text.h"

namespace mailtap::pipeline {

// Sets of ends, in one register: three numbers would be put together in memory at every call.
struct Turns {
  // Message text under way: gaps in it do not matter, and its pieces are delivered as they
  // come. Only those that may hold commands wait for what goes before, if there is room.
  uint32_t free : 2 = 0;
  uint32_t ignored : 2 = 0;  // not read, nor does the other wait for it
  uint32_t stopped : 2 = 0;  // waits until the other has answered
};

// The pools of one worker, allocated by the constructor.
class DialoguePool {
 public:
  // Few sessions are at their beginning at the same time, but for those that may long be
  // undecided.
  static uint32_t Openings(const config::Limits& limits) {
    return static_cast<uint32_t>((limits.dialogues + 3) / 4 + limits.undecided);
  }

  DialoguePool(uint32_t dialogues, uint32_t openings, uint32_t held_segments);

  // Brings what every piece of text touches towards the cache. `index` may be none.
  void Prefetch(uint32_t index) const {
    // Half of the sessions have none, and a branch would guess wrong: theirs is the first one.
    uint32_t some = index >= flow::kNotBegun ? 0 : 0xffffffff;
    asm("" : "+r"(some));  // or the compiler makes it a branch
    const uint32_t at = index & some;
    const auto* dialogue = reinterpret_cast<const char*>(&dialogues_[at]);
    for (std::size_t line = 0; line < 3; ++line) {
      __builtin_prefetch(dialogue + line * kCacheLine);
    }
  }

  // A fresh dialogue with its opening, or kNone.
  uint32_t Allocate();
  void Free(uint32_t index);
  // A dialogue whose opening was closed gets another. False where there is none.
  bool Reopen(Dialogue& dialogue);
  void CloseOpening(Dialogue& dialogue);
  // Null where it is closed.
  OpeningText* opening(const Dialogue& dialogue) {
    return dialogue.opening == flow::kNone ? nullptr : &openings_[dialogue.opening];
  }
  const OpeningText* opening(const Dialogue& dialogue) const {
    return dialogue.opening == flow::kNone ? nullptr : &openings_[dialogue.opening];
  }
  Dialogue& operator[](uint32_t index) { return dialogues_[index]; }
  const Dialogue& operator[](uint32_t index) const { return dialogues_[index]; }
  uint32_t used() const { return dialogues_.used(); }
  uint32_t openings() const { return openings_.used(); }
  std::size_t bytes() const { return dialogues_.bytes() + openings_.bytes() + held_.bytes(); }

  // Calls reader(end, piece) for each piece of `segment`, and of held ones whose turn it
  // brings, in order; holds it where its own turn has not come. `hot` is the session's,
  // `turns()` gives the Turns of the moment. Returns false where the segment had to be held and
  // could not. The reader may call DeliverHeld; it returns false where it has freed the
  // dialogue.
  template <typename GetTurns, typename Reader>
  bool Offer(Dialogue& dialogue, flow::End end, TextSegment segment,
             const flow::HotSession& hot, GetTurns&& turns, Reader&& reader);
  // Delivers the first held segment of `end` that starts before `until`, if it is next or
  // `over_gaps`. False where there was none to deliver.
  template <typename Reader>
  bool DeliverHeld(Dialogue& dialogue, flow::End end, uint32_t until, bool over_gaps,
                   Reader&& reader);
  // Holds what a reader has not taken of a piece; it is next again. False, with the piece
  // passed over, where there is no room.
  bool PutBack(Dialogue& dialogue, flow::End end, TextSegment rest);

  // Holds a segment until its turn comes, or it is known where the text of its end starts.
  // False where there is no room for all of it.
  bool Hold(Dialogue& dialogue, flow::End end, TextSegment segment);
  // No segment can be held, of whichever session.
  bool full() const { return held_.used() == held_.capacity(); }
  // What is left of the dialogues is needed for deciding about new sessions.
  bool crowded() const { return dialogues_.used() > dialogues_.capacity() / 4 * 3; }
  // The held segment of `end` with the lowest number; of length 0 where there is none. Its data
  // stays the pool's.
  TextSegment FirstHeld(const Dialogue& dialogue, flow::End end) const;
  // Whether something is held that `end` said before `until` in answer to the other's `number`.
  bool HoldsAnswer(const Dialogue& dialogue, flow::End end, uint32_t number,
                   uint32_t until) const;

  // What `end` sends next is lost: goes on behind the gap, at `mark` or at the first held byte.
  // Returns the number of bytes passed over.
  uint32_t SkipGap(Dialogue& dialogue, flow::End end, uint32_t mark);
  // Delivers whatever held segments have had their turn come.
  template <typename GetTurns, typename Reader>
  void Pump(Dialogue& dialogue, const flow::HotSession& hot, GetTurns&& turns, Reader&& reader);

 private:
  static constexpr uint32_t kHeldBytes = 2'048 - 32;
  static constexpr int kMaxHeld = 64;  // a session's

  struct Held {
    uint32_t next;
    uint32_t seq;
    uint32_t ack;
    uint32_t length;
    uint32_t captured;
    uint8_t end;
    bool push;
    bool early;
    uint8_t data[kHeldBytes];
  };

  enum class Turn { kNow, kLater, kPast };
  static Turn TurnOf(const Dialogue& dialogue, flow::End end, const TextSegment& segment,
                     const flow::HotSession& hot, Turns turns);
  // What `end` says next, where that is held, since it answers what the other end is yet to be
  // heard saying. Null where it is not.
  const Held* NextAnswer(const Dialogue& dialogue, flow::End end) const;
  // Whether `answer`, the other end's next, waits for `segment`, which waits for it.
  static bool IsAnswered(const Dialogue& dialogue, flow::End end, const TextSegment& segment,
                         const Held* answer);
  void TakeAnswered(Dialogue& dialogue, flow::End end, TextSegment& segment, uint32_t up_to);
  template <typename GetTurns>
  uint32_t* FindAnswered(Dialogue& dialogue, GetTurns&& turns, uint32_t& up_to);
  bool HoldPart(Dialogue& dialogue, flow::End end, const TextSegment& segment);
  static bool Append(Held& held, const TextSegment& segment);
  // Both take a held segment off the dialogue's list. Of what Unlink returns, the caller gives
  // the node back by FreeHeld.
  uint32_t Unlink(uint32_t* link, Dialogue& dialogue);
  void FreeHeld(uint32_t index) { held_.Give(index); }
  void Drop(uint32_t* link, Dialogue& dialogue) { FreeHeld(Unlink(link, dialogue)); }
  TextSegment SegmentOf(const Held& held) const;
  // False where the reader has freed the dialogue.
  template <typename Reader>
  static bool Deliver(Dialogue& dialogue, flow::End end, const TextSegment& segment,
                      Reader& reader);

  Pool<Dialogue, &Dialogue::held> dialogues_;
  Pool<OpeningText, &OpeningText::next_free> openings_;
  Pool<Held, &Held::next> held_;
};

// --- implementation of the templates ---

template <typename Reader>
bool DialoguePool::Deliver(Dialogue& dialogue, flow::End end, const TextSegment& segment,
                           Reader& reader) {
  // Ahead of what is expected: the first piece, or one behind bytes that nobody waits for.
  if (!dialogue.started[end] || flow::Distance(segment.seq, dialogue.next[end]) > 0) {
    dialogue.started[end] = true;
    dialogue.next[end] = segment.seq;
  }
  const TextSegment fresh = segment.Behind(dialogue.next[end] - segment.seq);
  dialogue.next[end] += fresh.length;
  const flow::End other = flow::Other(end);
  // What a SYN carries was said before anything was heard: it brings the same number back.
  if (!dialogue.started[other] && segment.ack != dialogue.next[other]) {
    dialogue.next[other] = segment.ack;
    dialogue.read_alone = true;
  }
  return reader(end, fresh);
}

template <typename GetTurns, typename Reader>
bool DialoguePool::Offer(Dialogue& dialogue, flow::End end, TextSegment segment,
                         const flow::HotSession& hot, GetTurns&& turns, Reader&& reader) {
  switch (TurnOf(dialogue, end, segment, hot, turns())) {
    case Turn::kPast:
      return true;
    case Turn::kLater:
      if (const Held* answer = NextAnswer(dialogue, flow::Other(end));
          !flow::TestEnd(turns().stopped, end) && IsAnswered(dialogue, end, segment, answer)) {
        TakeAnswered(dialogue, end, segment, answer->ack);
        break;
      }
      if (Hold(dialogue, end, segment)) return true;
      if (!flow::TestEnd(turns().free, end)) return false;
      break;
    case Turn::kNow:
      break;
  }
  const bool alive = Deliver(dialogue, end, segment, reader);
  if (alive && dialogue.held != flow::kNone) Pump(dialogue, hot, turns, reader);
  return true;
}

// A held segment that waits, and whose answer waits for it.
template <typename GetTurns>
uint32_t* DialoguePool::FindAnswered(Dialogue& dialogue, GetTurns&& turns, uint32_t& up_to) {
  const uint32_t stopped = turns().stopped;
  const Held* const answers[2] = {NextAnswer(dialogue, 1), NextAnswer(dialogue, 0)};
  for (uint32_t* link = &dialogue.held; *link != flow::kNone; link = &held_[*link].next) {
    const Held& held = held_[*link];
    const Held* const answer = answers[held.end];
    if (!flow::TestEnd(stopped, held.end) &&
        IsAnswered(dialogue, held.end, SegmentOf(held), answer)) {
      up_to = answer->ack;
      return link;
    }
  }
  return nullptr;
}

template <typename GetTurns, typename Reader>
void DialoguePool::Pump(Dialogue& dialogue, const flow::HotSession& hot, GetTurns&& turns,
                        Reader&& reader) {
  for (bool alive = true; alive;) {
    uint32_t* link = &dialogue.held;
    Turn turn = Turn::kLater;
    const Turns now = turns();
    for (; *link != flow::kNone; link = &held_[*link].next) {
      const Held& held = held_[*link];
      turn = TurnOf(dialogue, held.end, SegmentOf(held), hot, now);
      if (turn != Turn::kLater) break;
    }
    const bool all_wait = turn == Turn::kLater;
    uint32_t answered = 0;
    if (all_wait) link = FindAnswered(dialogue, turns, answered);
    if (link == nullptr) return;
    // Off the list first: the reader may free the dialogue with all that it still holds.
    const uint32_t index = Unlink(link, dialogue);
    const flow::End end = held_[index].end;
    TextSegment segment = SegmentOf(held_[index]);
    if (all_wait) TakeAnswered(dialogue, end, segment, answered);
    alive = turn == Turn::kPast || Deliver(dialogue, end, segment, reader);
    FreeHeld(index);
  }
}

template <typename Reader>
bool DialoguePool::DeliverHeld(Dialogue& dialogue, flow::End end, uint32_t until,
                               bool over_gaps, Reader&& reader) {
  uint32_t* first = nullptr;
  for (uint32_t* link = &dialogue.held; *link != flow::kNone; link = &held_[*link].next) {
    const Held& held = held_[*link];
    if (held.end != end || flow::Distance(held.seq, until) >= 0) continue;
    if (first == nullptr || flow::Distance(held.seq, held_[*first].seq) < 0) first = link;
  }
  if (first == nullptr) return false;
  const TextSegment segment = SegmentOf(held_[*first]);
  if (!over_gaps && flow::Distance(segment.seq, dialogue.next[end]) > 0) return false;
  const bool past = flow::Distance(segment.seq + segment.length, dialogue.next[end]) <= 0;
  const uint32_t index = Unlink(first, dialogue);
  const bool alive = past || Deliver(dialogue, end, segment, reader);
  FreeHeld(index);
  return alive;
}

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_DIALOGUE_POOL_H_

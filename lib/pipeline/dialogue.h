// The text of a session, as long as somebody reads it: the opening of a candidate, the commands
// and replies of clear SMTP, a ClientHello.
//
// Segments are delivered in stream order, and neither side ahead of what its sender had seen of
// the other: order is taken from sequence and ACK numbers, never from arrival. What comes too
// early is held in a bounded pool.
#ifndef MAILTAP_LIB_PIPELINE_DIALOGUE_H_
#define MAILTAP_LIB_PIPELINE_DIALOGUE_H_

#include <cstdint>
#include <vector>

#include "lib/classify/recogniser.h"
#include "lib/classify/smtp_transactions.h"
#include "lib/classify/starttls_watcher.h"
#include "lib/classify/tls_hello.h"
#include "lib/flow/sequence.h"
#include "lib/flow/session.h"

namespace mailtap::pipeline {

// A piece of payload on its way to the reader.
struct TextSegment {
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint32_t length = 0;    // in sequence space
  uint32_t captured = 0;  // bytes at `data`
  const uint8_t* data = nullptr;
  bool push = false;  // the sender's application had no more to say just then
};

struct Dialogue {
  static constexpr uint32_t kTextBytes = 192;  // of each side's opening

  // What each side said first, in the order of the session's ends, not of the roles. Once the
  // session is known for mail, the last bytes of message text instead (see KeepTail).
  char text[2][kTextBytes];
  // The server name that a ClientHello gives. Also what lies behind the texts: Hyperscan may
  // read past their ends.
  char name[classify::TlsHelloParser::kMaxName];
  uint32_t text_length[2];
  uint32_t next[2];  // sequence number to be delivered next
  bool started[2];   // `next` is set
  bool from_start[2];
  bool text_ended[2];  // the opening is complete, or goes on behind a gap
  bool server_first;
  bool hello_started;
  bool hello_cut;  // bytes of it are missing: it is judged by what came before
  bool broken;     // something was lost: counts are unknown from here on
  uint8_t held_count;
  uint32_t held;         // list of held segments, in no order
  uint32_t tail_length;  // bytes at `text` that end a message's text
  uint32_t reported_messages;
  uint32_t reported_rejected;
  uint32_t segments;  // payload segments seen
  classify::SmtpTransactions smtp;
  classify::StarttlsWatcher watcher;
  classify::TlsHelloParser hello;

  // Message text is skipped, but a client may send its next commands right behind the final dot
  // (RFC 2920). Remembers the end of a piece of text that may hold some.
  void KeepTail(const uint8_t* data, uint32_t size);
  // The bytes behind the final dot in what KeepTail remembered, and forgets them.
  absl::string_view TakeTail();

  // Whether an opening that is not its stream's start holds what no line of text does.
  bool BinaryUnderWay() const;
  // Forgets the whole lines of an opening.
  void DropLines(flow::End end);

  classify::Speech Spoken(flow::End end, bool ended) const {
    return {.text = {text[end], text_length[end]},
            .from_start = from_start[end],
            .ended = ended || text_ended[end],
            .cut = text_ended[end]};
  }
};
static_assert(sizeof(Dialogue::name) >= classify::Speech::kSlack);
static_assert(sizeof(Dialogue) <= 1024);

// Both pools of one worker, allocated by the constructor.
class DialoguePool {
 public:
  DialoguePool(uint32_t dialogues, uint32_t held_segments);

  // A fresh dialogue, or kNone.
  uint32_t Allocate();
  void Free(uint32_t index);
  Dialogue& operator[](uint32_t index) { return dialogues_[index]; }
  const Dialogue& operator[](uint32_t index) const { return dialogues_[index]; }
  uint32_t used() const { return used_; }

  // Calls reader(end, piece) for each piece of `segment`, and of held ones whose turn it
  // brings, in order; holds it where its own turn has not come. `free_end()` is an end whose
  // bytes nobody waits for (message text under way), or -1. Returns false where the segment
  // could not be held: the dialogue is broken then.
  template <typename FreeEnd, typename Reader>
  bool Offer(Dialogue& dialogue, flow::End end, const TextSegment& segment, uint32_t fin_bits,
             FreeEnd&& free_end, Reader&& reader);

  // Holds a segment until it is known where the text of its end starts. False where there is no
  // room for all of it.
  bool Await(Dialogue& dialogue, flow::End end, const TextSegment& segment);
  // No segment can be held, of whichever session.
  bool full() const { return free_held_ == flow::kNone; }
  // The held segment of `end` with the lowest number; of length 0 where there is none. Its data
  // stays the pool's.
  TextSegment FirstHeld(const Dialogue& dialogue, flow::End end) const;

  // What `end` sends next is lost: goes on behind the gap, at `mark` or at the first held byte.
  // Returns the number of bytes passed over.
  uint32_t SkipGap(Dialogue& dialogue, flow::End end, uint32_t mark);
  // Delivers whatever held segments have had their turn come.
  template <typename FreeEnd, typename Reader>
  void Pump(Dialogue& dialogue, uint32_t fin_bits, FreeEnd&& free_end, Reader&& reader);

 private:
  static constexpr uint32_t kHeldBytes = 2'048 - 32;
  static constexpr int kMaxHeld = 32;  // a session's

  struct Held {
    uint32_t next;
    uint32_t seq;
    uint32_t ack;
    uint32_t length;
    uint32_t captured;
    uint8_t end;
    bool push;
    uint8_t data[kHeldBytes];
  };

  enum class Turn { kNow, kLater, kPast };
  static Turn TurnOf(const Dialogue& dialogue, flow::End end, uint32_t seq, uint32_t length,
                     uint32_t ack, uint32_t fin_bits, int free_end);
  bool Hold(Dialogue& dialogue, flow::End end, const TextSegment& segment);
  void Drop(uint32_t* link, Dialogue& dialogue);
  // False where the reader has freed the dialogue.
  template <typename Reader>
  static bool Deliver(Dialogue& dialogue, flow::End end, const TextSegment& segment,
                      Reader& reader);

  std::vector<Dialogue> dialogues_;
  std::vector<Held> held_;
  std::vector<uint32_t> free_dialogues_;
  uint32_t free_held_ = flow::kNone;
  uint32_t used_ = 0;
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
  const uint32_t old = dialogue.next[end] - segment.seq;
  const uint32_t length = segment.length - old;
  const uint32_t captured = segment.captured > old ? segment.captured - old : 0;
  dialogue.next[end] += length;
  return reader(end, {.seq = segment.seq + old,
                      .ack = segment.ack,
                      .length = length,
                      .captured = captured,
                      .data = segment.data + old,
                      .push = segment.push});
}

template <typename FreeEnd, typename Reader>
bool DialoguePool::Offer(Dialogue& dialogue, flow::End end, const TextSegment& segment,
                         uint32_t fin_bits, FreeEnd&& free_end, Reader&& reader) {
  switch (
      TurnOf(dialogue, end, segment.seq, segment.length, segment.ack, fin_bits, free_end())) {
    case Turn::kPast:
      return true;
    case Turn::kLater:
      return Hold(dialogue, end, segment);
    case Turn::kNow:
      break;
  }
  const bool alive = Deliver(dialogue, end, segment, reader);
  if (alive && dialogue.held != flow::kNone) Pump(dialogue, fin_bits, free_end, reader);
  return true;
}

template <typename FreeEnd, typename Reader>
void DialoguePool::Pump(Dialogue& dialogue, uint32_t fin_bits, FreeEnd&& free_end,
                        Reader&& reader) {
  for (bool progress = true; progress;) {
    progress = false;
    for (uint32_t* link = &dialogue.held; *link != flow::kNone;) {
      const uint32_t index = *link;
      Held& held = held_[index];
      const Turn turn =
          TurnOf(dialogue, held.end, held.seq, held.length, held.ack, fin_bits, free_end());
      if (turn == Turn::kLater) {
        link = &held.next;
        continue;
      }
      // Off the list first: the reader may free the dialogue with all that it still holds.
      *link = held.next;
      --dialogue.held_count;
      bool alive = true;
      if (turn == Turn::kNow) {
        alive = Deliver(dialogue, held.end,
                        {.seq = held.seq,
                         .ack = held.ack,
                         .length = held.length,
                         .captured = held.captured,
                         .data = held.data,
                         .push = held.push},
                        reader);
        progress = true;
      }
      held.next = free_held_;
      free_held_ = index;
      if (!alive) return;
    }
  }
}

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_DIALOGUE_H_

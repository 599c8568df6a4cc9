// Where a session's text starts: at what its handshake says, which a mirror may show later, or
// met under way where the first of it is.
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::EndBit;
using flow::kNone;
using flow::TestEnd;

namespace {

// How long a handshake may come behind the text that follows it: a switch reorders within
// milliseconds, two taps with buffers of their own within more.
constexpr int64_t kHandshakePatience = 250 * kNanosPerMilli;

// Whether the handshake has said where an end's text starts.
bool KnowsStart(const flow::HotSession& hot, End end) {
  return TestEnd(hot.state.synced, end) && TestEnd(hot.state.seen, end);
}

}  // namespace

// No more is held of what was supposed to be behind its words. False where there is nothing to
// go on with: what is there tells nothing of mail, or all that is needed.
bool Worker::ReadSupposed(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const flow::ColdSession& cold = sessions_.cold(hot);
  dialogues_[cold.dialogue].supposed = false;
  for (const End lost : {0, 1}) Resume(slot, lost);
  remove_ |= IsOther(hot);
  if (!cold.has_dialogue()) return false;
  const Dialogue& dialogue = dialogues_[cold.dialogue];
  const OpeningText* opening = dialogues_.opening(dialogue);
  remove_ |= IsCandidate(hot) && !dialogue.hello_started && !opening->server_greeted &&
             !opening->preface.tunnel();
  return !remove_;
}

// A mirror may deliver a side's first text before the handshake that says where it starts.
// While one side's text waits, the other's waits too, since it may be the answer.
bool Worker::AwaitsHandshake(const flow::HotSession& hot, End end, uint8_t flags,
                             const TextSegment& piece) const {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  if (now_ - cold.first_seen > kHandshakePatience) return false;
  const Dialogue& dialogue = dialogues_[cold.dialogue];
  const auto waits = [&](End e) {
    const bool has_text = e == end || dialogues_.FirstHeld(dialogue, e).length != 0;
    return has_text && !dialogue.started[e] && !TestEnd(hot.state.synced, e);
  };
  // What has heard the other end before that has opened the connection: the answer to the SYN
  // is late, and what was heard with it. A ClientHello that comes first says all by itself.
  const bool first_hello = piece.OpensTls() && dialogue.held == kNone;
  const bool late = (flags & (net::kSyn | net::kAck)) == net::kAck &&
                    hot.state.synced == EndBit(end) && !dialogue.started[end] && !first_hello;
  return late || waits(0) || waits(1);
}

// False where the piece need not wait, or cannot.
bool Worker::HoldForHandshake(const flow::HotSession& hot, End end, uint8_t flags,
                              const TextSegment& piece) {
  const flow::ColdSession& cold = sessions_.cold(hot);
  if (!AwaitsHandshake(hot, end, flags, piece) ||
      !dialogues_.Hold(dialogues_[cold.dialogue], end, piece)) {
    return false;
  }
  timers_.Cancel(hot.cold);
  timers_.Schedule(hot.cold, TickOf(cold.first_seen + kHandshakePatience));
  return true;
}

// What has waited for its handshake long enough is read, though nothing may follow it.
void Worker::ReadWithoutHandshake(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const flow::ColdSession& cold = sessions_.cold(hot);
  if (!cold.has_dialogue()) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  const End client = ClientEnd(hot);
  // No client in sight: what its server says tells nothing.
  remove_ = dialogue.supposed && cold.packets[client] + cold.pending_packets[client] == 0;
  if (remove_) return;
  const auto waits = [&](End end) {
    return !dialogue.started[end] && dialogues_.FirstHeld(dialogue, end).length != 0;
  };
  if (!waits(0) && !waits(1)) return;
  BeginText(hot, 0, {});
  ReadHeld(slot);
  MarkDirty(hot);
}

// Settles where each side's text starts: where the handshake says, or, met under way, at the
// first text that is there. `at_hand` was sent by `end`; its length is 0 where there is none.
void Worker::BeginText(flow::HotSession& hot, End end, const TextSegment& at_hand) {
  flow::ColdSession& cold = sessions_.cold(hot);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  if (dialogue.started[0] && dialogue.started[1]) return;
  OpeningText* opening = dialogues_.opening(dialogue);
  const End server = flow::Other(ClientEnd(hot));
  const bool fresh = !dialogue.started[0] && !dialogue.started[1];
  const bool unheard = !dialogue.started[server];
  for (const End e : {0, 1}) {
    if (dialogue.started[e]) continue;
    const uint32_t heard = dialogue.next[e];  // by what was read of the other
    TextSegment first = dialogues_.FirstHeld(dialogue, e);
    if (e == end && at_hand.length != 0 &&
        (first.length == 0 || flow::Distance(at_hand.seq, first.seq) < 0)) {
      first = at_hand;
    }
    // A ClientHello is its stream's start, except where STARTTLS may have gone before.
    const Hint port = PortHint(hot);
    if (e == ClientEnd(hot) && (!port.known || port.tls) && first.OpensTls()) {
      sequencer_.Synchronize(hot, cold, e, first.seq, now_);
    }
    if (KnowsStart(hot, e)) {
      dialogue.started[e] = true;
      dialogue.next[e] = hot.base[e];
      if (opening != nullptr) opening->from_start[e] = true;
    } else if (first.length != 0) {
      dialogue.started[e] = true;
      dialogue.next[e] = first.seq;
    }
    if (opening != nullptr) opening->begin[e] = dialogue.next[e];
    // What the other's words answer comes only now.
    if (dialogue.read_alone && dialogue.started[e] &&
        flow::Distance(heard, dialogue.next[e]) > 0) {
      dialogue.Break();
    }
  }
  if (fresh && opening != nullptr) {
    dialogue.messages = classify::SmtpTransactions(opening->from_start[server]);
  } else if (unheard && KnowsStart(hot, server) && dialogue.smtp() != nullptr) {
    dialogue.smtp()->AwaitGreeting();  // the client spoke in its SYN, say
  }
}

}  // namespace mailtap::pipeline

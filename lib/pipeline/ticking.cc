// What happens once a tick. A session's end is in ending.cc.
#include <algorithm>

#include "absl/strings/string_view.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::kNone;
using flow::TestEnd;

bool Worker::EndTick(int64_t tick) {
  Settle();
  const UnixNanos end = StartOfTick(tick + 1);
  ExpireFragments(end);
  SettleDue(end);
  const bool ended = Expire(tick);
  for (const uint32_t index : dirty_) {
    if (sessions_.cold_at(index).slot == kNone) continue;  // ended since
    flow::HotSession& hot = sessions_.hot_of(index);
    Fold(hot);
    hot.state.dirty = 0;
  }
  dirty_.clear();
  unheard_.Expire(end);
  SetGauges(tick);
  const bool flushed = ended && SendEncaps() && conversations_.Flush([this](const auto& delta) {
    return ring_.Push(delta);
  });
  if (flushed && ring_.Push(exchange::TickRecord{.tick = tick, .sessions = established_})) {
    return true;
  }
  if (tick != full_tick_) counters_.ring_full.Add(1);
  full_tick_ = tick;
  return false;
}

// Before the deltas whose tags they explain. False where the ring is full.
bool Worker::SendEncaps() {
  for (; sent_encaps_ < split_encaps_.size(); ++sent_encaps_) {
    const net::EncapStack& layers = split_encaps_.Get(static_cast<uint16_t>(sent_encaps_ + 1));
    if (!ring_.Push(meter::EncapRecord{net::EncapTag(layers, split_kinds_), layers}))
      return false;
  }
  return true;
}

bool Worker::Finish(int64_t tick) {
  Settle();
  ExpireFragments(INT64_MAX);
  bool all = true;
  for (uint32_t index = 0; index < sessions_.touched(); ++index) {
    const uint32_t slot = sessions_.cold_at(index).slot;
    if (slot != kNone) all = EndSession(slot) && all;
  }
  return EndTick(tick) && all;
}

void Worker::ExpireFragments(UnixNanos now) {
  const uint64_t unplaced =
      reassembler_.Expire(now, [this](const PacketView& packet) { ProcessWhole(packet); });
  counters_.outcomes[static_cast<int>(net::Outcome::kFragment)].Add(unplaced);
}

int64_t Worker::NextEventTick() const {
  int64_t next = started_ && sessions_.size() != 0 ? timers_.NextTick() : INT64_MAX;
  if (const UnixNanos expiry = reassembler_.NextExpiry(); expiry != INT64_MAX) {
    next = std::min(next, TickOf(expiry));
  }
  if (const uint32_t oldest = holes_.oldest(); oldest != kNone) {
    next =
        std::min(next, TickOf(holes_[oldest].created + timeouts_.inference * kNanosPerSecond));
  }
  return next;
}

// Holes that nothing has filled in time are loss.
void Worker::SettleDue(UnixNanos end) {
  const int64_t patience = timeouts_.inference * kNanosPerSecond;
  while (holes_.oldest() != kNone) {
    const flow::Hole hole = holes_[holes_.oldest()];
    if (hole.created + patience >= end) return;
    flow::HotSession& hot = sessions_.hot_of(hole.owner);
    sequencer_.Settle(hot, sessions_.cold(hot), holes_.oldest());
    MarkDirty(hot);
    if (hole.provisional) continue;
    Resume(sessions_.cold(hot).slot, hole.end);
    if (remove_) Forget(sessions_.cold_at(hole.owner).slot);
  }
}

// Whether only one end has spoken, and so that there is reason to wait for the other: a server
// that is mail's; or a client that is, by its words, or is about to say so in its ClientHello,
// or asks a proxy for a tunnel. What a proxy was told is not the dialogue yet, nor is what a
// server that greets has refused.
bool Worker::AwaitsAnswer(const flow::HotSession& hot, const flow::ColdSession& cold) const {
  const Dialogue* dialogue = cold.has_dialogue() ? &dialogues_[cold.dialogue] : nullptr;
  const OpeningText* opening = dialogue != nullptr ? dialogues_.opening(*dialogue) : nullptr;
  const End client = ClientEnd(hot);
  if (opening != nullptr && !dialogue->hello_started && !opening->text_ended[client] &&
      (opening->prefaces != 0 || opening->server_greeted) &&
      opening->text(client).find('\n') == absl::string_view::npos) {
    return true;
  }
  if (!TestEnd(hot.state.payload, client)) {
    return hot.state.standard_port != 0 || (opening != nullptr && opening->server_greeted);
  }
  if (TestEnd(hot.state.payload, flow::Other(client))) return false;
  return IsMail(hot) ||
         (opening != nullptr && (dialogue->hello_started || opening->preface.reading()));
}

// Whether a candidate's client has begun with a hello on a port made for TLS.
bool Worker::SpeaksTlsAsItsPort(const flow::HotSession& hot) const {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  return cold.has_dialogue() && dialogues_[cold.dialogue].hello_started && PortHint(hot).tls;
}

// When a session is to be looked at next, if it stays silent.
int64_t Worker::DueTick(const flow::HotSession& hot, const flow::ColdSession& cold) const {
  const bool closed = IsClosed(hot);
  const bool other = IsOther(hot);
  // Mail may go on for long one way after the other end has said its last. What both ends have
  // no part in is no connection.
  const bool lasting = (other && hot.state.fin == 0 && hot.state.seen == 3) ||
                       ((IsMail(hot) || SpeaksTlsAsItsPort(hot)) && hot.state.established != 0);
  // A connection that both opened and on which nobody has spoken yet, or only one of them:
  // servers may greet late, and people answer late (RFC 5321, 4.5.3.2.1 and 4.5.3.2.7).
  constexpr int64_t kGreetingPatience = 300;
  const End client = ClientEnd(hot);
  const bool silent = hot.state.payload == 0 || AwaitsAnswer(hot, cold);
  // On an odd port the client's ACK may not have been looked at.
  const bool acknowledged =
      hot.state.standard_port == 0 || cold.packets[client] + cold.pending_packets[client] > 1;
  // Others need the room of the many whose server has gone.
  const bool crowded = IsUndecided(hot) && undecided_ > most_undecided_ / 4 * 3;
  const bool opened = hot.state.synced == 3 || hot.state.established != 0;
  const bool awaited = opened && silent && acknowledged && !crowded;
  // A SYN that nobody answers comes again, Linux's last after 32 s (tcp_syn_retries).
  constexpr int64_t kRetryPatience = 40;
  const bool unanswered =
      hot.state.payload == 0 && (hot.state.synced == 1 || hot.state.synced == 2);
  const int64_t seconds = closed       ? timeouts_.closed
                          : lasting    ? timeouts_.established
                          : awaited    ? std::max(timeouts_.candidate, kGreetingPatience)
                          : unanswered ? std::max(timeouts_.candidate, kRetryPatience)
                                       : timeouts_.candidate;
  return TickOf(cold.last_seen + seconds * kNanosPerSecond);
}

void Worker::Schedule(flow::HotSession& hot) {
  timers_.Schedule(hot.cold, DueTick(hot, sessions_.cold(hot)));
}

// False where the ring has no room for a session that has ended.
bool Worker::Expire(int64_t tick) {
  if (!started_) return true;
  return timers_.FireUntil(tick, [this, tick](uint32_t index) {
    flow::HotSession& hot = sessions_.hot_of(index);
    const uint32_t slot = sessions_.cold(hot).slot;
    ReadWithoutHandshake(slot);
    if (remove_) {
      Forget(slot);
      return true;
    }
    int64_t due = DueTick(hot, sessions_.cold(hot));
    if (due <= tick && GoesOn(slot)) due = DueTick(hot, sessions_.cold(hot));
    if (due <= tick) return EndSession(slot);
    timers_.Schedule(index, due);
    return true;
  });
}

// Whether a session on a mail port that has been silent for as long as a candidate may be is
// mail's, by all that there is: it may go on as any other.
bool Worker::GoesOn(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (!IsCandidate(hot) || hot.state.established == 0 || IsClosed(hot)) return false;
  const Hint port = PortHint(hot);
  if (!port.known) return false;
  Judge(slot, /*finished=*/true);
  if (IsCandidate(hot)) AcceptByPort(slot, port);
  if (!IsMail(hot)) return false;
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.dialogue == flow::kNotBegun) cold.dialogue = kNone;  // its beginning is over
  MarkDirty(hot);
  return true;
}

void Worker::SetGauges(int64_t tick) {
  counters_.sessions.Set(sessions_.size());
  counters_.conversations.Set(conversations_.size());
  counters_.dialogues.Set(dialogues_.used());
  counters_.openings.Set(dialogues_.openings());
  counters_.holes.Set(holes_.used());
  counters_.last_tick.Set(static_cast<uint64_t>(tick));
}

}  // namespace mailtap::pipeline

// A session's end: what is left is settled and decided, and the session reported and removed.
#include <algorithm>
#include <cstring>

#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::kNone;

// Reads what is left of a session that has ended, and decides about it for good.
void Worker::CloseText(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const flow::ColdSession& cold = sessions_.cold(hot);
  if (!cold.has_dialogue()) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  for (int round = 0; round < 2 * dialogue.held_count + 2; ++round) {
    if (dialogue.held == kNone || !cold.has_dialogue()) break;
    Resume(slot, round % 2);
  }
  if (cold.has_dialogue()) Judge(slot, /*finished=*/true);
  if (cold.has_dialogue() && dialogue.smtp() != nullptr) dialogue.smtp()->Finish();
}

// Ends a session: settles, decides, reports and removes it. False, with nothing removed, where
// the ring has no room for the report; the caller tries again later.
bool Worker::EndSession(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  // What is left is counted where it can be reported, too: the report tells when that was.
  const bool silent = hot.state.payload == 0 && hot.state.established == 0;
  if (!silent && !IsOther(hot) &&
      !ring_.HasRoomFor<meter::SessionRecord, meter::NameRecord>()) {
    return false;
  }
  sequencer_.SettleAll(hot, cold);
  const bool tells_no_more = cold.dialogue == kNone;
  CloseText(slot);
  remove_ = false;  // it is being removed
  if (IsCandidate(hot) && hot.state.established != 0) {
    // Headers, or one direction's acknowledgments, are all that the mirror shows; or TLS
    // without its ClientHello.
    const Hint standard = PortHint(hot);
    AcceptByPort(slot, standard.known || !tells_no_more ? standard : PastHint(hot));
  }
  const bool counts = hot.state.counted == 0 || cold.has_pending();
  Fold(hot);
  if (IsMail(hot)) {
    if (!Report(hot, counts)) return false;
    if (hot.state.established != 0) --established_;
  }
  if (hot.state.established == 0 || !IsMail(hot)) CountFailed(hot);
  Forget(slot);
  return true;
}

bool Worker::SendName(const flow::HotSession& hot, meter::NameSource source,
                      absl::string_view name) {
  meter::NameRecord record = {.key = KeyOf(hot),
                              .time = sessions_.cold_at(hot.cold).last_seen,
                              .session_id = hot.cold,
                              .source = source,
                              .length = static_cast<uint8_t>(name.size())};
  std::memcpy(record.text, name.data(), name.size());
  return ring_.Push(record);
}

// A name that does no more than tell people who it is: where the ring is nearly full, what ends
// a session has the room.
void Worker::Label(const flow::HotSession& hot, meter::NameSource source,
                   absl::string_view name) {
  if (!ring_.HasRoomFor<meter::SessionRecord, meter::NameRecord, meter::NameRecord>()) {
    Short(Shortage::kNames);
    return;
  }
  SendName(hot, source, name);
}

// Whether both sides were read from the start to the end, in clear.
bool Worker::HeardWhole(const flow::HotSession& hot) const {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  if (!cold.has_dialogue() || hot.state.tls != static_cast<uint32_t>(Tls::kNone) ||
      hot.state.seen != 3 || hot.state.synced != 3) {
    return false;
  }
  const Dialogue& dialogue = dialogues_[cold.dialogue];
  const Turns turns = TurnsOf(hot);
  const auto heard = [&](End end) {
    // What nobody has answered counts for nothing.
    return flow::TestEnd(turns.stopped | turns.free | turns.ignored, end) ||
           flow::Distance(dialogue.next[end], hot.mark[end]) >= 0;
  };
  return !dialogue.broken && heard(0) && heard(1);
}

// What a session's dialogue, heard as a whole, says of its messages.
void Worker::TellMessages(const flow::HotSession& hot, meter::SessionRecord& record) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  const End client = ClientEnd(hot), server = flow::Other(client);
  if (const auto* smtp = dialogue.smtp(); smtp != nullptr && smtp->known()) {
    if (record.key.service != Service::kSmtp) return;
    record.messages = smtp->messages();
    record.rejected = smtp->rejected();
    record.rejected_transient = smtp->rejected_transient();
    record.recipients = smtp->recipients();
    if (smtp->text_bytes_known()) record.text_bytes[kUp] = smtp->text_bytes();
  } else if (const auto* imap = dialogue.imap(); imap != nullptr) {
    if (record.key.service != Service::kImap) return;
    const auto unseen = [&](End end) {  // of a literal that was cut off
      return static_cast<uint64_t>(
          std::max(0, flow::Distance(dialogue.next[end], hot.mark[end])));
    };
    record.text_bytes[kUp] = imap->bytes(kUp, unseen(client));
    record.text_bytes[kDown] = imap->bytes(kDown, unseen(server));
  } else if (const auto* pop3 = dialogue.pop3(); pop3 != nullptr) {
    if (record.key.service != Service::kPop3) return;
    if (dialogue.spoke_late && record.bytes[kDown].inferred != 0) return;  // text, or a reply
    record.retrievals = pop3->retrievals();
    if (!pop3->text_bytes_known()) return;
    if (pop3->skipping() && dialogue.EndsRefused(hot.mark[server])) return;
    record.text_bytes[kDown] = pop3->text_bytes();
    if (!pop3->skipping()) return;
    const auto last = static_cast<int64_t>(TextUpTo(hot, server, hot.mark[server]));
    const auto dot = static_cast<int64_t>(pop3->dot_bytes());
    record.text_bytes[kDown] += static_cast<uint64_t>(std::max<int64_t>(0, last - dot));
  }
}

bool Worker::Report(const flow::HotSession& hot, bool counted_at_end) {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  const End client = ClientEnd(hot);
  meter::SessionRecord record = {.key = KeyOf(hot),
                                 .id = hot.cold,
                                 .first_seen = cold.first_seen,
                                 .last_seen = cold.last_seen};
  uint64_t volume = 0;
  for (const End end : {0, 1}) {
    meter::DirectionBytes& bytes = record.bytes[end == client ? kUp : kDown];
    bytes = {.observed = cold.total(end, flow::kObserved),
             .inferred = cold.total(end, flow::kInferred),
             .repeated = cold.total(end, flow::kRepeated),
             .packets = cold.packets[end]};
    volume += bytes.volume();
  }
  if (volume == 0) return true;  // a handshake is no session
  if (HeardWhole(hot)) TellMessages(hot, record);
  record.client_port = hot.port[client];
  record.evidence = static_cast<Evidence>(hot.state.evidence);
  record.tls = static_cast<Tls>(hot.state.tls);
  record.via = static_cast<Via>(hot.state.via);
  record.established = hot.state.established != 0;
  record.has_sni = cold.name != kNone;
  record.counted_at_end = counted_at_end;
  record.encap = encaps_.Get(cold.encap);
  if (record.has_sni && !SendName(hot, meter::NameSource::kSni, names_.Get(cold.name))) {
    return false;
  }
  return ring_.Push(record);
}

// A connection to a mail port that was opened in sight and came to nothing: nobody answered, or
// what was said is no mail, be it a greeting alone.
void Worker::CountFailed(const flow::HotSession& hot) {
  if (hot.state.synced == 0 || hot.state.standard_port == 0) return;
  const Hint port = PortHint(hot);
  if (!port.known) return;
  meter::ConversationKey key = KeyOf(hot);
  key.service = port.service;
  key.tls = port.tls ? Tls::kImplicit : Tls::kNone;
  bool exact = false;
  const uint32_t row = conversations_.Acquire(key, exact);
  meter::DeltaRecord& delta = conversations_.Touch(row);
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  ++delta.failed_sessions;
  if (delta.first_seen == 0) delta.first_seen = cold.first_seen;
  delta.last_seen = std::max(delta.last_seen, cold.last_seen);
  conversations_.Release(row);
}

// Takes a session out of every table.
void Worker::Forget(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  remove_ = false;
  sequencer_.SettleAll(hot, cold);
  timers_.Cancel(hot.cold);
  if (cold.has_dialogue()) dialogues_.Free(cold.dialogue);
  if (cold.name != kNone) names_.Release(cold.name);
  if (cold.conversation != kNone) conversations_.Release(cold.conversation);
  if (IsUndecided(hot)) --undecided_;
  if (IsHalfOpen(hot)) --half_open_;
  if (IsOther(hot)) --others_;
  if (hot.state.standard_port == 0) {
    suspicion_.Lower(flow::SessionTable::RoughHashOf(hot));
  }
  sessions_.Remove(slot);
}

}  // namespace mailtap::pipeline

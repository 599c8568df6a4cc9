// What is read of a session's text. What follows from it is in judging.cc.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::EndBit;
using flow::kNone;
using flow::kNotBegun;
using flow::TestEnd;

namespace {

// When one side has said so much without a decision, a flow is judged by what there is.
constexpr int32_t kMostUndecidedBytes = 1 << 16;
// Of a flow whose beginning is missing no more waits for it: what loses packets has many such
// flows, and what is known to be mail needs the room. What is only late comes within fewer.
constexpr int kMostSupposed = 8;

// A segment's text; what carries no ACK had heard as much as is `read`.
TextSegment TextOf(const net::Segment& segment, uint32_t read) {
  return {.seq = segment.seq + ((segment.flags & net::kSyn) != 0 ? 1 : 0),
          .ack = (segment.flags & net::kAck) != 0 ? segment.ack : read,
          .length = segment.length,
          .captured = segment.captured,
          .data = segment.payload,
          .push = (segment.flags & net::kPsh) != 0};
}

}  // namespace

// There is something to read. False where nobody can: there is no room.
bool Worker::StartReading(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  cold.dialogue = dialogues_.Allocate();
  if (cold.dialogue != kNone) return true;
  Short(Shortage::kDialogues);
  remove_ = hot.state.standard_port == 0;  // there is nothing to go by
  AcceptByPort(slot, PortHint(hot));
  return false;
}

void Worker::Read(uint32_t slot, End end, const net::Segment& segment) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.dialogue == kNotBegun && !StartReading(slot)) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  if (TestEnd(TurnsOf(hot).ignored, end)) {
    // Text is passed over, but not the answer to what the client is yet to be heard saying.
    const End other = flow::Other(end);
    const bool answers = !dialogue.broken && dialogue.started[other] &&
                         flow::Distance(segment.ack, dialogue.next[other]) > 0;
    if (!answers) {
      NoteRefusal(dialogue, segment);
      if (!dialogue.started[other]) AnswersUnseenHello(slot, TextOf(segment, segment.ack));
      return;
    }
  }
  // Nothing to read in what is behind: in a literal or a chunk, or a copy.
  const bool past = dialogue.started[end] &&
                    flow::Distance(segment.seq + segment.length, dialogue.next[end]) <= 0;
  if (past && IsMail(hot) && dialogue.held == kNone) return;
  if (dialogue.supposed && dialogue.held_count >= kMostSupposed) {
    // What is held tells enough, once the client comes.
    const End client = ClientEnd(hot);
    const int32_t said = flow::Distance(segment.seq, hot.base[end]);
    if (!TestEnd(hot.state.payload, client) && said < kMostUndecidedBytes) return;
    const bool comes = end == client && said == 0;
    if (!comes && !ReadSupposed(slot)) return;
  }
  const TextSegment piece = TextOf(segment, dialogue.next[flow::Other(end)]);
  if (HoldForHandshake(hot, end, segment.flags, piece)) return;
  BeginText(hot, end, piece);
  if (dialogue.held != kNone) ReadHeld(slot);
  if (cold.dialogue == kNone) return;
  // Behind a DATA whose reply is still missing a client has nothing to say but message text.
  if (!Offer(slot, end, piece) && !TestEnd(TurnsOf(hot).stopped, end)) {
    ReadOverGaps(slot, end, piece);
  }
  // A ClientHello has its own bounds.
  if (cold.dialogue != kNone && IsCandidate(hot) && !dialogue.hello_started &&
      flow::Distance(dialogue.next[end], dialogues_.opening(dialogue)->begin[end]) >
          kMostUndecidedBytes) {
    Judge(slot, /*finished=*/true);
  }
}

// False where the piece can neither be read yet nor held.
bool Worker::Offer(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  return dialogues_.Offer(
      dialogues_[sessions_.cold(hot).dialogue], end, piece, hot, [&] { return TurnsOf(hot); },
      [&](End from, const TextSegment& next) { return GiveText(slot, from, next); });
}

// With no room to wait in, what is missing before a piece counts as lost.
void Worker::ReadOverGaps(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  const flow::ColdSession& cold = sessions_.cold(hot);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  // A candidate's verdict may hang on it, too.
  if (dialogues_.full()) Short(Shortage::kReorderBuffers);
  bool held = false;
  for (bool passed = true; passed && !held;) {
    const bool ahead =
        dialogue.started[end] && flow::Distance(piece.seq, dialogue.next[end]) > 0;
    passed =
        (ahead && PassGap(hot, end, piece.seq)) || PassGap(hot, flow::Other(end), piece.ack);
    ReadHeld(slot);
    if (cold.dialogue == kNone) return;
    held = Offer(slot, end, piece);
    if (cold.dialogue == kNone) return;
  }
  if (!held) dialogue.Break();
}

// False where that was the last of the dialogue.
bool Worker::GiveText(uint32_t slot, End end, const TextSegment& piece) {
  OnText(slot, end, piece);
  return sessions_.cold(sessions_.hot(slot)).dialogue != kNone;
}

// Message text is skipped. Behind a DATA the client's side waits. Of IMAP and POP3 only the
// client's side, which may ask for TLS, matters where messages can't be counted.
Turns Worker::TurnsOf(const flow::HotSession& hot) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  const End client = ClientEnd(hot);
  if (dialogue.certificate_started) return {.free = EndBit(client)};
  const bool mail = IsMail(hot);
  const auto service = static_cast<Service>(hot.state.service);
  if (!mail || service == Service::kSmtp) {
    const classify::SmtpTransactions* smtp = dialogue.smtp();
    if (smtp == nullptr) return {};
    return {.free = smtp->skipping() ? EndBit(client) : 0,
            .stopped = smtp->stopped() ? EndBit(client) : 0};
  }
  const classify::Pop3Retrievals* pop3 = dialogue.pop3();
  const bool read = service == Service::kImap ? dialogue.imap() != nullptr
                                              : pop3 != nullptr && !pop3->skipping();
  return {.ignored = read && !dialogue.broken ? 0 : EndBit(flow::Other(client))};
}

// What `lost_end` says next is missing up to `to`, or up to what is held: reads on behind it.
// False where nothing is missing.
bool Worker::PassGap(flow::HotSession& hot, End lost_end, uint32_t to) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const bool text = TestEnd(TurnsOf(hot).free, lost_end);  // of a message: not needed
  if (dialogues_.SkipGap(dialogue, lost_end, to) == 0) return false;
  if (text) return true;
  dialogue.Break();
  OpeningText* opening = dialogues_.opening(dialogue);
  if (opening == nullptr) return true;
  if (opening->preface.reading()) {
    AbandonPreface(hot);
    return true;
  }
  if (lost_end == ClientEnd(hot)) opening->hello_cut = dialogue.hello_started;
  // Without its first bytes, or with so few that they tell nothing, a side is like one met
  // under way.
  if (opening->IsStump(lost_end)) {
    opening->from_start[lost_end] = false;
    opening->length[lost_end] = 0;
  } else {
    opening->text_ended[lost_end] = true;
  }
  return true;
}

// The worker has stopped waiting for what `lost_end` sent: goes on behind it.
void Worker::Resume(uint32_t slot, End lost_end) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.dialogue == kNone || (cold.dialogue == kNotBegun && !StartReading(slot))) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  BeginText(hot, lost_end, {});
  const Turns turns = TurnsOf(hot);
  if (TestEnd(turns.ignored | turns.stopped, lost_end)) return;
  PassGap(hot, lost_end, hot.mark[lost_end]);
  // Of a certificate that was cut nothing is read, and others need the room.
  if (dialogue.certificate_started && lost_end != ClientEnd(hot)) {
    return StopReading(hot);
  }
  ReadHeld(slot);
}

// What was held and can be read by now.
void Worker::ReadHeld(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const flow::ColdSession& cold = sessions_.cold(hot);
  dialogues_.Pump(
      dialogues_[cold.dialogue], hot, [&] { return TurnsOf(hot); },
      [&](End from, const TextSegment& piece) { return GiveText(slot, from, piece); });
}

void Worker::OnText(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  const uint32_t index = sessions_.cold(hot).dialogue;
  if (index == kNone) return;  // an earlier piece of the same segment has settled it
  Dialogue& dialogue = dialogues_[index];
  dialogue.supposed = false;
  const bool snapped = piece.captured < piece.length;
  if (dialogue.hello_started) return ReadTls(slot, end, piece);
  const End client = ClientEnd(hot);
  if (end != client && !dialogue.started[client] && AnswersUnseenHello(slot, piece)) return;
  if (IsCandidate(hot)) {
    OpeningText& opening = *dialogues_.opening(dialogue);
    if (opening.preface.reading(SideOf(hot, end))) return ReadPreface(slot, end, piece);
    if (end != client && OpenAnswer(slot, piece)) return;
    if (JudgeRecord(slot, end, piece)) return;
    const bool binary = piece.captured != 0 && !absl::ascii_isprint(piece.data[0]);
    if (binary && opening.was_binary && !opening.from_start[end]) {
      return opening.DropBinary(end, piece.seq + piece.length);
    }
    const uint32_t said_before = opening.length[end];
    ReadOpening(hot, end, piece);
    if (snapped) opening.text_ended[end] = true;
    if (end == client && OpenPreface(slot, piece, said_before)) return;
    if (end != client && JudgeServerTls(slot)) return;
  }
  if (end == client) {
    ReadClient(slot, piece);
  } else {
    ReadServer(slot, piece);
  }
  if (IsCandidate(hot) && !dialogue.hello_started && !MayOpenPreface(hot)) {
    Judge(slot, /*finished=*/false);
  }
}

void Worker::ReadOpening(const flow::HotSession& hot, End end, const TextSegment& piece) {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  OpeningText& opening = *dialogues_.opening(dialogue);
  const End client = ClientEnd(hot);
  if (opening.length[end] == 0 && opening.from_start[end] && end != client) {
    // By its own account: the mirror may lack what it answers, or deliver that first.
    const uint32_t begin = dialogue.started[client] ? opening.begin[client] : hot.base[client];
    opening.server_first = TestEnd(hot.state.synced, client) && piece.ack == begin;
  }
  if (end == client && piece.OpensTls()) opening.text_ended[end] = true;
  uint32_t again = 0;
  if (end == client) {
    again = std::min(opening.reread, piece.captured);
    opening.reread -= again;
  }
  opening.Append(end, piece.data + again, piece.captured - again);
}

}  // namespace mailtap::pipeline

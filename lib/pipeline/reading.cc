// What is read of a session's text. What follows from it is in judging.cc.
#include <algorithm>
#include <cstring>

#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::kNone;
using flow::Stage;
using flow::TestEnd;

namespace {

// After so many segments without a decision a flow is judged by what there is: every byte of
// both openings may come in a segment of its own.
constexpr uint32_t kMaxOpeningSegments = 2 * Dialogue::kTextBytes;
// How long a handshake may come behind the text that follows it: mirrors reorder within
// milliseconds.
constexpr int64_t kHandshakePatience = 50 * kNanosPerMilli;

bool OpensTls(const TextSegment& piece) {
  return piece.captured >= classify::kHelloStart &&
         classify::LooksLikeClientHello(piece.data, piece.captured);
}

}  // namespace

void Worker::Read(uint32_t slot, End end, const net::Segment& segment) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  if (end == TurnsOf(hot).ignored) return;
  ++dialogue.segments;
  const TextSegment piece = {
      .seq = segment.seq + ((segment.flags & net::kSyn) != 0 ? 1 : 0),
      .ack = (segment.flags & net::kAck) != 0 ? segment.ack : dialogue.next[flow::Other(end)],
      .length = segment.length,
      .captured = segment.captured,
      .data = segment.payload,
      .push = (segment.flags & net::kPsh) != 0};
  if (AwaitsHandshake(hot, end) && dialogues_.Await(dialogue, end, piece)) return;
  BeginText(hot, end, piece);
  const auto turns = [&] { return TurnsOf(hot); };
  const auto reader = [&](End from, const TextSegment& next) {
    OnText(slot, from, next);
    return cold.dialogue != kNone;
  };
  if (dialogue.held != kNone) dialogues_.Pump(dialogue, hot.state.fin, turns, reader);
  if (cold.dialogue == kNone) return;
  bool held = dialogues_.Offer(dialogue, end, piece, hot.state.fin, turns, reader);
  // Behind a DATA whose reply is still missing a client has nothing to say but message text.
  if (!held && end != TurnsOf(hot).stopped) {
    if (IsMail(hot) && dialogues_.full()) Short(Shortage::kReorderBuffers);
    // With no room to wait in, what is missing counts as lost. Each round passes a gap.
    for (int rounds = dialogue.held_count + 2; !held && rounds > 0; --rounds) {
      const bool ahead =
          dialogue.started[end] && flow::Distance(piece.seq, dialogue.next[end]) > 0;
      PassGap(hot, ahead ? end : flow::Other(end), ahead ? piece.seq : piece.ack);
      dialogues_.Pump(dialogue, hot.state.fin, turns, reader);
      if (cold.dialogue == kNone) return;
      held = dialogues_.Offer(dialogue, end, piece, hot.state.fin, turns, reader);
    }
    if (!held) dialogue.Break();
  }
  // A ClientHello has its own bounds.
  if (cold.dialogue != kNone && hot.state.stage == static_cast<uint32_t>(Stage::kCandidate) &&
      !dialogue.hello_started && dialogue.segments > kMaxOpeningSegments) {
    Judge(slot, /*finished=*/true);
  }
}

// Message text is skipped, and of IMAP and POP3 only the client's side matters once they are
// known. Behind a DATA the client's side waits.
Turns Worker::TurnsOf(const flow::HotSession& hot) const {
  const bool smtp = hot.state.service == static_cast<uint32_t>(Service::kSmtp);
  if (IsMail(hot) && !smtp) return {.ignored = flow::Other(ClientEnd(hot))};
  const classify::SmtpTransactions& read =
      dialogues_[sessions_.cold_at(hot.cold).dialogue].smtp;
  return {.free = read.skipping() ? ClientEnd(hot) : -1,
          .stopped = read.stopped() ? ClientEnd(hot) : -1};
}

// A mirror may deliver a side's first text before the handshake that says where it starts.
// While one side's text waits, the other's waits too, since it may be the answer.
bool Worker::AwaitsHandshake(const flow::HotSession& hot, End end) const {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  if (now_ - cold.first_seen > kHandshakePatience) return false;
  const Dialogue& dialogue = dialogues_[cold.dialogue];
  const auto waits = [&](End e) {
    const bool has_text = e == end || dialogues_.FirstHeld(dialogue, e).length != 0;
    return has_text && !dialogue.started[e] && !TestEnd(hot.state.synced, e);
  };
  return waits(0) || waits(1);
}

// Settles where each side's text starts: where the handshake says, or, met under way, at the
// first text that is there. `at_hand` was sent by `end`; its length is 0 where there is none.
void Worker::BeginText(flow::HotSession& hot, End end, const TextSegment& at_hand) {
  flow::ColdSession& cold = sessions_.cold(hot);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  if (dialogue.started[0] && dialogue.started[1]) return;
  const bool fresh = !dialogue.started[0] && !dialogue.started[1];
  for (const End e : {0, 1}) {
    if (dialogue.started[e]) continue;
    TextSegment first = dialogues_.FirstHeld(dialogue, e);
    if (e == end && at_hand.length != 0 &&
        (first.length == 0 || flow::Distance(at_hand.seq, first.seq) < 0)) {
      first = at_hand;
    }
    // A ClientHello is its stream's start, except where STARTTLS may have gone before.
    const Hint port = PortHint(hot);
    if (e == ClientEnd(hot) && (!port.known || port.tls) && OpensTls(first)) {
      sequencer_.Synchronize(hot, cold, e, first.seq, now_);
    }
    if (TestEnd(hot.state.synced, e) && TestEnd(hot.state.seen, e)) {
      dialogue.started[e] = dialogue.from_start[e] = true;
      dialogue.next[e] = hot.base[e];
    } else if (first.length != 0) {
      dialogue.started[e] = true;
      dialogue.next[e] = first.seq;
    }
  }
  if (fresh) {
    const End server = flow::Other(ClientEnd(hot));
    dialogue.smtp = classify::SmtpTransactions(dialogue.from_start[server]);
  }
}

// What `lost_end` says next is missing up to `to`, or up to what is held: reads on behind it.
void Worker::PassGap(flow::HotSession& hot, End lost_end, uint32_t to) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const bool text = lost_end == TurnsOf(hot).free;  // of a message: not needed
  if (dialogues_.SkipGap(dialogue, lost_end, to) == 0 || text) return;
  dialogue.Break();
  if (lost_end == ClientEnd(hot)) dialogue.hello_cut = dialogue.hello_started;
  // Without its first bytes a side is like one met under way.
  if (dialogue.text_length[lost_end] == 0) {
    dialogue.from_start[lost_end] = false;
  } else {
    dialogue.text_ended[lost_end] = true;
  }
}

// The worker has stopped waiting for what `lost_end` sent: goes on behind it.
void Worker::Resume(uint32_t slot, End lost_end) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.dialogue == kNone) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  BeginText(hot, lost_end, {});
  const Turns turns = TurnsOf(hot);
  if (lost_end == turns.ignored || lost_end == turns.stopped) return;
  PassGap(hot, lost_end, hot.mark[lost_end]);
  dialogues_.Pump(
      dialogue, hot.state.fin, [&] { return TurnsOf(hot); },
      [&](End from, const TextSegment& piece) {
        OnText(slot, from, piece);
        return cold.dialogue != kNone;
      });
}

void Worker::OnText(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  const uint32_t index = sessions_.cold(hot).dialogue;
  if (index == kNone) return;  // an earlier piece of the same segment has settled it
  Dialogue& dialogue = dialogues_[index];
  const bool snapped = piece.captured < piece.length;
  if (dialogue.hello_started) {
    if (end == ClientEnd(hot)) {
      if (!dialogue.hello_cut) dialogue.hello.Feed(piece.data, piece.captured);
      JudgeHello(slot, /*finished=*/snapped || dialogue.hello_cut);
    }
    return;
  }
  if (hot.state.stage == static_cast<uint32_t>(Stage::kCandidate)) {
    if (JudgeRecord(slot, end, piece)) return;
    ReadOpening(slot, end, piece);
    if (snapped) dialogue.text_ended[end] = true;
    if (end != ClientEnd(hot) && JudgeServerTls(slot)) return;
  }
  if (end == ClientEnd(hot)) {
    ReadClient(slot, piece);
  } else {
    ReadServer(slot, piece);
  }
  if (hot.state.stage == static_cast<uint32_t>(Stage::kCandidate) && !dialogue.hello_started) {
    Judge(slot, /*finished=*/false);
  }
}

void Worker::ReadOpening(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End client = ClientEnd(hot);
  uint32_t& kept = dialogue.text_length[end];
  if (kept == 0 && end != client && dialogue.text_length[client] == 0) {
    // By its own account: the mirror may lack what it answers.
    dialogue.server_first = dialogue.from_start[end] && TestEnd(hot.state.synced, client) &&
                            piece.ack == hot.base[client];
  }
  if (end == client && OpensTls(piece)) dialogue.text_ended[end] = true;
  uint32_t again = 0;
  if (end == client) {
    again = std::min(dialogue.reread, piece.captured);
    dialogue.reread -= again;
  }
  const uint32_t take = std::min(piece.captured - again, Dialogue::kTextBytes - kept);
  if (!dialogue.text_ended[end]) {
    std::memcpy(dialogue.text[end] + kept, piece.data + again, take);
    kept += take;
    if (kept == Dialogue::kTextBytes) dialogue.text_ended[end] = true;
  }
}

// How far `by` had heard the other side when it sent an `ack`. A FIN takes a number too, and is
// no text.
uint32_t Worker::Heard(const flow::HotSession& hot, End by, uint32_t ack) const {
  const uint32_t mark = hot.mark[flow::Other(by)];
  return flow::Distance(ack, mark) > 0 ? mark : ack;
}

// SMTP's replies are read, and a candidate's, as if they were SMTP's.
void Worker::ReadServer(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (IsMail(hot) && hot.state.service != static_cast<uint32_t>(Service::kSmtp)) return;
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  classify::SmtpTransactions& smtp = dialogue.smtp;
  const End client = ClientEnd(hot);
  for (uint32_t at = 0; at < piece.captured;) {
    // Before its next reply the server has read what was waiting for the last one.
    if (dialogue.held != kNone && !ReadHeard(slot, piece.ack)) return;
    const bool was_skipping = smtp.skipping();
    at += static_cast<uint32_t>(smtp.OnServer(piece.data + at, piece.captured - at));
    if (was_skipping && !smtp.skipping()) {
      OverlookedEnd(hot, piece.ack);
    } else if (!was_skipping && smtp.skipping()) {
      dialogue.text_start = dialogue.text_seen = dialogue.next[client];
      dialogue.message_end.Start();
    }
  }
  if (piece.captured < piece.length) dialogue.Break();
}

// Reads what is held of the client's side up to `ack`, as far as it is its turn. False where
// that has freed the dialogue.
bool Worker::ReadHeard(uint32_t slot, uint32_t ack) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  const auto reader = [&](End from, const TextSegment& piece) {
    OnText(slot, from, piece);
    return cold.dialogue != kNone;
  };
  for (bool more = true; more && cold.dialogue != kNone;) {
    Dialogue& dialogue = dialogues_[cold.dialogue];
    more = !dialogue.smtp.stopped() && dialogues_.DeliverHeld(dialogue, ClientEnd(hot), ack,
                                                              dialogue.smtp.skipping(), reader);
  }
  return cold.dialogue != kNone;
}

// The server has answered message text whose final dot was not seen: it ended where the server
// had read up to.
void Worker::OverlookedEnd(flow::HotSession& hot, uint32_t ack) {
  const End client = ClientEnd(hot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const uint32_t heard = Heard(hot, flow::Other(client), ack);
  if (flow::Distance(heard, dialogue.next[client]) > 0) dialogue.next[client] = heard;
  const uint32_t bytes = heard - dialogue.text_start;
  constexpr uint32_t kDot = classify::MessageEnd::kLineBytes;
  dialogue.smtp.MeasureText(bytes > kDot ? bytes - kDot : 0);
}

void Worker::ReadClient(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End client = ClientEnd(hot);
  const bool mail = IsMail(hot);
  const bool smtp = !mail || hot.state.service == static_cast<uint32_t>(Service::kSmtp);
  if (smtp && dialogue.smtp.skipping()) return ReadMessageText(slot, piece);
  const uint32_t missing = piece.length - piece.captured;
  // At the stream's start any bytes that may become a hello are read as one.
  const bool opening =
      dialogue.from_start[client] && piece.captured != 0 && piece.seq == hot.base[client];
  if (!mail && opening && classify::LooksLikeClientHello(piece.data, piece.captured)) {
    StartHello(hot, dialogue, client, piece.data, piece.captured);
    return JudgeHello(slot, /*finished=*/missing != 0);
  }
  uint32_t taken = piece.captured;
  if (smtp) taken = static_cast<uint32_t>(dialogue.smtp.OnClient(piece.data, piece.captured));
  bool tls = dialogue.smtp.tls();
  if (!tls && (!mail || !smtp)) {
    const uint32_t given = taken;
    taken = static_cast<uint32_t>(dialogue.watcher.OnClient(piece.data, given));
    tls = dialogue.watcher.tls();
  }
  if (!tls && OpensTls(piece)) {  // the mirror lacks what asked for it
    tls = true;
    taken = 0;
  }
  if (!tls && taken < piece.captured) return Stop(hot, piece, taken);
  if (smtp) SkipChunk(hot, missing);
  if (tls) {
    hot.state.tls = static_cast<uint32_t>(Tls::kStarttls);
    Judge(slot, /*finished=*/false);
    if (sessions_.cold(hot).dialogue == kNone) return;
    StartHello(hot, dialogue, client, piece.data + taken, piece.captured - taken);
    JudgeHello(slot, /*finished=*/missing != 0);
  } else if (mail && !smtp && dialogue.watcher.done()) {
    StopReading(hot);
  }
}

// What the client says behind a DATA waits until the server has answered.
void Worker::Stop(flow::HotSession& hot, const TextSegment& piece, uint32_t taken) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const uint32_t rest = piece.captured - taken;
  const bool held = dialogues_.PutBack(dialogue, ClientEnd(hot),
                                       {.seq = piece.seq + taken,
                                        .ack = piece.ack,
                                        .length = piece.length - taken,
                                        .captured = rest,
                                        .data = piece.data + taken,
                                        .push = piece.push});
  if (held) {
    dialogue.reread += rest;
  } else {
    dialogue.Break();
  }
}

// Goes on behind a chunk whose start has been read; of the piece read last, `missing` bytes
// were not captured.
void Worker::SkipChunk(flow::HotSession& hot, uint32_t missing) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  classify::SmtpTransactions& smtp = dialogue.smtp;
  if (smtp.chunk_left() < missing) return dialogue.Break();
  if (missing != 0) smtp.SkipChunk(missing);
  if (!IsMail(hot) || smtp.chunk_left() == 0) return;
  constexpr uint64_t kFarthest = 1u << 30;  // numbers that far off are still ahead
  const uint64_t step = std::min(smtp.chunk_left(), kFarthest);
  smtp.SkipChunk(step);
  dialogue.next[ClientEnd(hot)] += static_cast<uint32_t>(step);
}

// Message text is not read, but for what may be its end.
void Worker::ReadMessageText(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (!piece.MayHoldCommands()) return;
  const bool follows = piece.seq == dialogue.text_seen;
  dialogue.text_seen = piece.seq + piece.captured;
  const auto end = static_cast<uint32_t>(
      dialogue.message_end.Find(piece.data, piece.captured, follows, piece.early));
  if (end == 0) return;
  dialogue.smtp.EndText(piece.seq + end - classify::MessageEnd::kLineBytes -
                        dialogue.text_start);
  ReadClient(slot, {.seq = piece.seq + end,
                    .ack = piece.ack,
                    .length = piece.length - end,
                    .captured = piece.captured - end,
                    .data = piece.data + end,
                    .push = piece.push,
                    .early = piece.early});
}

}  // namespace mailtap::pipeline

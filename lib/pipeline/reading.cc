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

}  // namespace

void Worker::Read(uint32_t slot, End end, const net::Segment& segment) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  for (const End e : {0, 1}) {
    // The handshake tells where each side's text starts.
    if (!dialogue.started[e] && TestEnd(hot.state.synced, e) && TestEnd(hot.state.seen, e)) {
      dialogue.started[e] = dialogue.from_start[e] = true;
      dialogue.next[e] = hot.base[e];
    }
  }
  if (++dialogue.segments == 1) {
    const End server = flow::Other(ClientEnd(hot));
    dialogue.smtp = classify::SmtpTransactions(dialogue.from_start[server]);
  }
  if (JudgeRecord(slot, end, segment)) return;
  const End client = ClientEnd(hot);
  const bool held = dialogues_.Offer(
      dialogue, end,
      {.seq = segment.seq + ((segment.flags & net::kSyn) != 0 ? 1 : 0),
       .ack = (segment.flags & net::kAck) != 0 ? segment.ack : dialogue.next[flow::Other(end)],
       .length = segment.length,
       .captured = segment.captured,
       .data = segment.payload,
       .push = (segment.flags & net::kPsh) != 0},
      hot.state.fin, [&] { return dialogue.smtp.skipping() ? client : -1; },
      [&](End from, const TextSegment& piece) {
        OnText(slot, from, piece);
        return cold.dialogue != kNone;
      });
  if (!held && IsMail(hot)) Short(Shortage::kReorderBuffers);
  // A ClientHello has its own bounds.
  if (cold.dialogue != kNone && hot.state.stage == static_cast<uint32_t>(Stage::kCandidate) &&
      !dialogue.hello_started && dialogue.segments > kMaxOpeningSegments) {
    Judge(slot, /*finished=*/true);
  }
}

// The worker has stopped waiting for what `lost_end` sent: goes on behind it.
void Worker::Resume(uint32_t slot, End lost_end) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.dialogue == kNone) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  const End client = ClientEnd(hot);
  if (dialogue.smtp.skipping() && lost_end == client) return;  // message text: not needed
  const uint32_t passed = dialogues_.SkipGap(dialogue, lost_end, hot.mark[lost_end]);
  if (passed != 0) {
    if (lost_end == client && dialogue.smtp.chunk_left() >= passed) {
      dialogue.smtp.SkipChunk(passed);
    } else {
      dialogue.broken = true;
      // Without its first bytes a side is like one met under way.
      if (dialogue.text_length[lost_end] == 0) {
        dialogue.from_start[lost_end] = false;
      } else {
        dialogue.text_ended[lost_end] = true;
      }
    }
  }
  dialogues_.Pump(
      dialogue, hot.state.fin, [&] { return dialogue.smtp.skipping() ? client : -1; },
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
      dialogue.hello.Feed(piece.data, piece.captured);
      JudgeHello(slot, /*finished=*/snapped);
    }
    return;
  }
  if (hot.state.stage == static_cast<uint32_t>(Stage::kCandidate)) {
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
  const uint32_t take = std::min(piece.captured, Dialogue::kTextBytes - kept);
  if (!dialogue.text_ended[end]) {
    std::memcpy(dialogue.text[end] + kept, piece.data, take);
    kept += take;
    if (kept == Dialogue::kTextBytes) dialogue.text_ended[end] = true;
  }
}

// SMTP's replies are read, and a candidate's, as if they were SMTP's.
void Worker::ReadServer(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (IsMail(hot) && hot.state.service != static_cast<uint32_t>(Service::kSmtp)) return;
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End client = ClientEnd(hot);
  for (uint32_t at = 0; at < piece.captured;) {
    const bool was_skipping = dialogue.smtp.skipping();
    at += static_cast<uint32_t>(dialogue.smtp.OnServer(piece.data + at, piece.captured - at));
    if (!was_skipping || dialogue.smtp.skipping()) continue;
    // The message ended where the server had read up to, or before commands already sent.
    // A FIN that it has seen too is no text.
    const bool with_fin = flow::Distance(piece.ack, hot.mark[client]) > 0;
    const uint32_t heard = with_fin ? hot.mark[client] : piece.ack;
    if (flow::Distance(heard, dialogue.next[client]) > 0) dialogue.next[client] = heard;
    const absl::string_view commands = dialogue.TakeTail();
    dialogue.smtp.OnClient(reinterpret_cast<const uint8_t*>(commands.data()), commands.size());
  }
  if (piece.captured < piece.length) dialogue.broken = true;
}

void Worker::ReadClient(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End client = ClientEnd(hot);
  const bool mail = IsMail(hot);
  const bool smtp = !mail || hot.state.service == static_cast<uint32_t>(Service::kSmtp);
  if (smtp && dialogue.smtp.skipping()) {
    if (mail && piece.push) dialogue.KeepTail(piece.data, piece.captured);
    return;
  }
  const uint32_t missing = piece.length - piece.captured;
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
    taken = static_cast<uint32_t>(dialogue.watcher.OnClient(piece.data, piece.captured));
    tls = dialogue.watcher.tls();
  }
  if (missing != 0 && dialogue.smtp.chunk_left() >= missing) {
    dialogue.smtp.SkipChunk(missing);
  } else if (missing != 0) {
    dialogue.broken = true;
  }
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

}  // namespace mailtap::pipeline

// What is read for counting messages: SMTP's dialogue, and what IMAP and POP3 say around
// theirs.
#include <algorithm>

#include "absl/strings/match.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::kNone;

namespace {

// In units of 64 MiB: 16 bits of them reach up to 4 TiB.
constexpr int kUnitBits = 26;
uint16_t Units(uint64_t bytes) { return static_cast<uint16_t>(bytes >> kUnitBits); }

}  // namespace

// How far `by` had heard the other side when it sent an `ack`. A FIN takes a number too, and is
// no text.
uint32_t Worker::Heard(const flow::HotSession& hot, End by, uint32_t ack) const {
  const uint32_t mark = hot.mark[flow::Other(by)];
  return flow::Distance(ack, mark) > 0 ? mark : ack;
}

// Message text begins with the byte of this number.
void Worker::StartText(const flow::HotSession& hot, End sender, uint32_t number) {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  dialogue.text_start = dialogue.text_seen = number;
  dialogue.text_units = Units(cold.Sent(sender));
}

// The bytes of message text up to a number. Numbers repeat every 4 GiB: how often they have is
// told by what the sender has sent since.
uint64_t Worker::TextUpTo(const flow::HotSession& hot, End sender, uint32_t number) const {
  constexpr int kRangeBits = 32;
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  const Dialogue& dialogue = dialogues_[cold.dialogue];
  const uint16_t units = Units(cold.Sent(sender)) - dialogue.text_units;
  const int64_t since = int64_t{units} << kUnitBits;
  const int64_t part = number - dialogue.text_start;
  // The nearest; below 0 where the number stands before the text.
  const int64_t rounds = (since - part + (int64_t{1} << (kRangeBits - 1))) >> kRangeBits;
  return static_cast<uint64_t>(std::max<int64_t>(0, part + (rounds << kRangeBits)));
}

// What a client has said before the server greeted was read as SMTP's; it counts as `service`'s
// commands as far as all of it is still there.
void Worker::CountAs(const flow::HotSession& hot, Service service) {
  Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  const OpeningText& opening = *dialogues_.opening(dialogue);
  const End client = ClientEnd(hot);
  const uint32_t said =
      dialogue.started[client] ? dialogue.next[client] - opening.begin[client] : 0;
  const absl::string_view text = opening.text(client);
  if (said != text.size() || (said != 0 && !opening.from_start[client])) return;
  const auto* data = reinterpret_cast<const uint8_t*>(text.data());
  if (service == Service::kImap) {
    dialogue.messages.emplace<classify::ImapTransfers>().Read(kUp, data, said);
  } else if (service == Service::kPop3) {
    dialogue.messages.emplace<classify::Pop3Retrievals>().OnClient(data, said);
  }
}

// How the server greets decides what is counted.
void Worker::ChooseCounter(const flow::HotSession& hot, const TextSegment& piece) {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  const OpeningText& opening = *dialogues_.opening(dialogue);
  const End server = flow::Other(ClientEnd(hot));
  // Line ends may go before a greeting.
  const absl::string_view said = opening.text(server);
  const std::size_t at = said.find_first_not_of("\r\n");
  if (at == said.npos) return;
  const int32_t in =
      flow::Distance(opening.begin[server] + static_cast<uint32_t>(at), piece.seq);
  const bool first =
      opening.from_start[server] && in >= 0 && static_cast<uint32_t>(in) < piece.captured;
  if (!first) return;
  if (said[at] == '*') CountAs(hot, Service::kImap);
  if (said[at] == '+' || said[at] == '-') CountAs(hot, Service::kPop3);
}

void Worker::ReadServer(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End server = flow::Other(ClientEnd(hot));
  if (!IsMail(hot)) ChooseCounter(hot, piece);
  // It has agreed to TLS, though the mirror lacks the client's hello, or other words went
  // before that (CVE-2011-0411). No reply of SMTP's looks like this; what IMAP and POP3 fetch
  // may.
  if ((dialogue.broken || dialogue.smtp() != nullptr) && IsMail(hot) &&
      hot.state.tls == static_cast<uint32_t>(Tls::kNone) &&
      piece.captured >= classify::kHelloStart &&
      classify::LooksLikeServerHello(piece.data, piece.captured)) {
    hot.state.tls = static_cast<uint32_t>(Tls::kStarttls);
    return StopReading(hot);
  }
  if (flow::TestEnd(TurnsOf(hot).ignored, server)) return;
  const uint32_t missing = piece.length - piece.captured;
  if (dialogue.smtp() != nullptr) {
    ReadReplies(slot, piece);
  } else if (classify::ImapTransfers* imap = dialogue.imap(); imap != nullptr) {
    imap->Read(kDown, piece.data, piece.captured);
    if (imap->compressed()) return Compressed(hot);
    SkipAhead(hot, server, missing);
    SkipAhead(hot, ClientEnd(hot), 0);  // the literal that it has asked for
  } else if (classify::Pop3Retrievals* pop3 = dialogue.pop3(); !pop3->skipping()) {
    const std::size_t taken = pop3->OnServer(piece.data, piece.captured);
    if (pop3->skipping()) StartText(hot, server, piece.seq + static_cast<uint32_t>(taken));
    if (pop3->lost() || (missing != 0 && !pop3->skipping())) dialogue.Break();
  }
}

// SMTP's replies; a candidate's are read as if they were.
void Worker::ReadReplies(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  classify::SmtpTransactions& smtp = *dialogue.smtp();
  const End client = ClientEnd(hot);
  // The server has heard all that is read of the client, and its FIN.
  if (flow::TestEnd(hot.state.fin, client) && piece.ack == dialogue.next[client] + 1)
    smtp.HangUp();
  for (uint32_t at = 0; at < piece.captured;) {
    // Before its next reply the server has read what was waiting for the last one.
    if (dialogue.held != kNone && !ReadHeard(slot, piece.ack)) return;
    const bool was_skipping = smtp.skipping();
    at += static_cast<uint32_t>(smtp.OnServer(piece.data + at, piece.captured - at));
    if (was_skipping && !smtp.skipping()) {
      OverlookedEnd(hot, piece.ack);
    } else if (!was_skipping && smtp.skipping()) {
      StartText(hot, client, dialogue.next[client]);
      dialogue.message_end.Start();
    }
  }
  if (piece.captured < piece.length) dialogue.Break();
}

// What follows can't be read, nor will it turn to TLS.
void Worker::Compressed(flow::HotSession& hot) {
  dialogues_[sessions_.cold(hot).dialogue].Break();
  if (IsMail(hot)) StopReading(hot);
}

// Reads what is held of the client's side up to `ack`, as far as it is its turn. False where
// that has freed the dialogue.
bool Worker::ReadHeard(uint32_t slot, uint32_t ack) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  const auto reader = [&](End from, const TextSegment& piece) {
    return GiveText(slot, from, piece);
  };
  for (bool more = true; more && cold.dialogue != kNone;) {
    Dialogue& dialogue = dialogues_[cold.dialogue];
    const classify::SmtpTransactions* smtp = dialogue.smtp();
    more = smtp != nullptr && !smtp->stopped() &&
           dialogues_.DeliverHeld(dialogue, ClientEnd(hot), ack, smtp->skipping(), reader);
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
  const uint64_t bytes = TextUpTo(hot, client, heard);
  const std::size_t dot = heard == dialogue.text_seen ? dialogue.message_end.overlooked_bytes()
                                                      : classify::MessageEnd::kLineBytes;
  dialogue.smtp()->MeasureText(bytes > dot ? bytes - dot : 0);
}

void Worker::ReadClient(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End client = ClientEnd(hot);
  const bool mail = IsMail(hot);
  const bool smtp = hot.state.service == static_cast<uint32_t>(Service::kSmtp);
  if (dialogue.smtp() != nullptr && dialogue.smtp()->skipping()) {
    return ReadMessageText(slot, piece);
  }
  const uint32_t missing = piece.length - piece.captured;
  if (!mail && StartsWithHello(hot, piece)) return StartHello(slot, piece, /*at=*/0);
  const classify::ImapTransfers* imap = dialogue.imap();
  const bool in_literal = imap != nullptr && imap->literal_left(kUp) != 0;
  // What a session's client opens so is read as lines where its hello is; see ReadAsClear.
  const bool opens = mail && !in_literal && piece.OpensTls();
  uint32_t taken = opens ? 0 : ReadCommands(hot, piece);
  bool tls = dialogue.smtp() != nullptr && dialogue.smtp()->tls();
  if (!tls && !opens && imap == nullptr && !(mail && smtp) && !dialogue.watcher.done()) {
    taken = static_cast<uint32_t>(dialogue.watcher.OnClient(piece.data, taken));
  }
  tls = tls || dialogue.watcher.tls();
  if (opens || (!tls && !mail && !in_literal && piece.OpensTls() &&
                !dialogues_.opening(dialogue)->BeginsForeign())) {
    // The mirror may lack what asked for it.
    tls = true;
    taken = 0;
  }
  if (!tls && taken < piece.captured) return Stop(hot, piece, taken);
  if (tls) {
    hot.state.tls = static_cast<uint32_t>(Tls::kStarttls);
    Judge(slot, /*finished=*/false);
    if (sessions_.cold(hot).dialogue == kNone) return;
    return StartHello(slot, piece, taken);
  }
  SkipAhead(hot, client, missing);
  // No more TLS to come, and no counts, or none that others don't need the room for.
  const bool counts =
      !flow::TestEnd(TurnsOf(hot).ignored, flow::Other(client)) && !dialogues_.crowded();
  if (mail && !smtp && dialogue.watcher.done() && !counts) StopReading(hot);
}

// Gives a client's text to what counts messages; returns how many bytes it took.
uint32_t Worker::ReadCommands(flow::HotSession& hot, const TextSegment& piece) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (classify::SmtpTransactions* smtp = dialogue.smtp(); smtp != nullptr) {
    return static_cast<uint32_t>(smtp->OnClient(piece.data, piece.captured));
  }
  if (classify::ImapTransfers* imap = dialogue.imap(); imap != nullptr) {
    return static_cast<uint32_t>(
        imap->Read(kUp, piece.data, piece.captured, &dialogue.watcher));
  }
  classify::Pop3Retrievals& pop3 = *dialogue.pop3();
  if (pop3.skipping()) EndRetrieval(hot, piece);
  pop3.OnClient(piece.data, piece.captured);
  return piece.captured;
}

// A server that has waited for too long may say so, and looks as if it went on with its text
// (RFC 1939, 3, would have it close without a word).
void Worker::NoteRefusal(Dialogue& dialogue, const net::Segment& segment) {
  const classify::Pop3Retrievals* pop3 = dialogue.pop3();
  if (pop3 == nullptr || !pop3->skipping()) return;
  const absl::string_view text(reinterpret_cast<const char*>(segment.payload),
                               segment.captured);
  if (absl::StartsWithIgnoreCase(text, "-ERR")) {
    dialogue.text_seen = segment.seq + segment.length;
  }
}

// A retrieved message has ended where the client had heard it when it spoke again.
void Worker::EndRetrieval(const flow::HotSession& hot, const TextSegment& piece) {
  Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  classify::Pop3Retrievals& pop3 = *dialogue.pop3();
  const End client = ClientEnd(hot), server = flow::Other(client);
  const uint32_t heard = Heard(hot, client, piece.ack);
  // What is sent again may have heard its own answer, too: that is held, or is lost.
  dialogue.spoke_late |= flow::Distance(hot.mark[client], piece.seq + piece.length) > 0;
  const bool answered = dialogues_.HoldsAnswer(dialogue, server, piece.seq, heard);
  pop3.EndText(TextUpTo(hot, server, heard), /*measured=*/!dialogue.EndsRefused(heard));
  if (flow::Distance(heard, dialogue.next[server]) > 0) dialogue.next[server] = heard;
  if (pop3.lost() || answered) dialogue.Break();
}

// What the client says behind a DATA waits until the server has answered.
void Worker::Stop(flow::HotSession& hot, const TextSegment& piece, uint32_t taken) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const uint32_t rest = piece.captured - taken;
  const bool held = dialogues_.PutBack(dialogue, ClientEnd(hot), piece.Behind(taken));
  if (!held) return dialogue.Break();
  OpeningText* opening = dialogues_.opening(dialogue);
  if (opening != nullptr) opening->reread += rest;
}

// Goes on behind a chunk or a literal whose start has been read; of the piece read last,
// `missing` bytes were not captured.
void Worker::SkipAhead(flow::HotSession& hot, End end, uint32_t missing) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const Direction direction = end == ClientEnd(hot) ? kUp : kDown;
  classify::SmtpTransactions* smtp = dialogue.smtp();
  classify::ImapTransfers* imap = dialogue.imap();
  uint64_t left = 0;
  if (smtp != nullptr) left = smtp->chunk_left();
  if (imap != nullptr) left = imap->literal_left(direction);
  if (left < missing) return dialogue.Break();
  constexpr uint64_t kFarthest = 1u << 30;  // numbers that far off are still ahead
  const uint64_t ahead = IsMail(hot) ? std::min(left - missing, kFarthest) : 0;
  if (missing + ahead == 0) return;
  if (smtp != nullptr) smtp->SkipChunk(missing + ahead);
  if (imap != nullptr) imap->SkipLiteral(direction, missing + ahead);
  dialogue.next[end] += static_cast<uint32_t>(ahead);
}

// Message text is not read, but for what may be its end.
void Worker::ReadMessageText(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  // By its own account the client had not heard the reply to DATA: commands may stand anywhere.
  const flow::End server = flow::Other(ClientEnd(hot));
  const bool early = piece.early || flow::Distance(dialogue.next[server], piece.ack) > 0;
  if (!early && !piece.MayHoldCommands()) return;
  const bool follows = piece.seq == dialogue.text_seen;
  dialogue.text_seen = piece.seq + piece.captured;
  const auto end = static_cast<uint32_t>(
      dialogue.message_end.Find(piece.data, piece.captured, follows, early));
  if (end == 0) return;
  constexpr uint32_t kDot = classify::MessageEnd::kLineBytes;
  const uint32_t text_end = piece.seq + end - kDot;
  dialogue.smtp()->EndText(TextUpTo(hot, ClientEnd(hot), text_end));
  TextSegment commands = piece.Behind(end);
  commands.early = early;
  ReadClient(slot, commands);
}

}  // namespace mailtap::pipeline

// What is read of a session's text, and what follows from it.
#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "lib/classify/server_name.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using classify::Answer;
using classify::TlsHelloParser;
using flow::End;
using flow::EndBit;
using flow::kNone;
using flow::Stage;
using flow::TestEnd;

namespace {

// After so many segments without a decision a flow is judged by what there is: every byte of
// both openings may come in a segment of its own.
constexpr uint32_t kMaxOpeningSegments = 2 * Dialogue::kTextBytes;

}  // namespace

Worker::Hint Worker::PortHint(const flow::HotSession& hot) const {
  if (hot.state.standard_port == 0) return {};
  const uint16_t port = hot.port[flow::Other(ClientEnd(hot))];
  if (!ports_.Contains(port)) return {};  // a mail port on the client's side means nothing
  return {.known = true, .service = ports_.service(port), .tls = ports_.tls(port)};
}

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

// The client's text has turned into TLS.
void Worker::StartHello(flow::HotSession& hot, Dialogue& dialogue, End client,
                        const uint8_t* data, uint32_t size) {
  if (hot.state.tls == static_cast<uint32_t>(Tls::kNone)) {
    hot.state.tls = static_cast<uint32_t>(Tls::kImplicit);
  }
  dialogue.hello_started = true;
  dialogue.text_length[client] = 0;
  dialogue.text_ended[client] = true;
  dialogue.hello.Start(dialogue.name);
  dialogue.hello.Feed(data, size);
}

// Decides about a session whose client speaks TLS, as far as the hello is known.
void Worker::JudgeHello(uint32_t slot, bool finished) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const TlsHelloParser& hello = dialogue.hello;
  if (hello.status() == TlsHelloParser::Status::kNeedMore && !finished) return;
  const auto tls = static_cast<Tls>(hot.state.tls);
  const absl::string_view name = hello.server_name();
  std::optional<Service> claimed = classify::ServiceOfServerName(name);
  if (hello.alpn_imap()) claimed = Service::kImap;
  if (hello.alpn_pop3()) claimed = Service::kPop3;

  if (hot.state.stage == static_cast<uint32_t>(Stage::kCandidate)) {
    const Hint port = PortHint(hot);
    const bool hello_read = hello.status() == TlsHelloParser::Status::kDone;
    if (hello.status() == TlsHelloParser::Status::kNotHello) {
      return Reject(slot);
    } else if (port.known && port.tls) {
      const bool named = claimed == port.service;
      Accept(slot, port.service, named ? Evidence::kSni : Evidence::kPort, tls);
    } else if (tls == Tls::kStarttls && port.known) {
      Accept(slot, port.service, Evidence::kPort, tls);
    } else if (claimed.has_value() && hello_read) {
      Accept(slot, *claimed, Evidence::kSni, tls);
    } else {
      return Reject(slot);
    }
  }
  if (!name.empty()) KeepName(hot, name);
  StopReading(hot);
}

// A flow met under way that carries TLS shows it at the start of a segment, sooner or later.
bool Worker::JudgeRecord(uint32_t slot, End end, const net::Segment& segment) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (hot.state.stage != static_cast<uint32_t>(Stage::kCandidate)) return false;
  const Hint port = PortHint(hot);
  if (!port.known || !classify::LooksLikeTlsRecord(segment.payload, segment.captured)) {
    return false;
  }
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const bool client = end == ClientEnd(hot);
  // From the start on, the ClientHello is read for its name.
  if (client && classify::LooksLikeClientHello(segment.payload, segment.captured)) return false;
  if (dialogue.from_start[end] || dialogue.hello_started) return false;
  Accept(slot, port.service, Evidence::kPort, port.tls ? Tls::kImplicit : Tls::kStarttls);
  StopReading(hot);
  return true;
}

// A server that speaks TLS on a port made for it, though no ClientHello came before: the
// client's side is lost, or not captured.
bool Worker::JudgeServerTls(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const Hint port = PortHint(hot);
  if (!port.known || !port.tls) return false;
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End server = flow::Other(ClientEnd(hot));
  const auto* text = reinterpret_cast<const uint8_t*>(dialogue.text[server]);
  if (!dialogue.from_start[server] ||
      !classify::LooksLikeTlsRecord(text, dialogue.text_length[server])) {
    return false;
  }
  Accept(slot, port.service, Evidence::kPort, Tls::kImplicit);
  StopReading(hot);
  return true;
}

void Worker::Judge(uint32_t slot, bool finished) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (hot.state.stage != static_cast<uint32_t>(Stage::kCandidate)) return;
  if (sessions_.cold(hot).dialogue == kNone) return;  // rejected, and about to be removed
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (dialogue.hello_started) return JudgeHello(slot, finished);
  const End client = ClientEnd(hot);
  const Hint port = PortHint(hot);
  classify::Context context = {.server_first = dialogue.server_first,
                               .client_seen = TestEnd(hot.state.seen, client),
                               .finished = finished};
  if (port.known) context.port_service = port.service;
  const classify::Recognition found =
      recogniser_.Judge(dialogue.Spoken(client, finished),
                        dialogue.Spoken(flow::Other(client), finished), context);
  if (found.answer == Answer::kYes) {
    Accept(slot, found.service, found.evidence, static_cast<Tls>(hot.state.tls));
  } else if (found.answer == Answer::kNo) {
    Reject(slot);
  }
}

void Worker::Accept(uint32_t slot, Service service, Evidence evidence, Tls tls) {
  flow::HotSession& hot = sessions_.hot(slot);
  const uint32_t index = sessions_.cold(hot).dialogue;
  hot.state.stage = static_cast<uint32_t>(Stage::kMail);
  hot.state.service = static_cast<uint32_t>(service);
  hot.state.evidence = static_cast<uint32_t>(evidence);
  hot.state.tls = static_cast<uint32_t>(tls);
  if (hot.state.established != 0) ++established_;
  if (index == kNone) return;
  if (evidence == Evidence::kBanner && service == Service::kSmtp) {
    SendBannerName(hot, dialogues_[index]);
  }
}

void Worker::Reject(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const bool spoke_tls = hot.state.tls != static_cast<uint32_t>(Tls::kNone);
  StopReading(hot);
  if (hot.state.standard_port != 0) {
    counters_.port_content_mismatch.Add(1);
  } else if (spoke_tls) {
    remove_ = true;  // nothing that it says later will look like mail
    return;
  }
  hot.state.stage = static_cast<uint32_t>(Stage::kOther);
}

void Worker::StopReading(flow::HotSession& hot) {
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.dialogue == kNone) return;
  Fold(hot);  // takes the messages counted so far
  dialogues_.Free(cold.dialogue);
  cold.dialogue = kNone;
}

void Worker::KeepName(flow::HotSession& hot, absl::string_view name) {
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.name != kNone) return;
  cold.name = names_.Acquire(name);
  if (cold.name == kNone) {
    Short(Shortage::kNames);
    return;
  }
  SendName(hot, meter::NameSource::kSni, name, cold.last_seen);
}

// The token after the code of a greeting, where it is a dotted name (RFC 5321, 4.2).
void Worker::SendBannerName(const flow::HotSession& hot, const Dialogue& dialogue) {
  const End server = flow::Other(ClientEnd(hot));
  absl::string_view text(dialogue.text[server], dialogue.text_length[server]);
  constexpr size_t kCode = 4;
  if (text.size() <= kCode || !dialogue.from_start[server]) return;
  text.remove_prefix(kCode);
  const absl::string_view token = text.substr(0, text.find_first_of(" \r\n"));
  if (token.size() == text.size() || token.size() > meter::NameRecord::kMaxLength) return;
  const bool valid = std::all_of(token.begin(), token.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
  });
  // An address literal or a lone word says nothing that an analyst could look up.
  const size_t dot = token.rfind('.');
  if (!valid || dot == token.npos || dot + 1 == token.size() ||
      !absl::ascii_isalpha(static_cast<unsigned char>(token[dot + 1]))) {
    return;
  }
  char lower[meter::NameRecord::kMaxLength];
  std::transform(token.begin(), token.end(), lower, absl::ascii_tolower);
  SendName(hot, meter::NameSource::kBanner, {lower, token.size()},
           sessions_.cold(const_cast<flow::HotSession&>(hot)).last_seen);
}

}  // namespace mailtap::pipeline

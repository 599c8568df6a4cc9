// What is read of TLS: the ClientHello, and the certificate of a server that shows it.
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using classify::TlsCertificateParser;
using classify::TlsHelloParser;
using flow::End;

namespace {

constexpr uint8_t kAlert = 21;  // RFC 8446, 5.1

// Whether a piece that starts a record, or a line, starts a record.
bool OpensRecord(const TextSegment& piece) {
  return piece.captured != 0 && classify::IsTlsRecordType(piece.data[0]);
}

}  // namespace

// Whether a candidate's client opens with a hello. At the stream's start any bytes that may
// become one are read as one.
bool Worker::StartsWithHello(const flow::HotSession& hot, const TextSegment& piece) const {
  const End client = ClientEnd(hot);
  const OpeningText& opening =
      *dialogues_.opening(dialogues_[sessions_.cold_at(hot.cold).dialogue]);
  return opening.from_start[client] && piece.captured != 0 &&
         piece.seq == opening.begin[client] &&
         classify::LooksLikeClientHello(piece.data, piece.captured);
}

// The client's text has turned into TLS, `at` bytes into a piece.
void Worker::StartHello(uint32_t slot, const TextSegment& piece, uint32_t at) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End client = ClientEnd(hot), server = flow::Other(client);
  if (dialogues_.opening(dialogue) == nullptr && !dialogues_.Reopen(dialogue)) {
    Short(Shortage::kDialogues);
    return StopReading(hot);
  }
  OpeningText& opening = *dialogues_.opening(dialogue);
  opening.hello_cut = piece.captured < piece.length;
  if (hot.state.tls == static_cast<uint32_t>(Tls::kNone)) {
    // Met between the server's words and TLS, it was asked for.
    const bool asked = opening.length[server] != 0 && !opening.from_start[server];
    hot.state.tls = static_cast<uint32_t>(asked ? Tls::kStarttls : Tls::kImplicit);
  }
  dialogue.hello_started = true;
  dialogue.hello_answered = false;
  if (IsMail(hot)) ReadAsClear(hot, piece.Behind(at));
  opening.StartHello(client).Feed(piece.data + at, piece.captured - at);
  JudgeHello(slot, /*finished=*/opening.hello_cut);
}

// A piece of a session in which a ClientHello has begun.
void Worker::ReadTls(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const bool snapped = piece.captured < piece.length;
  if (end == ClientEnd(hot)) {
    if (dialogue.certificate_started) return;
    if (MayRefuseMail(hot)) ReadAsClear(hot, piece);
    OpeningText& opening = *dialogues_.opening(dialogue);
    // What follows a hello has heard the server's; an alert may say that it was none.
    const bool follows =
        opening.hello_cut || opening.hello().status() != TlsHelloParser::Status::kNeedMore;
    if (follows && OpensRecord(piece) && piece.data[0] != kAlert)
      dialogue.hello_answered = true;
    if (!opening.hello_cut) opening.hello().Feed(piece.data, piece.captured);
    opening.hello_cut |= snapped;
    return JudgeHello(slot, /*finished=*/opening.hello_cut);
  }
  if (MayRefuseMail(hot) && !OpensRecord(piece)) return ReadClearAnswer(slot, piece);
  if (AwaitsTls(hot)) {
    // At its start, or behind a greeting; where a piece is missing, words may be a record's.
    OpeningText& opening = *dialogues_.opening(dialogue);
    const bool implicit = hot.state.tls == static_cast<uint32_t>(Tls::kImplicit);
    const bool start = implicit ? opening.from_start[end] && piece.seq == opening.begin[end]
                                : !dialogue.broken;
    const bool clear = start && piece.captured != 0 && !OpensRecord(piece);
    if (clear || (implicit && SpokeClear(hot))) {
      RefuseHello(hot);
      return OnText(slot, end, piece);
    }
  }
  if (AwaitsTls(hot) || MayRefuseMail(hot)) {
    dialogue.hello_answered = true;
    JudgeHello(slot, dialogues_.opening(dialogue)->hello().status() ==
                         TlsHelloParser::Status::kNeedMore);
    if (!sessions_.cold(hot).has_dialogue()) return;
  }
  if (dialogue.certificate_started) {
    ReadCertificate(hot, piece);
    if (snapped) StopReading(hot);
  }
}

// The certificate follows the ServerHello, unless TLS 1.3 or a resumed session hides it.
void Worker::ReadCertificate(flow::HotSession& hot, const TextSegment& piece) {
  flow::ColdSession& cold = sessions_.cold(hot);
  Dialogue& dialogue = dialogues_[cold.dialogue];
  TlsCertificateParser& certificate = dialogues_.opening(dialogue)->certificate();
  for (uint32_t at = 0; at < piece.captured;) {
    at += static_cast<uint32_t>(certificate.Feed(piece.data + at, piece.captured - at));
    if (certificate.status() == TlsCertificateParser::Status::kName) {
      Label(hot, meter::NameSource::kCertificate, certificate.name());
    } else if (certificate.status() == TlsCertificateParser::Status::kDone) {
      break;
    }
  }
  if (dialogue.broken || certificate.status() == TlsCertificateParser::Status::kDone) {
    StopReading(hot);
  }
}

// The port that the dialogue is meant for: behind a proxy, where the tunnel leads.
uint16_t Worker::TargetPort(const flow::HotSession& hot) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  const uint16_t target = dialogues_.opening(dialogue)->preface.target_port();
  return target != 0 ? target : hot.port[flow::Other(ClientEnd(hot))];
}

// Decides about a session whose client speaks TLS, as far as the hello is known.
void Worker::JudgeHello(uint32_t slot, bool finished) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  OpeningText& opening = *dialogues_.opening(dialogue);
  const TlsHelloParser& hello = opening.hello();
  if (hello.status() == TlsHelloParser::Status::kNeedMore && !finished) return;
  if (AwaitsTls(hot) || MayRefuseMail(hot)) return;
  if (!IsMail(hot) && !AcceptHello(slot)) {
    // A scanner's hello that nobody answers says nothing of what is there.
    const bool upgrade = hot.state.tls == static_cast<uint32_t>(Tls::kStarttls);
    return Reject(slot, /*contradicts=*/upgrade || hot.state.payload == 3);
  }
  if (const absl::string_view name = hello.server_name(); !name.empty()) KeepName(hot, name);
  if (finished || hello.status() != TlsHelloParser::Status::kDone) return StopReading(hot);
  dialogue.certificate_started = true;
  opening.StartCertificate();
}

// The mail service that a hello to `port` says it is for: by what it offers to speak, or by the
// name it asks for.
std::optional<Service> Worker::ClaimedIn(const TlsHelloParser& hello, uint16_t port) const {
  if (const auto offered = hello.alpn(); offered.has_value()) return offered;
  return tls_names_.ServiceOf(hello.server_name(), port);
}

// Accepts a candidate for what its hello, its port or the server's greeting says.
bool Worker::AcceptHello(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const TlsHelloParser& hello =
      dialogues_.opening(dialogues_[sessions_.cold(hot).dialogue])->hello();
  if (hello.status() == TlsHelloParser::Status::kNotHello) return false;
  const auto tls = static_cast<Tls>(hot.state.tls);
  const uint16_t target = TargetPort(hot);
  const std::optional<Service> claimed = ClaimedIn(hello, target);

  const bool hello_read = hello.status() == TlsHelloParser::Status::kDone;
  const Hint port = PortHint(hot);
  const bool tunnel = hot.state.via != static_cast<uint32_t>(Via::kNone);
  const bool leads_to_tls = tunnel && ports_.Contains(target) && ports_.tls(target);
  if (!leads_to_tls && OpenedOtherwise(hot)) return false;
  // Of a tunnel it is the port at its end that counts.
  if (tunnel ? leads_to_tls : port.known && port.tls) {
    const Service service = leads_to_tls ? ports_.service(target) : port.service;
    Accept(slot, service, claimed == service ? Evidence::kSni : Evidence::kPort, tls);
  } else if (tls == Tls::kStarttls && port.known && MayHaveAskedForTls(hot)) {
    Accept(slot, port.service, Evidence::kPort, tls);
  } else if (claimed.has_value()) {
    Accept(slot, *claimed, Evidence::kSni, tls);
  } else if (const auto greeting = GreetedAs(hot); greeting && tls == Tls::kStarttls) {
    Accept(slot, *greeting, Evidence::kBanner, tls);
  } else if (const Hint past = PastHint(hot);
             past.known && (!hello_read || tls == Tls::kStarttls)) {
    Accept(slot, past.service, Evidence::kPort, tls);
  } else {
    return false;
  }
  return true;
}

// Whether the client is seen to turn to TLS in mail's words.
bool Worker::AskedForTls(const Dialogue& dialogue) {
  return dialogue.watcher.tls() || (dialogue.smtp() != nullptr && dialogue.smtp()->tls());
}

// Whether a session that has turned to TLS was asked to in mail's words, as far as they are
// seen. Others turn to TLS too (LDAP, PostgreSQL): where nothing is missing, it is theirs.
bool Worker::MayHaveAskedForTls(const flow::HotSession& hot) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  const OpeningText& opening = *dialogues_.opening(dialogue);
  const bool whole = opening.from_start[0] && opening.from_start[1] && !dialogue.broken;
  return AskedForTls(dialogue) || !whole || opening.server_proved || GreetedAs(hot).has_value();
}

// Whether what is seen of a connection's start on a mail port is neither TLS, nor anything that
// turns to TLS in mail's words, whatever is missing behind it.
bool Worker::OpenedOtherwise(const flow::HotSession& hot) const {
  const Hint port = PortHint(hot);
  if (!port.known) return false;
  const OpeningText& opening =
      *dialogues_.opening(dialogues_[sessions_.cold_at(hot.cold).dialogue]);
  if (opening.BeginsForeign()) return true;
  const End client = ClientEnd(hot), server = flow::Other(client);
  const bool answered =
      opening.from_start[server] && opening.length[server] != 0 &&
      !classify::IsTlsRecordType(static_cast<uint8_t>(opening.text(server)[0]));
  return port.tls && (answered || opening.BeginsInWords(client)) && !GreetedAs(hot).has_value();
}

// Whether a ClientHello that a connection on an odd port begins with tells, in one segment,
// what AcceptHello would refuse: most do, and need no session for it.
bool Worker::RulesMailOut(const net::Segment& hello) const {
  char name[TlsHelloParser::kMaxName];
  TlsHelloParser parser;
  parser.Start(name);
  return parser.Feed(hello.payload, hello.captured) == TlsHelloParser::Status::kDone &&
         !ClaimedIn(parser, hello.dst_port).has_value();
}

// The service that the server greeted as, before TLS hid the rest.
std::optional<Service> Worker::GreetedAs(const flow::HotSession& hot) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  return recogniser_.Greeting(
      dialogues_.opening(dialogue)->Spoken(flow::Other(ClientEnd(hot)), /*ended=*/false));
}

// Whether binary data met under way on a mail port are TLS records, one behind the other.
bool Worker::GoesOnInRecords(const flow::HotSession& hot, End end, const TextSegment& piece) {
  OpeningText& opening = *dialogues_.opening(dialogues_[sessions_.cold_at(hot.cold).dialogue]);
  return opening.was_binary && !opening.from_start[end] &&
         opening.ChainsRecords(end, piece.seq, piece.data, piece.captured);
}

// A flow met under way that carries TLS shows it at the start of a segment, sooner or later.
bool Worker::JudgeRecord(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (!IsCandidate(hot)) return false;
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (!classify::LooksLikeTlsRecord(piece.data, piece.captured) &&
      !GoesOnInRecords(hot, end, piece)) {
    return false;
  }
  const bool client = end == ClientEnd(hot);
  // From the start on, the ClientHello is read for its name.
  if (client && classify::LooksLikeClientHello(piece.data, piece.captured)) return false;
  const OpeningText& opening = *dialogues_.opening(dialogue);
  if (opening.from_start[end] || dialogue.hello_started || OpenedOtherwise(hot)) return false;
  if (const Hint port = PortHint(hot); port.known) {
    Accept(slot, port.service, Evidence::kPort, port.tls ? Tls::kImplicit : Tls::kStarttls);
  } else if (const auto greeting = GreetedAs(hot); greeting.has_value()) {
    Accept(slot, *greeting, Evidence::kBanner, Tls::kStarttls);
  } else if (const Hint past = PastHint(hot); past.known) {
    const bool asked =
        opening.length[0] + opening.length[1] != 0 && !opening.BinaryUnderWay(dialogue.broken);
    Accept(slot, past.service, Evidence::kPort, asked ? Tls::kStarttls : Tls::kImplicit);
  } else {
    return false;
  }
  StopReading(hot);
  return true;
}

// A server that speaks TLS where it spoke mail before, or on a port made for it, though no
// ClientHello came first: the client's side is lost, or not captured.
bool Worker::JudgeServerTls(uint32_t slot) {
  flow::HotSession& hot = sessions_.hot(slot);
  const Hint standard = PortHint(hot);
  const Hint port = standard.known ? standard : PastHint(hot);
  if (standard.known && !standard.tls) return false;
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const End server = flow::Other(ClientEnd(hot));
  const OpeningText& opening = *dialogues_.opening(dialogue);
  const auto* text = reinterpret_cast<const uint8_t*>(opening.text(server).data());
  // An alert only says that the client spoke none.
  if (!opening.from_start[server] ||
      !classify::LooksLikeTlsRecord(text, opening.length[server]) ||
      text[0] != classify::kTlsHandshakeRecord || OpenedOtherwise(hot)) {
    return false;
  }
  if (port.known) {
    Accept(slot, port.service, Evidence::kPort, Tls::kImplicit);
  } else if (dialogue.broken && sessions_.size() < sessions_.capacity() / 2) {
    // Other sessions may tell what its server is, as long as this one lasts: see EndSession.
    hot.state.tls = static_cast<uint32_t>(Tls::kImplicit);
  } else {
    return false;
  }
  StopReading(hot);
  return true;
}

// Whether a server whose client is not seen answers a ClientHello: it may have agreed to TLS,
// and has heard so much since. What a message's text holds answers nothing.
bool Worker::AnswersUnseenHello(uint32_t slot, const TextSegment& piece) {
  constexpr uint32_t kLongestReply = 512;  // RFC 5321, 4.5.3.1.5
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (hot.state.tls != static_cast<uint32_t>(Tls::kNone)) return false;
  if (!IsMail(hot) && hot.state.standard_port == 0) return false;
  const int32_t heard = flow::Distance(piece.ack, dialogue.text_start);
  if (dialogue.agreed && piece.seq == dialogue.text_seen &&
      heard >= static_cast<int32_t>(classify::kLeastHello) &&
      piece.captured >= classify::kHelloStart &&
      classify::LooksLikeServerHello(piece.data, piece.captured)) {
    hot.state.tls = static_cast<uint32_t>(Tls::kStarttls);
    Judge(slot, /*finished=*/true);
    StopReading(hot);
    return true;
  }
  dialogue.agreed =
      piece.captured == piece.length && piece.length <= kLongestReply &&
      classify::MayAgreeToTls({reinterpret_cast<const char*>(piece.data), piece.captured});
  if (!dialogue.agreed) return false;
  dialogue.text_seen = piece.seq + piece.length;
  dialogue.text_start = piece.ack;
  return false;
}

}  // namespace mailtap::pipeline

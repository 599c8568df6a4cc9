// What a session's text says that it is.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "lib/classify/foreign_ports.h"
#include "lib/classify/server_name.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using classify::Answer;
using classify::TlsHelloParser;
using flow::End;
using flow::kNone;
using flow::Stage;
using flow::TestEnd;

Worker::Hint Worker::PortHint(const flow::HotSession& hot) const {
  if (hot.state.standard_port == 0) return {};
  const uint16_t port = hot.port[flow::Other(ClientEnd(hot))];
  if (!ports_.Contains(port)) return {};  // a mail port on the client's side means nothing
  return {.known = true, .service = ports_.service(port), .tls = ports_.tls(port)};
}

// Of a server on an odd port, what other sessions with it turned out to be. It counts only
// where the opening that would tell is lost.
Worker::Hint Worker::PastHint(const flow::HotSession& hot) const {
  const End server = flow::Other(ClientEnd(hot));
  if (known_servers_ == nullptr || hot.state.standard_port != 0) return {};
  const auto service =
      known_servers_->Find(hot.address[server], hot.port[server], hot.encap_tag);
  if (!service.has_value()) return {};
  // As far as its first bytes show it: what starts with TLS was never asked for it.
  return {.known = true, .service = *service, .tls = true};
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
    } else if (const auto greeting = GreetedAs(hot); greeting && tls == Tls::kStarttls) {
      Accept(slot, *greeting, Evidence::kBanner, tls);
    } else if (const Hint past = PastHint(hot);
               past.known && (!hello_read || tls == Tls::kStarttls)) {
      Accept(slot, past.service, Evidence::kPort, tls);
    } else {
      return Reject(slot);
    }
  }
  if (!name.empty()) KeepName(hot, name);
  StopReading(hot);
}

// The service that the server greeted as, before TLS hid the rest.
std::optional<Service> Worker::GreetedAs(const flow::HotSession& hot) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  return recogniser_.Greeting(dialogue.Spoken(flow::Other(ClientEnd(hot)), /*ended=*/false));
}

// A flow met under way that carries TLS shows it at the start of a segment, sooner or later.
bool Worker::JudgeRecord(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (hot.state.stage != static_cast<uint32_t>(Stage::kCandidate)) return false;
  if (!classify::LooksLikeTlsRecord(piece.data, piece.captured)) return false;
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  const bool client = end == ClientEnd(hot);
  // From the start on, the ClientHello is read for its name.
  if (client && classify::LooksLikeClientHello(piece.data, piece.captured)) return false;
  if (dialogue.from_start[end] || dialogue.hello_started) return false;
  if (const Hint port = PortHint(hot); port.known) {
    Accept(slot, port.service, Evidence::kPort, port.tls ? Tls::kImplicit : Tls::kStarttls);
  } else if (const auto greeting = GreetedAs(hot); greeting.has_value()) {
    Accept(slot, *greeting, Evidence::kBanner, Tls::kStarttls);
  } else if (const Hint past = PastHint(hot); past.known) {
    const bool asked = dialogue.text_length[0] + dialogue.text_length[1] != 0;
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
  const auto* text = reinterpret_cast<const uint8_t*>(dialogue.text[server]);
  if (!dialogue.from_start[server] ||
      !classify::LooksLikeTlsRecord(text, dialogue.text_length[server])) {
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
  if (dialogue.broken) {
    if (const Hint past = PastHint(hot); past.known) context.port_service = past.service;
  }
  const classify::Recognition found =
      recogniser_.Judge(dialogue.Spoken(client, finished),
                        dialogue.Spoken(flow::Other(client), finished), context);
  if (found.answer == Answer::kYes) {
    Accept(slot, found.service, found.evidence, static_cast<Tls>(hot.state.tls));
  } else if (found.answer == Answer::kNo) {
    // Behind a gap TLS need not show a record's start; met under way it has to, in the end.
    const bool hidden = port.known && port.tls && dialogue.BinaryUnderWay();
    if (hidden && (dialogue.broken || !finished)) return;
    Reject(slot);
  } else {
    if (found.client_stale) dialogue.DropLines(client);
    if (found.server_stale) dialogue.DropLines(flow::Other(client));
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
  const Hint port = PortHint(hot);
  const uint16_t number = hot.port[flow::Other(ClientEnd(hot))];
  if (port.known ? port.service != service : classify::IsForeignPort(number)) {
    CountMismatch(Mismatch::kMailOnOtherPort);
  }
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
    CountMismatch(Mismatch::kOtherOnMailPort);
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

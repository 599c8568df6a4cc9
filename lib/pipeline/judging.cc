// What a session's text says that it is.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "lib/classify/foreign_ports.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using classify::Answer;
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

void Worker::Judge(uint32_t slot, bool finished) {
  flow::HotSession& hot = sessions_.hot(slot);
  if (!IsCandidate(hot)) return;
  if (!sessions_.cold(hot).has_dialogue()) return;  // rejected, and about to be removed
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (finished && dialogue.hello_started && AwaitsTls(hot) && SpokeClear(hot)) RefuseHello(hot);
  if (dialogue.hello_started) {
    dialogue.hello_answered |= finished;
    return JudgeHello(slot, finished);
  }
  OpeningText& opening = *dialogues_.opening(dialogue);
  if (finished && opening.preface.reading()) return Reject(slot);
  const End client = ClientEnd(hot);
  const Hint port = PortHint(hot);
  classify::Context context = {.server_first = opening.server_first,
                               .client_seen = TestEnd(hot.state.seen, client),
                               .client_spoke = sessions_.cold(hot).Sent(client) != 0,
                               .client_foreign = opening.client_foreign,
                               .finished = finished};
  if (port.known) context.port_service = port.service;
  if (dialogue.broken) {
    if (const Hint past = PastHint(hot); past.known) {
      context.port_service = past.service;
      context.port_learnt = true;
    }
  }
  const bool for_tls = (port.known && port.tls) || context.port_learnt;
  const bool by_gap = for_tls && dialogue.broken;
  const classify::Recognition found = recogniser_.Judge(
      opening.Spoken(client, finished), opening.Spoken(flow::Other(client), finished), context);
  // Of binary data a remnant may pass for text.
  const bool by_remnant =
      found.answer == Answer::kYes && opening.was_binary && found.evidence == Evidence::kPort;
  if (found.answer == Answer::kYes && !by_remnant) {
    const bool hello_lost = found.evidence == Evidence::kPort && port.known && port.tls;
    Accept(slot, found.service, found.evidence,
           hello_lost ? Tls::kImplicit : static_cast<Tls>(hot.state.tls));
  } else if (found.answer == Answer::kNo || by_remnant) {
    if ((for_tls || port.known) && MayBeHidden(dialogue, by_gap, finished)) return;
    Reject(slot, found.contradicts);
  } else if (finished && opening.was_binary && !by_gap) {
    Reject(slot);
  } else {
    opening.server_proved |= found.server_proves;
    opening.server_greeted |= found.server_greets;
    opening.client_foreign |= found.client_foreign;
    if (found.client_stale) opening.DropLines(client);
    if (found.server_stale) opening.DropLines(flow::Other(client), found.server_kept);
  }
}

// Whether what fits nothing may be within TLS, or within a message: of what is met under way
// words or a record have to tell, in the end. On a port made for TLS, behind a gap (`by_gap`)
// it need not show a record.
bool Worker::MayBeHidden(const Dialogue& dialogue, bool by_gap, bool finished) {
  OpeningText& opening = *dialogues_.opening(dialogue);
  if (!opening.BinaryUnderWay(by_gap) || (finished && !by_gap)) return false;
  if (by_gap && (opening.BeginsInWords(0) || opening.BeginsInWords(1))) return false;
  for (const End end : {0, 1}) {
    if (!opening.from_start[end]) opening.DropBinary(end, dialogue.next[end]);
  }
  return true;
}

void Worker::Decide(flow::HotSession& hot, Stage stage) {
  if (IsUndecided(hot)) --undecided_;
  if (stage == Stage::kOther) {
    if (IsHalfOpen(hot)) --half_open_;
    ++others_;
  }
  hot.state.stage = static_cast<uint32_t>(stage);
}

void Worker::Accept(uint32_t slot, Service service, Evidence evidence, Tls tls) {
  flow::HotSession& hot = sessions_.hot(slot);
  Decide(hot, Stage::kMail);
  hot.state.service = static_cast<uint32_t>(service);
  hot.state.evidence = static_cast<uint32_t>(evidence);
  hot.state.tls = static_cast<uint32_t>(tls);
  if (hot.state.established != 0) ++established_;
  const Hint port = PortHint(hot);
  const uint16_t number = hot.port[flow::Other(ClientEnd(hot))];
  if (port.known ? port.service != service : classify::IsForeignPort(number)) {
    CountMismatch(Mismatch::kMailOnOtherPort);
  }
  flow::ColdSession& cold = sessions_.cold(hot);
  if (!cold.has_dialogue()) return;
  Dialogue& dialogue = dialogues_[cold.dialogue];
  if (evidence == Evidence::kBanner && service == Service::kSmtp) {
    SendBannerName(hot, *dialogues_.opening(dialogue));
  }
  if (dialogue.hello_started) return;
  const End server = flow::Other(ClientEnd(hot));
  const OpeningText& opening = *dialogues_.opening(dialogue);
  // The client has proved it before the server has greeted.
  if (opening.from_start[server] && dialogue.next[server] == opening.begin[server] &&
      dialogue.smtp() != nullptr) {
    CountAs(hot, service);
  }
  dialogues_.CloseOpening(dialogue);
}

// Where nothing that was said tells, the port must do.
void Worker::AcceptByPort(uint32_t slot, const Hint& port) {
  if (!port.known) return;
  Accept(slot, port.service, Evidence::kPort, port.tls ? Tls::kImplicit : Tls::kNone);
}

// `contradicts`: what was said is something else's, rather than too little.
void Worker::Reject(uint32_t slot, bool contradicts) {
  flow::HotSession& hot = sessions_.hot(slot);
  const bool spoke_tls = hot.state.tls != static_cast<uint32_t>(Tls::kNone);
  StopReading(hot);
  if (hot.state.standard_port != 0) {
    if (contradicts) CountMismatch(Mismatch::kOtherOnMailPort);
  } else if (spoke_tls) {
    remove_ = true;  // nothing that it says later will look like mail
    return;
  }
  if (others_ >= most_others_ && hot.state.seen != 3) {
    remove_ = true;  // others need the room; it is judged again when it goes on
    return;
  }
  Decide(hot, Stage::kOther);
}

void Worker::StopReading(flow::HotSession& hot) {
  flow::ColdSession& cold = sessions_.cold(hot);
  if (!cold.has_dialogue()) return;
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
  Label(hot, meter::NameSource::kSni, name);
}

// The token after the code of a greeting, where it is a dotted name (RFC 5321, 4.2).
void Worker::SendBannerName(const flow::HotSession& hot, const OpeningText& opening) {
  const End server = flow::Other(ClientEnd(hot));
  absl::string_view text = opening.text(server);
  constexpr size_t kCode = 4;
  if (text.size() <= kCode || !opening.from_start[server]) return;
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
  Label(hot, meter::NameSource::kBanner, {lower, token.size()});
}

}  // namespace mailtap::pipeline

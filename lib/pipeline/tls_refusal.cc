// Servers that take a ClientHello for garbage, and go on in clear.
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using classify::TlsHelloParser;
using flow::End;

// Whether the server has yet to show that it speaks TLS to a client that began with a hello, or
// that is not seen to have asked for TLS: on any mail port it may greet it in clear, and refuse
// it as it would any other garbage. Where a port is made for TLS, only a hello that is there as
// a whole waits for that.
bool Worker::AwaitsTls(const flow::HotSession& hot) const {
  const Hint port = PortHint(hot);
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  return !IsMail(hot) && port.known && hot.state.tls != static_cast<uint32_t>(Tls::kNone) &&
         !AskedForTls(dialogue) && !dialogue.hello_answered &&
         !(port.tls && dialogues_.opening(dialogue)->hello_cut);
}

// Whether the server has opened with words.
bool Worker::SpokeClear(const flow::HotSession& hot) const {
  const OpeningText& opening =
      *dialogues_.opening(dialogues_[sessions_.cold_at(hot.cold).dialogue]);
  const End server = flow::Other(ClientEnd(hot));
  return opening.from_start[server] && opening.length[server] != 0;
}

// The server has taken a hello for garbage: the client's dialogue, if any, begins behind it.
void Worker::RefuseHello(flow::HotSession& hot) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  hot.state.tls = static_cast<uint32_t>(Tls::kNone);
  dialogue.hello_started = false;
  if (IsMail(hot)) return;  // see ReadAsClear
  OpeningText& opening = *dialogues_.opening(dialogue);
  const End client = ClientEnd(hot);
  // The rest of it is no command, though it may hold line ends.
  if (opening.hello().status() == TlsHelloParser::Status::kNeedMore) dialogue.Break();
  opening.begin[client] = dialogue.next[client];
  opening.text_ended[client] = false;
}

// Whether the server of a session that is mail in clear, as far as it was read, has yet to show
// that it speaks TLS: whatever the client begins, the server may refuse, and go on as before.
bool Worker::MayRefuseMail(const flow::HotSession& hot) const {
  const Dialogue& dialogue = dialogues_[sessions_.cold_at(hot.cold).dialogue];
  return IsMail(hot) && dialogue.hello_started && !dialogue.certificate_started &&
         !dialogue.hello_answered && !dialogue.broken;
}

// A hello of such a session, read as the server does that refuses it: as lines.
void Worker::ReadAsClear(flow::HotSession& hot, const TextSegment& piece) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  if (dialogue.smtp() != nullptr) dialogue.smtp()->ForgetTls();
  dialogue.watcher.ForgetTls();
  const uint32_t taken = ReadCommands(hot, piece);
  if (taken < piece.captured) return Stop(hot, piece, taken);
  SkipAhead(hot, ClientEnd(hot), piece.length - piece.captured);
}

// A piece of the server in clear, behind a hello: an answer to that, or to what came before it.
void Worker::ReadClearAnswer(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  ReadServer(slot, piece);
  if (!sessions_.cold(hot).has_dialogue()) return;
  const absl::string_view said(reinterpret_cast<const char*>(piece.data), piece.captured);
  if (classify::RefusesTls(said)) RefuseHello(hot);
}

}  // namespace mailtap::pipeline

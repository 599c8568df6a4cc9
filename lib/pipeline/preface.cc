// What goes before a dialogue on its connection: a proxy that is asked for a tunnel, or its
// header. The dialogue begins behind it as if the connection began there.
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using classify::Preface;
using flow::End;

// Whether the client's opening, of which `piece` is the newest part, is one. `said_before` is
// how much text there was before `piece`.
bool Worker::OpenPreface(uint32_t slot, const TextSegment& piece, uint32_t said_before) {
  constexpr uint8_t kMostPrefaces = 3;  // a proxy's header, and tunnels inside of tunnels
  flow::HotSession& hot = sessions_.hot(slot);
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  OpeningText& opening = *dialogues_.opening(dialogue);
  const End client = ClientEnd(hot);
  if (opening.prefaces == kMostPrefaces) return false;
  const absl::string_view text = opening.text(client);
  const Preface::Kind kind = Preface::Detect(text);
  if (kind == Preface::Kind::kNone) return false;
  // Words tell by themselves, a few binary bytes only at the start.
  const bool binary = kind == Preface::Kind::kSocks4 || kind == Preface::Kind::kSocks5;
  if (binary && !opening.from_start[client]) return false;
  const Preface preface(kind);
  // A proxy says nothing before it is asked.
  if (preface.tunnel() && opening.length[flow::Other(client)] != 0) return false;
  opening.preface = preface;
  ++opening.prefaces;
  opening.preface.Feed(classify::Side::kClient, reinterpret_cast<const uint8_t*>(text.data()),
                       said_before);
  ReadPreface(slot, client, piece);
  return true;
}

// Whether the server's opening, of which `piece` is the first, answers what a proxy was asked
// for: that is lost, and so is where in it the client is.
bool Worker::OpenAnswer(uint32_t slot, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  const Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  OpeningText& opening = *dialogues_.opening(dialogue);
  const End client = ClientEnd(hot), server = flow::Other(client);
  if (!dialogue.broken || opening.from_start[client] || piece.seq != opening.begin[server]) {
    return false;
  }
  const Preface::Kind kind =
      Preface::DetectAnswer({reinterpret_cast<const char*>(piece.data), piece.captured});
  if (kind == Preface::Kind::kNone) return false;
  if (kind != Preface::Kind::kConnect && !opening.from_start[server]) return false;
  opening.preface = Preface(kind);
  opening.preface.Leave(classify::Side::kClient);
  ReadPreface(slot, server, piece);
  return true;
}

// Whether the client's first bytes may yet turn out to be one.
bool Worker::MayOpenPreface(const flow::HotSession& hot) const {
  const flow::ColdSession& cold = sessions_.cold_at(hot.cold);
  if (!cold.has_dialogue()) return false;
  const OpeningText& opening = *dialogues_.opening(dialogues_[cold.dialogue]);
  const End client = ClientEnd(hot);
  return opening.from_start[client] && Preface::MayBecome(opening.text(client));
}

void Worker::ReadPreface(uint32_t slot, End end, const TextSegment& piece) {
  flow::HotSession& hot = sessions_.hot(slot);
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  Preface& preface = dialogues_.opening(dialogue)->preface;
  const classify::Side side = SideOf(hot, end);
  auto taken = static_cast<uint32_t>(preface.Feed(side, piece.data, piece.captured));
  if (preface.failed()) return Reject(slot);
  if (preface.reading(side)) {
    if (piece.captured == piece.length) return;
    // What a snapped frame lacks is the rest of it: each side waits for the other behind that.
    taken = piece.length;
    preface.Leave(side);
    dialogue.Break();
  }
  BeginDialogue(hot, end, piece.seq + taken);
  if (taken == piece.length) return;
  TextSegment inner = piece.Behind(taken);
  inner.early = false;
  OnText(slot, end, inner);
}

// Something of what goes before the dialogue is lost: who was still to say it is read on as in
// a session met under way.
void Worker::AbandonPreface(flow::HotSession& hot) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  OpeningText& opening = *dialogues_.opening(dialogue);
  for (const End end : {0, 1}) {
    if (!opening.preface.reading(SideOf(hot, end))) continue;
    opening.preface.Leave(SideOf(hot, end));
    BeginDialogue(hot, end, dialogue.next[end]);
    opening.from_start[end] = false;
  }
  dialogue.messages = classify::SmtpTransactions(/*from_start=*/false);
}

// What `end` says from `seq` on is the dialogue.
void Worker::BeginDialogue(flow::HotSession& hot, End end, uint32_t seq) {
  Dialogue& dialogue = dialogues_[sessions_.cold(hot).dialogue];
  OpeningText& opening = *dialogues_.opening(dialogue);
  opening.begin[end] = seq;
  opening.from_start[end] = true;
  opening.length[end] = 0;
  opening.text_ended[end] = false;
  if (opening.preface.tunnel()) hot.state.via = static_cast<uint32_t>(opening.preface.via());
  if (end != ClientEnd(hot)) return;
  const bool greeted = opening.length[flow::Other(end)] != 0;
  dialogue.messages = classify::SmtpTransactions(/*from_start=*/!greeted);
  dialogue.watcher = {};
}

}  // namespace mailtap::pipeline

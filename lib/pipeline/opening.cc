// Sessions come into being: on a mail port with any packet, on others where the words tell, or
// the server is known.
#include <algorithm>

#include "lib/classify/preface.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::End;
using flow::EndBit;
using flow::kNone;

namespace {

// Servers open with a number or a sign, clients with a command or a proxy's header, or with a
// tag, which may be a number too.
bool OpensLikeServer(const net::Segment& segment, const classify::Recogniser& recogniser) {
  const absl::string_view text(reinterpret_cast<const char*>(segment.payload),
                               segment.captured);
  const std::size_t at = text.find_first_not_of("\r\n");
  if (at == text.npos) return false;
  const char first = text[at];
  if (first >= '0' && first <= '9') {
    return !recogniser.ProvesClient(segment.payload + at, segment.captured - at);
  }
  return first == '*' || first == '+' || first == '-';
}

// How long a client may be behind its proxy's answers in a mirror that shows both directions.
constexpr int64_t kClientPatience = 500 * kNanosPerMilli;

bool AnswersForProxy(const net::Segment& segment) {
  const absl::string_view text(reinterpret_cast<const char*>(segment.payload),
                               segment.captured);
  return classify::Preface::DetectAnswer(text) != classify::Preface::Kind::kNone;
}

}  // namespace

uint32_t Worker::Create(const Pending& pending, const flow::SessionKey& key) {
  const uint32_t slot = sessions_.Insert(key, pending.flow_hash, pending.time);
  if (slot == kNone) {
    Short(Shortage::kSessions);
    return kNone;
  }
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  bool full = false;
  cold.encap = encaps_.Number(pending.segment.encap, full);
  if (pending.encap_tag != 0) {
    split_encaps_.Number(net::Select(pending.segment.encap, split_kinds_), full);
  }
  if (full) Short(Shortage::kEncapsulations);
  Schedule(hot);
  return slot;
}

// A packet on a mail port for which there is no room loses no bytes: they are counted without a
// session. Its copies are known for what they are.
void Worker::CountUnattributed(const Pending& pending) {
  const net::Segment& segment = pending.segment;
  meter::ConversationKey unknown = {.attribution = meter::Attribution::kNone};
  const bool to_server = ports_.Contains(segment.dst_port);
  unknown.service = ports_.service(to_server ? segment.dst_port : segment.src_port);
  bool exact = false;
  const uint32_t row = conversations_.Acquire(unknown, exact);
  meter::DeltaRecord& delta = conversations_.Touch(row);
  meter::DirectionBytes& bytes = delta.bytes[to_server ? kUp : kDown];
  const bool copy =
      segment.length != 0 && copies_.Seen(pending.copy_place, net::PacketMark(segment));
  (copy ? bytes.duplicate : bytes.observed) += segment.length;
  bytes.packets += 1;
  if (delta.first_seen == 0) delta.first_seen = pending.time;
  delta.last_seen = pending.time;
  conversations_.Release(row);
}

// The note that a packet's connection on a mail port has left, if it goes on with it.
flow::Handshake* Worker::NoteOf(Pending& pending) {
  if (!left_notes_) return nullptr;
  handshakes_.Locate(pending);
  return (pending.segment.flags & net::kSyn) != 0
             ? handshakes_.FindOf(pending)
             : handshakes_.BeginningOf(pending, /*word=*/false).handshake;
}

// A SYN on a mail port for which there is no room leaves a note, as it does on odd ports.
void Worker::LeaveNote(Pending& pending) {
  left_notes_ = true;
  handshakes_.Locate(pending);
  handshakes_.Remember(pending);
}

// While half-open connections have all the room that they may, as in a flood of SYNs, further
// ones leave notes. The last of the table's room is for those that go on with one.
uint32_t Worker::CreateOnMailPort(Pending& pending, const flow::SessionKey& key,
                                  flow::Handshake* handshake) {
  const net::Segment& segment = pending.segment;
  if ((segment.flags & net::kRst) != 0) return kNone;
  const bool flood = half_open_ >= most_half_open_;
  const bool last_room = sessions_.size() >= most_unnoted_;
  const bool bare_syn = (segment.flags & net::kSyn) != 0 && segment.length == 0;
  if (bare_syn && (flood || last_room)) {
    if (flood) Short(Shortage::kHalfOpen);
    LeaveNote(pending);
    return kNone;
  }
  if (handshake == nullptr) handshake = NoteOf(pending);
  uint32_t slot = kNone;
  if (last_room && handshake == nullptr) {
    Short(Shortage::kSessions);
  } else {
    slot = Create(pending, key);
  }
  if (slot == kNone) {
    CountUnattributed(pending);
    return kNone;
  }
  ++half_open_;
  flow::HotSession& hot = sessions_.hot(slot);
  hot.state.standard_port = 1;
  if (handshake != nullptr) {
    const bool from_client = segment.src_port == handshake->client_port;
    TakeHandshake(hot, from_client ? 0 : 1, *handshake, pending.time);
    return slot;
  }
  // The opener of the connection is the client; met under way, the mail port is the server's,
  // and of two the one whose words are.
  const bool syn = (segment.flags & net::kSyn) != 0;
  const bool ack = (segment.flags & net::kAck) != 0;
  const bool from_server =
      !ports_.Contains(segment.dst_port) ||
      (ports_.Contains(segment.src_port) && OpensLikeServer(segment, recogniser_));
  hot.state.client_known = syn;
  hot.state.client_end = (syn ? ack : from_server) ? 1 : 0;
  return slot;
}

// What was seen before the session was made is its own.
void Worker::TakeHandshake(flow::HotSession& hot, End client, flow::Handshake& handshake,
                           UnixNanos time) {
  const End server = flow::Other(client);
  hot.state.client_end = static_cast<uint32_t>(client);
  hot.state.client_known = 1;
  flow::ColdSession& cold = sessions_.cold(hot);
  sequencer_.Synchronize(hot, cold, client, handshake.client_isn + 1, time);
  if (handshake.has_server) {
    sequencer_.Synchronize(hot, cold, server, handshake.server_isn + 1, time);
    hot.state.seen |= EndBit(server);
  }
  // The server's answer tells of a client too, but not that it is in the mirror's sight: on a
  // mail port one side is enough, where it is all there is.
  if (handshake.packets[0] != 0 || hot.state.standard_port == 0) {
    hot.state.seen |= EndBit(client);
  }
  cold.first_seen = std::min(cold.first_seen, handshake.time);
  cold.pending_packets[client] += handshake.packets[0];
  cold.pending_packets[server] += handshake.packets[1];
  handshakes_.Erase(&handshake);
}

// On an odd port, where only the content tells.
uint32_t Worker::CreateUndecided(const Pending& pending, const flow::SessionKey& key) {
  const uint32_t slot = Create(pending, key);
  if (slot == kNone) return kNone;
  ++undecided_;
  suspicion_.Raise(pending.rough_hash);
  return slot;
}

bool Worker::HasRoomForUndecided() {
  if (undecided_ < most_undecided_) return true;
  Short(Shortage::kUndecided);
  return false;
}

// kNone where there is no room to follow or to read it; the handshake is still known then, for
// a later try.
uint32_t Worker::CreateToRead(const Pending& pending, const flow::SessionKey& key) {
  if (!HasRoomForUndecided()) return kNone;
  const uint32_t slot = CreateUndecided(pending, key);
  if (slot == kNone || StartReading(slot)) return slot;
  Forget(slot);
  return kNone;
}

// Whether what a payload on an odd port says is reason to follow it.
bool Worker::DeservesSession(const Pending& pending, const flow::SessionKey& key,
                             const Beginning& beginning, bool word, bool hello) {
  const net::Segment& segment = pending.segment;
  // Where mail has been spoken before, what may be mail is enough under way too.
  if (word) {
    return recogniser_.MayOpenMail(segment.payload, segment.captured,
                                   beginning.at_start || IsWithKnownServer(key));
  }
  if (!hello) {
    // A mirror may deliver a request to a proxy before its handshake, which is waited for.
    return beginning.handshake != nullptr ||
           (handshakes_.Find(pending) == nullptr &&
            classify::IsSocksOpening(segment.payload, segment.captured));
  }
  const bool of_client = beginning.handshake == nullptr || beginning.from_client;
  return !of_client || !RulesMailOut(segment);
}

// The mirror shows first what was not said first. What was decides, and is waited for as it is
// on mail ports. Where the client's SYN is not seen yet, only a proxy's answer is worth that: a
// mirror may show one direction alone.
uint32_t Worker::CreateBehindItsWords(const Pending& pending, const flow::SessionKey& key) {
  if (!handshakes_.Misses(pending)) return kNone;
  flow::Handshake* const handshake = handshakes_.Find(pending);
  if (handshake->packets[0] == 0 && !AnswersForProxy(pending.segment)) return kNone;
  const uint32_t slot = CreateToRead(pending, key);
  if (slot == kNone) return kNone;
  flow::HotSession& hot = sessions_.hot(slot);
  dialogues_[sessions_.cold(hot).dialogue].supposed = true;
  const bool from_client = pending.segment.src_port == handshake->client_port;
  if (handshake->packets[0] == 0) {
    timers_.Cancel(hot.cold);
    timers_.Schedule(hot.cold, TickOf(pending.time + kClientPatience));
  }
  TakeHandshake(hot, from_client ? 0 : 1, *handshake, pending.time);
  return slot;
}

// The first words that are seen of a connection on an odd port are no mail's.
uint32_t Worker::OnForeignWords(const Pending& pending, const flow::SessionKey& key) {
  const uint32_t slot = CreateBehindItsWords(pending, key);
  if (slot == kNone) handshakes_.Dismiss(pending);
  return slot;
}

uint32_t Worker::CreateOnOddPort(const Pending& pending, const flow::SessionKey& key) {
  const net::Segment& segment = pending.segment;
  if ((segment.flags & net::kSyn) != 0) {
    const uint32_t slot = CreateAtHandshake(pending, key);
    if (slot == kNone && handshakes_.Remember(pending) && !first_look_.IsOnWebPort(segment)) {
      unheard_.Add(pending.handshake_slot, pending.flow_hash, pending.rough_hash, pending.time);
    }
    return slot;
  }
  if (segment.length == 0) {
    if (unheard_.Contains(pending.handshake_slot, pending.flow_hash)) {
      handshakes_.Count(pending);
    }
    return kNone;
  }
  const bool first_heard = unheard_.Take(pending.handshake_slot, pending.flow_hash);
  if (!pending.suspected) return first_heard ? OnForeignWords(pending, key) : kNone;
  const bool word = first_look_.OpensWithWord(segment);
  const Beginning beginning = handshakes_.BeginningOf(pending, word);
  if (beginning.contradicts) return kNone;
  // A ClientHello is its stream's start, whether the handshake was seen or not.
  const bool hello = !word && segment.captured >= classify::kHelloStart &&
                     classify::LooksLikeClientHello(segment.payload, segment.captured);
  if (!DeservesSession(pending, key, beginning, word, hello)) {
    // What follows such a hello is hidden, and must not be taken for the connection's start.
    if (hello && beginning.handshake != nullptr) handshakes_.Erase(beginning.handshake);
    return first_heard && !hello ? OnForeignWords(pending, key) : kNone;
  }
  const uint32_t slot = CreateToRead(pending, key);
  if (slot == kNone) return kNone;
  flow::HotSession& hot = sessions_.hot(slot);
  if (beginning.handshake != nullptr) {
    TakeHandshake(hot, beginning.from_client ? 0 : 1, *beginning.handshake, pending.time);
    return slot;
  }
  hot.state.client_end = OpensLikeServer(segment, recogniser_) ? 1 : 0;
  if (hello) {
    hot.state.seen |= EndBit(0);
    sequencer_.Synchronize(hot, sessions_.cold(hot), 0, segment.seq, pending.time);
  }
  return slot;
}

bool Worker::LeadsToKnownServer(const flow::SessionKey& key, bool from_server) const {
  if (known_servers_ == nullptr) return false;
  const auto service =
      from_server ? known_servers_->Find(key.source, key.source_port, key.encap_tag)
                  : known_servers_->Find(key.destination, key.destination_port, key.encap_tag);
  return service.has_value();
}

bool Worker::IsWithKnownServer(const flow::SessionKey& key) const {
  return LeadsToKnownServer(key, true) || LeadsToKnownServer(key, false);
}

// Whether a SYN carries what may be the first of mail (RFC 7413).
bool Worker::OpensInHandshake(const net::Segment& segment) {
  if (segment.length == 0 || !first_look_.OpensLikeMail(segment)) return false;
  return !first_look_.OpensWithWord(segment) ||
         recogniser_.MayOpenMail(segment.payload, segment.captured, true);
}

// A connection is followed from its handshake on where that carries words already, and where
// mail has been spoken before: the mirror may lose what would tell it from others.
uint32_t Worker::CreateAtHandshake(const Pending& pending, const flow::SessionKey& key) {
  const net::Segment& segment = pending.segment;
  const bool from_server = (segment.flags & net::kAck) != 0;
  const bool speaks = OpensInHandshake(segment);
  if ((!speaks && !LeadsToKnownServer(key, from_server)) || !HasRoomForUndecided()) {
    return kNone;
  }
  const uint32_t slot = CreateUndecided(pending, key);
  if (slot == kNone) return kNone;
  if (speaks && !StartReading(slot)) {
    Forget(slot);
    return kNone;
  }
  flow::HotSession& hot = sessions_.hot(slot);
  hot.state.client_end = from_server ? 1 : 0;
  hot.state.client_known = 1;
  // It may not be the first packet of its handshake.
  if (flow::Handshake* handshake = handshakes_.FindOf(pending); handshake != nullptr) {
    TakeHandshake(hot, from_server ? 1 : 0, *handshake, pending.time);
  }
  return slot;
}

}  // namespace mailtap::pipeline

#include "lib/pipeline/worker.h"

#include <algorithm>
#include <string>

#include "lib/net/dns.h"
#include "lib/net/hash.h"

namespace mailtap::pipeline {

using flow::Distance;
using flow::End;
using flow::EndBit;
using flow::kNone;
using flow::Stage;
using flow::TestEnd;

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(
    const config::Config& config, std::shared_ptr<const classify::PatternDatabase> patterns,
    exchange::RecordRing& ring, const exchange::KnownServers* known_servers) {
  auto recogniser = classify::Recogniser::Create(std::move(patterns));
  if (!recogniser.ok()) return recogniser.status();
  return std::unique_ptr<Worker>(
      new Worker(config, *std::move(recogniser), ring, known_servers));
}

Worker::Worker(const config::Config& config, classify::Recogniser recogniser,
               exchange::RecordRing& ring, const exchange::KnownServers* known_servers)
    : timeouts_(config.timeouts),
      reassembler_(config),
      first_words_(std::string{kTlsHandshake, kSocks4, kSocks5}),
      tls_names_(config.tls),
      recogniser_(std::move(recogniser)),
      ring_(ring),
      known_servers_(known_servers),
      sessions_(static_cast<uint32_t>(config.limits.sessions)),
      holes_(static_cast<uint32_t>(config.limits.holes)),
      sequencer_(holes_, counters_.sequence),
      timers_(sessions_.colds()),
      handshakes_(static_cast<uint32_t>(config.limits.handshakes)),
      conversations_(static_cast<uint32_t>(config.limits.conversations)),
      dialogues_(static_cast<uint32_t>(config.limits.dialogues),
                 static_cast<uint32_t>(config.limits.reorder_buffers)),
      // Names are shared: a sixteenth of the sessions is more than a site has mail servers.
      names_(static_cast<uint32_t>(config.limits.sessions) / 16 + 1),
      encaps_(static_cast<uint32_t>(config.limits.encapsulations)),
      split_encaps_(static_cast<uint32_t>(config.limits.encapsulations)),
      most_undecided_(static_cast<uint32_t>(config.limits.undecided)) {
  for (const net::EncapKind kind : config.tunnels.split_by) {
    split_kinds_ |= 1u << static_cast<int>(kind);
  }
  samples_left_.fill(config.diagnostics.samples);
  for (int s = 0; s < kServiceCount; ++s) {
    for (const uint16_t port : config.services[s].ports) {
      ports_.Add(port, static_cast<Service>(s), /*tls=*/false);
    }
    for (const uint16_t port : config.services[s].tls_ports) {
      ports_.Add(port, static_cast<Service>(s), /*tls=*/true);
    }
  }
  ports_.Watch(net::kDnsPort);
  dirty_.reserve(2 * sessions_.capacity());
}

void Worker::Handle(Pending& pending) {
  const net::Segment& segment = pending.segment;
  now_ = std::max(now_, pending.time);
  if (!started_) {
    started_ = true;
    timers_.Start(TickOf(now_));
  }
  const flow::SessionKey key = {.source = segment.source(),
                                .destination = segment.destination(),
                                .source_port = segment.src_port,
                                .destination_port = segment.dst_port,
                                .encap_tag = pending.encap_tag};
  End end = 0;
  const uint32_t slot = FindOrCreate(pending, key, end);
  if (slot == kNone) return;
  counters_.mail_packets.Add(1);
  if (sessions_.hot(slot).state.stage == static_cast<uint32_t>(Stage::kOther)) {
    return FollowOther(sessions_.hot(slot), end, segment, pending.time);
  }
  Account(slot, end, segment, pending.time);
  if (remove_) Forget(slot);
}

// Nothing is counted of what turned out not to be mail: it only has to last as long as its
// connection.
void Worker::FollowOther(flow::HotSession& hot, End end, const net::Segment& segment,
                         UnixNanos time) {
  flow::ColdSession& cold = sessions_.cold(hot);
  cold.last_seen = std::max(cold.last_seen, time);
  if ((segment.flags & (net::kFin | net::kRst)) == 0) return;
  const bool was_closed = IsClosed(hot);
  if ((segment.flags & net::kRst) != 0) hot.state.reset = 1;
  if ((segment.flags & net::kFin) != 0) hot.state.fin |= EndBit(end);
  if (was_closed || !IsClosed(hot)) return;
  timers_.Cancel(hot.cold);
  Schedule(hot);
}

// A SYN that does not fit the numbers of the session in its place opens another one: the ports
// are used again.
bool Worker::StartsAnew(const flow::HotSession& hot, End end,
                        const net::Segment& segment) const {
  if ((segment.flags & net::kSyn) == 0 || !TestEnd(hot.state.based, end)) return false;
  const int32_t below = Distance(hot.base[end], segment.seq + 1);
  if (TestEnd(hot.state.synced, end)) return below != 0;
  return below < 0 || below > flow::kTrustedJump;
}

uint32_t Worker::FindOrCreate(Pending& pending, const flow::SessionKey& key, End& end) {
  const net::Segment& segment = pending.segment;
  uint32_t slot = sessions_.Find(key, pending.flow_hash, end);
  if (slot != kNone) {
    if (!StartsAnew(sessions_.hot(slot), end, segment)) return slot;
    // With the ring full the old session can't be reported yet, so it stays a while longer.
    if (!EndSession(slot)) return kNone;
  }
  end = 0;
  return pending.mail_port ? CreateOnMailPort(pending, key) : CreateOnOddPort(pending, key);
}

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
  cold.dialogue = dialogues_.Allocate();
  if (cold.dialogue == kNone) Short(Shortage::kDialogues);
  Schedule(hot);
  return slot;
}

uint32_t Worker::CreateOnMailPort(const Pending& pending, const flow::SessionKey& key) {
  const net::Segment& segment = pending.segment;
  if ((segment.flags & net::kRst) != 0) return kNone;
  const uint32_t slot = Create(pending, key);
  if (slot == kNone) {
    // The full table loses no bytes: they go to whoever sent them, without a session.
    counters_.unattributed_bytes.Add(segment.length);
    meter::ConversationKey unknown = {.attribution = meter::Attribution::kNone};
    const bool to_server = ports_.Contains(segment.dst_port);
    unknown.service = ports_.service(to_server ? segment.dst_port : segment.src_port);
    bool exact = false;
    const uint32_t row = conversations_.Acquire(unknown, exact);
    meter::DeltaRecord& delta = conversations_.Touch(row);
    meter::DirectionBytes& bytes = delta.bytes[to_server ? kUp : kDown];
    bytes.observed += segment.length;
    bytes.packets += 1;
    if (delta.first_seen == 0) delta.first_seen = pending.time;
    delta.last_seen = pending.time;
    conversations_.Release(row);
    return kNone;
  }
  flow::HotSession& hot = sessions_.hot(slot);
  hot.state.standard_port = 1;
  // The opener of the connection is the client; met under way, the mail port is the server's.
  const bool syn = (segment.flags & net::kSyn) != 0;
  const bool ack = (segment.flags & net::kAck) != 0;
  hot.state.client_known = syn;
  hot.state.client_end = syn ? (ack ? 1 : 0) : (ports_.Contains(segment.dst_port) ? 0 : 1);
  if (sessions_.cold(hot).dialogue == kNone) {
    // Nobody can read it: the port must do.
    const Hint port = PortHint(hot);
    if (port.known) {
      Accept(slot, port.service, Evidence::kPort, port.tls ? Tls::kImplicit : Tls::kNone);
    }
  }
  return slot;
}

// On an odd port, where only the content tells.
uint32_t Worker::CreateUndecided(const Pending& pending, const flow::SessionKey& key) {
  const uint32_t slot = Create(pending, key);
  if (slot == kNone) return kNone;
  ++undecided_;
  suspicion_.Raise(pending.flow_hash);
  if (sessions_.cold(sessions_.hot(slot)).dialogue != kNone) return slot;
  Forget(slot);
  return kNone;
}

void Worker::RememberHandshake(const Pending& pending) {
  const net::Segment& segment = pending.segment;
  const bool ack = (segment.flags & net::kAck) != 0;
  // A SYN-ACK alone tells the client's number too.
  flow::Handshake next = {.flow_hash = pending.flow_hash,
                          .client_isn = ack ? segment.ack - 1 : segment.seq,
                          .server_isn = ack ? segment.seq : 0,
                          .client_port = ack ? segment.dst_port : segment.src_port,
                          .has_server = ack,
                          .time = pending.time};
  const flow::Handshake* known = handshakes_.Find(pending.handshake_slot, pending.flow_hash);
  if (known != nullptr && known->client_isn == next.client_isn &&
      known->client_port == next.client_port) {
    std::copy_n(known->packets, 2, next.packets);
    next.time = std::min(known->time, next.time);
    if (!ack) {  // late, or again: the server's number stays
      next.server_isn = known->server_isn;
      next.has_server = known->has_server;
    }
  }
  uint8_t& packets = next.packets[ack ? 1 : 0];
  if (packets < UINT8_MAX) ++packets;
  handshakes_.Put(pending.handshake_slot, next);
}

bool Worker::HasRoomForUndecided() {
  if (undecided_ < most_undecided_) return true;
  Short(Shortage::kUndecided);
  return false;
}

uint32_t Worker::CreateOnOddPort(const Pending& pending, const flow::SessionKey& key) {
  const net::Segment& segment = pending.segment;
  if ((segment.flags & net::kSyn) != 0) {
    const uint32_t slot = CreateAtKnownServer(pending, key);
    if (slot == kNone) RememberHandshake(pending);
    return slot;
  }
  if (!pending.suspected) return kNone;
  flow::Handshake* handshake = handshakes_.Find(pending.handshake_slot, pending.flow_hash);
  const bool word = segment.captured >= classify::FirstWordFilter::kWordBytes &&
                    first_words_.Matches(segment.payload, segment.captured);
  // The first payload of a side continues the handshake, and so does a known word or a
  // ServerHello near it: the mirror may deliver them out of order, or lose what came before.
  bool from_client = false;
  bool from_start = false;
  if (handshake != nullptr) {
    from_client = segment.src_port == handshake->client_port;
    const uint32_t isn = from_client ? handshake->client_isn : handshake->server_isn;
    const bool known = from_client || handshake->has_server;
    const int32_t ahead = known ? Distance(segment.seq, isn + 1)
                                : Distance(segment.ack, handshake->client_isn + 1);
    const bool answer = !from_client && segment.captured >= classify::kHelloStart &&
                        classify::LooksLikeServerHello(segment.payload, segment.captured);
    from_start = ahead == 0;
    const bool near = (word || answer) && ahead > 0 && ahead <= flow::kTrustedJump;
    if (ahead != 0 && !near) handshake = nullptr;
  }
  // A ClientHello is its stream's start, whether the handshake was seen or not.
  const bool hello = !word && segment.captured >= classify::kHelloStart &&
                     classify::LooksLikeClientHello(segment.payload, segment.captured);
  if (handshake == nullptr && !word && !hello) return kNone;
  // Where mail has been spoken before, what may be mail is enough under way too.
  if (word && !recogniser_.MayOpenMail(segment.payload, segment.captured,
                                       from_start || IsWithKnownServer(key))) {
    return kNone;
  }
  if (!HasRoomForUndecided()) return kNone;

  const uint32_t slot = CreateUndecided(pending, key);
  if (slot == kNone) return kNone;
  flow::HotSession& hot = sessions_.hot(slot);
  if (handshake == nullptr) {
    // Servers open with a number or a sign, clients with a command or a proxy's header.
    const absl::string_view text(reinterpret_cast<const char*>(segment.payload),
                                 segment.captured);
    const char first = text[std::min(text.find_first_not_of("\r\n"), text.size() - 1)];
    const bool server =
        (first >= '0' && first <= '9') || first == '*' || first == '+' || first == '-';
    hot.state.client_end = server ? 1 : 0;
    if (hello) {
      hot.state.seen |= EndBit(0);
      sequencer_.Synchronize(hot, sessions_.cold(hot), 0, segment.seq, pending.time);
    }
    return slot;
  }
  TakeHandshake(hot, from_client ? 0 : 1, *handshake, pending.time);
  return slot;
}

bool Worker::IsWithKnownServer(const flow::SessionKey& key) const {
  return known_servers_ != nullptr &&
         (known_servers_->Find(key.source, key.source_port, key.encap_tag).has_value() ||
          known_servers_->Find(key.destination, key.destination_port, key.encap_tag)
              .has_value());
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
  hot.state.seen |= EndBit(client);
  cold.first_seen = std::min(cold.first_seen, handshake.time);
  cold.pending_packets[client] += handshake.packets[0];
  cold.pending_packets[server] += handshake.packets[1];
  handshakes_.Erase(&handshake);
}

// Where mail has been spoken before, a connection is followed from its handshake on: the mirror
// may lose what would tell it from others.
uint32_t Worker::CreateAtKnownServer(const Pending& pending, const flow::SessionKey& key) {
  if (known_servers_ == nullptr) return kNone;
  const bool from_server = (pending.segment.flags & net::kAck) != 0;
  const auto service =
      from_server ? known_servers_->Find(key.source, key.source_port, key.encap_tag)
                  : known_servers_->Find(key.destination, key.destination_port, key.encap_tag);
  if (!service.has_value() || !HasRoomForUndecided()) return kNone;
  const uint32_t slot = CreateUndecided(pending, key);
  if (slot == kNone) return kNone;
  flow::HotSession& hot = sessions_.hot(slot);
  hot.state.client_end = from_server ? 1 : 0;
  hot.state.client_known = 1;
  // The server may have become known within the handshake.
  const net::Segment& segment = pending.segment;
  flow::Handshake* handshake = handshakes_.Find(pending.handshake_slot, pending.flow_hash);
  const uint32_t isn = from_server ? segment.ack - 1 : segment.seq;
  const uint16_t client_port = from_server ? segment.dst_port : segment.src_port;
  if (handshake != nullptr && handshake->client_isn == isn &&
      handshake->client_port == client_port) {
    TakeHandshake(hot, from_server ? 1 : 0, *handshake, pending.time);
  }
  return slot;
}

void Worker::MarkDirty(flow::HotSession& hot) {
  if (hot.state.dirty != 0) return;
  if (dirty_.size() == dirty_.capacity()) {
    Fold(hot);
    return;
  }
  hot.state.dirty = 1;
  dirty_.push_back(hot.cold);
}

// Straight to the conversation: a session keeps no count of copies, so those of its first
// words, before it is known for mail, are not among them.
void Worker::CountCopy(flow::HotSession& hot, End end, uint32_t bytes) {
  if (!IsMail(hot) || hot.state.established == 0) return;
  flow::ColdSession& cold = sessions_.cold(hot);
  if (cold.conversation == kNone) Fold(hot);
  conversations_.Touch(cold.conversation)
      .bytes[end == ClientEnd(hot) ? kUp : kDown]
      .duplicate += bytes;
}

void Worker::Account(uint32_t slot, End end, const net::Segment& segment, UnixNanos time) {
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  const End other = flow::Other(end);
  const uint8_t flags = segment.flags;
  // The second line is touched only where packets come out of order.
  if (time >= cold.last_seen) {
    cold.last_seen = time;
  } else {
    cold.first_seen = std::min(cold.first_seen, time);
  }
  hot.state.seen |= EndBit(end);
  const bool was_closed = IsClosed(hot);

  // On an odd port a session is met at its first payload, or at a known server a little before:
  // its counts must not tell which.
  const bool bare = segment.length == 0 && (flags & (net::kSyn | net::kFin | net::kRst)) == 0;
  if (!bare || hot.state.standard_port != 0 || hot.state.payload != 0) {
    ++cold.pending_packets[end];
  }
  if ((flags & net::kRst) != 0) {
    // The numbers of a RST are often somebody else's guess: it ends the session, no more.
    hot.state.reset = 1;
  } else {
    uint32_t seq = segment.seq;
    if ((flags & net::kSyn) != 0) {
      sequencer_.Synchronize(hot, cold, end, ++seq, time);
      if ((flags & net::kAck) != 0) {
        sequencer_.Synchronize(hot, cold, other, segment.ack, time);
      }
    }
    if ((flags & net::kAck) != 0) sequencer_.OnAck(hot, cold, other, segment.ack, time);
    const uint32_t repeated = cold.pending_repeated[end];
    sequencer_.OnSegment(hot, cold, end, seq, segment.length, (flags & net::kFin) != 0, time);
    if (segment.length != 0 &&
        copies_.Seen(hot.cold, end, seq, segment.length, net::PacketMark(segment))) {
      CountCopy(hot, end, cold.pending_repeated[end] - repeated);
    }
    if (hot.state.acked != 0 || hot.state.payload == 3) {
      if (hot.state.established == 0 && IsMail(hot)) ++established_;
      hot.state.established = 1;
    }
    if (segment.length != 0 && cold.dialogue != kNone) Read(slot, end, segment);
  }
  MarkDirty(hot);
  constexpr uint32_t kFoldEarly = 1u << 30;  // well before a counter of 32 bits is full
  if ((cold.pending_observed[end] | cold.pending_repeated[end] | cold.pending_inferred[0] |
       cold.pending_inferred[1]) >= kFoldEarly) {
    Fold(hot);
  }
  if (IsClosed(hot) && !was_closed) {
    timers_.Cancel(hot.cold);
    Schedule(hot);
  }
}

}  // namespace mailtap::pipeline

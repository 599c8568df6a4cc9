// Handshakes: those that are remembered until somebody speaks, on odd ports and where mail
// ports are flooded, and those in place of a session that is there already.
#include <algorithm>

#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::Distance;
using flow::End;
using flow::EndBit;
using flow::kNone;
using flow::TestEnd;

// Whether a SYN, or the answer to one, goes with the client's number of a handshake. What the
// SYN carries is acknowledged with it (RFC 7413).
bool Worker::IsOf(const net::Segment& syn, const flow::Handshake& handshake) {
  const bool ack = (syn.flags & net::kAck) != 0;
  if (handshake.client_port != (ack ? syn.dst_port : syn.src_port)) return false;
  const int32_t ahead = Distance(ack ? syn.ack - 1 : syn.seq, handshake.client_isn);
  if (!ack || handshake.packets[0] == 0) return ahead == 0;
  return ahead >= 0 && ahead <= flow::kTrustedJump;
}

void Worker::RememberHandshake(const Pending& pending) {
  const net::Segment& segment = pending.segment;
  const bool ack = (segment.flags & net::kAck) != 0;
  // A SYN-ACK alone tells the client's number too.
  const uint32_t client_isn = ack ? segment.ack - 1 : segment.seq;
  const uint16_t client_port = ack ? segment.dst_port : segment.src_port;
  flow::Handshake& entry = handshakes_.FindOrTake(pending.handshake_slot, pending.flow_hash);
  const int64_t since = pending.time - entry.time;
  const bool under_way =
      entry.time != INT64_MAX && since < (ack ? kHandshakeTime : kFirewallDelay);
  if (!IsOf(segment, entry)) {
    if (under_way) return;
    entry = {.flow_hash = pending.flow_hash,
             .client_isn = client_isn,
             .client_port = client_port,
             .time = pending.time};
  }
  if (ack && entry.has_server && entry.server_isn != segment.seq && under_way) return;
  entry.time = std::min(entry.time, pending.time);
  if (ack) {  // of a SYN that is late, or comes again, the server's number stays
    entry.server_isn = segment.seq;
    entry.has_server = true;
  }
  uint8_t& packets = entry.packets[ack ? 1 : 0];
  if (packets < UINT8_MAX) ++packets;
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

// Whether a packet may belong to another connection on the ports of the session in its place:
// a SYN that doesn't fit that one's numbers, or numbers that are nowhere near.
bool Worker::HasOtherNumbers(const flow::HotSession& hot, End end,
                             const net::Segment& segment) const {
  const auto far = [&](End from, uint32_t at) {
    return TestEnd(hot.state.based, from) && flow::IsFar(at, hot.mark[from]);
  };
  if ((segment.flags & net::kSyn) == 0) return !IsOther(hot) && far(end, segment.seq);
  if ((segment.flags & net::kAck) != 0 && far(flow::Other(end), segment.ack)) return true;
  if (!TestEnd(hot.state.based, end)) return false;
  const int32_t below = Distance(hot.base[end], segment.seq + 1);
  if (TestEnd(hot.state.synced, end)) return below != 0;
  return below < 0 || below > flow::kTrustedJump;
}

// A packet whose numbers are not those of the session in `slot`. A connection that is over, or
// that nobody has answered, gives way to any SYN. Another one does so once the other end has
// taken part in the handshake, or, where that can't be seen, once payload follows it: stacks
// answer a SYN out of nowhere with the numbers they had (RFC 9293, 3.10.7.4).
uint32_t Worker::StartAnew(Pending& pending, const flow::SessionKey& key, uint32_t slot,
                           End& end) {
  const net::Segment& segment = pending.segment;
  const flow::HotSession& hot = sessions_.hot(slot);
  const bool over = IsClosed(hot) || IsOther(hot);
  const bool syn = (segment.flags & net::kSyn) != 0;
  const bool ack = (segment.flags & net::kAck) != 0;
  if (!over && pending.time - sessions_.cold(hot).last_seen < kFirewallDelay) {
    return syn ? kNone : slot;
  }
  const bool silent = hot.state.payload == 0 && hot.state.established == 0;
  const bool unanswered =
      silent && (ack ? segment.ack == hot.base[flow::Other(end)] : hot.state.synced != 3);
  flow::Handshake* handshake = nullptr;
  if (!syn || !(over || unanswered)) {
    pending.handshake_slot = handshakes_.SlotOf(segment.address_hash, pending.flow_hash);
    handshake = handshakes_.Find(pending.handshake_slot, pending.flow_hash);
    if (handshake == nullptr || !ConfirmsHandshake(pending, hot, end, *handshake)) {
      if (syn) {
        RememberHandshake(pending);
        return kNone;
      }
      // The next connection has begun while the one that is over could not be reported.
      const bool under_way = over && pending.mail_port && handshake != nullptr;
      if (!under_way) return slot;
      handshake = nullptr;
    }
  }
  // With the ring full the old session can't be reported yet, so it stays a while longer.
  if (!EndSession(slot)) {
    if (syn) {
      LeaveNote(pending);
    } else if (pending.mail_port) {
      CountUnattributed(pending);
    }
    return kNone;
  }
  end = 0;
  if (!pending.mail_port) return CreateOnOddPort(pending, key);
  return CreateOnMailPort(pending, key, handshake);
}

// Whether a packet shows that the other end has taken part in `handshake`.
bool Worker::ConfirmsHandshake(const Pending& pending, const flow::HotSession& hot, End end,
                               const flow::Handshake& handshake) const {
  const net::Segment& segment = pending.segment;
  if ((segment.flags & (net::kAck | net::kRst)) != net::kAck) return false;
  const uint32_t first = handshake.client_isn + 1;
  if (segment.src_port != handshake.client_port) {
    return handshake.packets[0] != 0 && segment.ack == first;
  }
  const bool hidden = !TestEnd(hot.state.seen, flow::Other(end));
  return (segment.flags & net::kSyn) == 0 && segment.seq == first &&
         (handshake.has_server || (hidden && segment.length != 0));
}

}  // namespace mailtap::pipeline

// Another connection on the ports of a session that is there already.
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::Distance;
using flow::End;
using flow::kNone;
using flow::TestEnd;

// Whether a SYN-ACK answers the SYN that the session began with.
bool Worker::AnswersSyn(const flow::HotSession& hot, End end, const net::Segment& segment) {
  constexpr uint8_t kSynAck = net::kSyn | net::kAck;
  const End other = flow::Other(end);
  return (segment.flags & kSynAck) == kSynAck && TestEnd(hot.state.synced, other) &&
         (segment.ack == hot.base[other] || segment.ack == hot.mark[other]);
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
  if (AnswersSyn(hot, end, segment)) return false;
  return below < 0 || below > flow::kTrustedJump;
}

// Whether nothing more is to come of a connection from whoever would open the next one with
// this packet. Of one direction alone, its end is all that can be seen.
bool Worker::IsOver(const flow::HotSession& hot, End end, uint8_t flags) {
  if (IsClosed(hot) || IsOther(hot)) return true;
  if (hot.state.fin == 0) return false;
  const bool opens = (flags & (net::kSyn | net::kAck)) == net::kSyn;
  return hot.state.fin == hot.state.seen || (opens && TestEnd(hot.state.fin, end));
}

// Far from all that a connection which is over has said. It must not keep that alive: if more
// of the kind comes, it is another one's.
uint32_t Worker::OutOfWindow(const net::Segment& segment) {
  if (segment.length != 0) counters_.sequence.out_of_window.Add(1);
  return kNone;
}

// A packet whose numbers are not those of the session in `slot`. A connection that is over, or
// that nobody has answered, gives way to any SYN. Another one does so once the other end has
// taken part in the handshake, or, where that can't be seen, once something follows it: stacks
// answer a SYN out of nowhere with the numbers they had (RFC 9293, 3.10.7.4).
uint32_t Worker::StartAnew(Pending& pending, const flow::SessionKey& key, uint32_t slot,
                           End& end) {
  const net::Segment& segment = pending.segment;
  const flow::HotSession& hot = sessions_.hot(slot);
  const bool over = IsOver(hot, end, segment.flags);
  const bool syn = (segment.flags & net::kSyn) != 0;
  const bool ack = (segment.flags & net::kAck) != 0;
  // Nothing but a stray packet has told of it.
  const bool unfounded = hot.state.synced == 0 && hot.state.payload == 0;
  if (!over && !(syn && unfounded) &&
      pending.time - sessions_.cold(hot).last_seen < Handshakes::kFirewallDelay) {
    return syn ? kNone : slot;
  }
  const bool silent = hot.state.payload == 0 && hot.state.established == 0;
  const bool unanswered =
      unfounded ||
      (silent && (ack ? segment.ack == hot.base[flow::Other(end)] : hot.state.synced != 3));
  flow::Handshake* handshake = nullptr;
  if (!syn || !(over || unanswered)) {
    handshakes_.Locate(pending);
    handshake = handshakes_.Find(pending);
    const bool hidden = !TestEnd(hot.state.seen, flow::Other(end));
    if (handshake == nullptr || !Handshakes::IsConfirmedBy(segment, *handshake, hidden)) {
      if (syn) {
        handshakes_.Remember(pending);
        return kNone;
      }
      if (handshake == nullptr) return over ? OutOfWindow(segment) : slot;
      // The next connection has begun while the one that is over could not be reported.
      const bool under_way = over && pending.mail_port;
      if (!under_way) {
        return Handshakes::IsFollowedBy(segment, *handshake) ? kNone : slot;
      }
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

}  // namespace mailtap::pipeline

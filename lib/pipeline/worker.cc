#include "lib/pipeline/worker.h"

#include <algorithm>
#include <cstdlib>

#include "lib/net/dns.h"

namespace mailtap::pipeline {

using flow::Distance;
using flow::End;
using flow::EndBit;
using flow::kNone;
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
      tls_names_(config.tls),
      first_look_(tls_names_),
      recogniser_(std::move(recogniser)),
      ring_(ring),
      known_servers_(known_servers),
      sessions_(static_cast<uint32_t>(config.limits.sessions)),
      holes_(static_cast<uint32_t>(config.limits.holes)),
      sequencer_(holes_, counters_.sequence),
      timers_(sessions_.colds()),
      handshakes_(static_cast<uint32_t>(config.limits.handshakes)),
      unheard_(suspicion_),
      conversations_(static_cast<uint32_t>(config.limits.conversations)),
      dialogues_(static_cast<uint32_t>(config.limits.dialogues),
                 DialoguePool::Openings(config.limits),
                 static_cast<uint32_t>(config.limits.reorder_buffers)),
      // Names are shared: a 64th of the sessions is more than a site has mail servers.
      names_(static_cast<uint32_t>(config.limits.sessions) / 64 + 1),
      encaps_(static_cast<uint32_t>(config.limits.encapsulations)),
      split_kinds_(net::SetOf(config.tunnels.split_by)),
      split_encaps_(static_cast<uint32_t>(config.limits.encapsulations)),
      answers_(ring, counters_.shortages[static_cast<int>(Shortage::kAnswers)], split_kinds_),
      // Enough of the table is left for connections that come about, whoever floods it.
      most_half_open_(sessions_.capacity() - sessions_.capacity() / 4),
      most_unnoted_(sessions_.capacity() - sessions_.capacity() / 8),
      most_undecided_(static_cast<uint32_t>(config.limits.undecided)),
      most_others_(sessions_.capacity() / 2) {
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
  dirty_.reserve(sessions_.capacity());
}

inline uint32_t Worker::FindOrCreate(Pending& pending, const flow::SessionKey& key, End& end) {
  const net::Segment& segment = pending.segment;
  const uint32_t slot = pending.unknown ? kNone : sessions_.Find(key, pending.flow_hash, end);
  if (slot != kNone) {
    const flow::HotSession& hot = sessions_.hot(slot);
    const bool far = flow::IsFar(segment.seq, hot.mark[end]);
    if (!far && (segment.flags & net::kSyn) == 0) [[likely]]
      return slot;
    return HasOtherNumbers(hot, end, segment) ? StartAnew(pending, key, slot, end) : slot;
  }
  end = 0;
  return pending.mail_port ? CreateOnMailPort(pending, key) : CreateOnOddPort(pending, key);
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
  if (IsOther(sessions_.hot(slot))) {
    return FollowOther(sessions_.hot(slot), end, segment, pending.time);
  }
  Account(slot, end, pending);
  if (remove_) Forget(slot);
}

// Nothing is counted of what turned out not to be mail: it only has to last as long as its
// connection.
void Worker::FollowOther(flow::HotSession& hot, End end, const net::Segment& segment,
                         UnixNanos time) {
  flow::ColdSession& cold = sessions_.cold(hot);
  cold.last_seen = std::max(cold.last_seen, time);
  hot.state.seen |= EndBit(end);
  if ((segment.flags & (net::kFin | net::kRst)) == 0) return;
  const bool was_closed = IsClosed(hot);
  if ((segment.flags & net::kRst) != 0) hot.state.reset = 1;
  if ((segment.flags & net::kFin) != 0) hot.state.fin |= EndBit(end);
  if (was_closed || !IsClosed(hot)) return;
  timers_.Cancel(hot.cold);
  Schedule(hot);
}

void Worker::AddDirty(flow::HotSession& hot) {
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

void Worker::Account(uint32_t slot, End end, const Pending& pending) {
  const net::Segment& segment = pending.segment;
  const UnixNanos time = pending.time;
  flow::HotSession& hot = sessions_.hot(slot);
  flow::ColdSession& cold = sessions_.cold(hot);
  const uint8_t flags = segment.flags;

  ++cold.pending_packets[end];
  const uint8_t special = flags & (net::kSyn | net::kFin | net::kRst);
  const bool was_closed = IsClosed(hot);
  const bool next = special == 0 && (flags & net::kAck) != 0 &&
                    sequencer_.OnNext(hot, cold, end, segment.seq, segment.length, segment.ack);
  if (next) [[likely]] {
    if (segment.length != 0) copies_.Seen(pending.copy_place, net::PacketMark(segment));
  } else {
    AccountNumbers(hot, cold, end, pending);
  }
  hot.state.seen |= EndBit(end);
  // The second line is touched only where packets come out of order.
  if (time >= cold.last_seen) {
    cold.last_seen = time;
  } else {
    cold.first_seen = std::min(cold.first_seen, time);
  }
  if ((flags & net::kRst) == 0) {
    if (hot.state.acked != 0 || hot.state.payload == 3) {
      if (hot.state.established == 0) Establish(hot);
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

void Worker::Establish(flow::HotSession& hot) {
  if (IsMail(hot)) ++established_;
  if (IsHalfOpen(hot)) --half_open_;
  hot.state.established = 1;
}

// It ends the session, but not one whose numbers somebody had to guess (RFC 5961, 3.2). Its own
// tell how far both ends had got.
void Worker::AccountReset(flow::HotSession& hot, flow::ColdSession& cold, End end,
                          const Pending& pending) {
  const net::Segment& segment = pending.segment;
  const bool near = TestEnd(hot.state.based, end) &&
                    std::abs(Distance(segment.seq, hot.mark[end])) <= flow::kTrustedJump;
  if (!near && hot.state.payload != 0 && TestEnd(hot.state.based, end)) return;
  hot.state.reset = 1;
  if (!near) return;
  const End other = flow::Other(end);
  if ((segment.flags & net::kAck) != 0 && TestEnd(hot.state.based, other) &&
      !flow::IsFar(segment.ack, hot.mark[other])) {
    sequencer_.OnAck(hot, cold, other, segment.ack, pending.time);
  }
  sequencer_.OnSegment(hot, cold, end, segment.seq, 0, /*fin=*/false, pending.time);
}

// What of a segment is not simply the next.
void Worker::AccountNumbers(flow::HotSession& hot, flow::ColdSession& cold, End end,
                            const Pending& pending) {
  const net::Segment& segment = pending.segment;
  const uint8_t flags = segment.flags;
  if ((flags & net::kRst) != 0) return AccountReset(hot, cold, end, pending);
  const End other = flow::Other(end);
  uint32_t seq = segment.seq;
  if ((flags & net::kSyn) != 0) {
    sequencer_.Synchronize(hot, cold, end, ++seq, pending.time, AnswersSyn(hot, end, segment));
    if ((flags & net::kAck) != 0) {
      sequencer_.Synchronize(hot, cold, other, segment.ack, pending.time);
    }
  }
  if ((flags & net::kAck) != 0) sequencer_.OnAck(hot, cold, other, segment.ack, pending.time);
  const uint32_t repeated = cold.pending_repeated[end];
  const uint32_t mark = hot.mark[end];
  sequencer_.OnSegment(hot, cold, end, seq, segment.length, (flags & net::kFin) != 0,
                       pending.time);
  // Whoever goes on has not been reset.
  if (segment.length != 0 && hot.mark[end] != mark) hot.state.reset = 0;
  if (segment.length != 0 && copies_.Seen(pending.copy_place, net::PacketMark(segment))) {
    CountCopy(hot, end, cold.pending_repeated[end] - repeated);
  }
}

}  // namespace mailtap::pipeline

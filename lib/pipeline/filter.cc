// The cheap tests: which packets need to be placed in a session at all.
#include "lib/net/dns.h"
#include "lib/net/hash.h"
#include "lib/pipeline/sample.h"
#include "lib/pipeline/worker.h"

namespace mailtap::pipeline {

using flow::kNone;

// Every plain packet is asked, and nearly all are told no: false only where Wanted() is.
inline bool Worker::MayBeWanted(const net::PlainTcp& tcp) const {
  return ports_.MayWatchEither(tcp.ports()) ||
         first_look_.Glance(tcp.flags(), tcp.payload(), tcp.captured()) ||
         suspicion_.Test(tcp.rough_hash());
}

// Of a packet on an odd port.
bool Worker::Wanted(Pending& pending) {
  const net::Segment& segment = pending.segment;
  pending.rough_hash = net::RoughHash(net::AddressSum(segment.source(), segment.destination()),
                                      net::RawPorts(segment.src_port, segment.dst_port));
  // Asked even where another flow has raised the counter that this one shares: only what opens
  // like mail may become a session.
  pending.suspected = first_look_.MayOpen(segment);
  const bool raised = suspicion_.Test(pending.rough_hash);
  // Sessions on odd ports keep their counter raised: this packet's is yet to be made.
  pending.unknown = pending.suspected && !raised;
  // From here until this packet's turn is over, later packets of its flow wait behind it; what
  // comes of it then does not depend on where a burst ends.
  if (pending.suspected) suspicion_.Hold(pending.rough_hash);
  return pending.suspected || raised;
}

// Some ports and mirrors cut packets and call what is left a whole frame.
inline void Worker::CountCut(const PacketView& packet) {
  if (packet.whole()) counters_.cut.Add(1);
}

void Worker::Process(absl::Span<const PacketView> packets) {
  constexpr std::size_t kAhead = 8;
  const auto prefetch = [&](std::size_t from) {
    for (const PacketView& packet : packets.subspan(from, kAhead)) Prefetch(packet);
  };
  prefetch(0);
  for (std::size_t at = 0; at < packets.size(); at += kAhead) {
    if (at + kAhead < packets.size()) prefetch(at + kAhead);
    Take(packets.subspan(at, kAhead));
  }
  Settle();
}

void Worker::Take(absl::Span<const PacketView> packets) {
  uint64_t bytes = 0;
  uint64_t others = 0;  // whose outcomes are counted where they are met
  for (const PacketView& packet : packets) {
    bytes += packet.wire_length;
    if (!packet.whole()) counters_.snapped.Add(1);
    net::PlainTcp plain;
    if (!packet.plain() || !plain.Read(packet.data, packet.captured)) [[unlikely]] {
      ++others;
      TakeOther(packet);
      continue;
    }
    if (plain.cut()) [[unlikely]]
      CountCut(packet);
    if (!MayBeWanted(plain)) [[likely]]
      continue;
    plain.CopyTo(pending_[pending_count_].segment);
    constexpr uint32_t kNoTag = 0;  // it is wrapped in nothing
    TakeSegment(kNoTag, packet.time);
  }
  counters_.packets.Add(packets.size());
  counters_.bytes.Add(bytes);
  counters_.outcomes[static_cast<int>(net::Outcome::kTcp)].Add(packets.size() - others);
}

inline void Worker::Queue() {
  Pending& pending = pending_[pending_count_];
  const net::Segment& segment = pending.segment;
  pending.copy_place = flow::CopyTable::PlaceOf(segment.address_hash, pending.flow_hash,
                                                segment.src_port, segment.seq, segment.length);
  if (!pending.unknown) {
    sessions_.Prefetch(pending.flow_hash);
    copies_.Prefetch(pending.copy_place);
  }
  if (!pending.mail_port) {
    handshakes_.Locate(pending);
    handshakes_.Prefetch(pending);
  }
  if (++pending_count_ > kHotAhead) AskForCold(pending_count_ - kHotAhead - 1);
  if (pending_count_ == kPendingSlots) Settle();
}

// The segment of the pending packet that is to be the next.
void Worker::TakeSegment(uint32_t encap_tag, UnixNanos time) {
  Pending& pending = pending_[pending_count_];
  const net::Segment& segment = pending.segment;
  pending.flow_hash = net::FlowHash(
      segment.address_hash, net::PortPair(segment.src_port, segment.dst_port), encap_tag);
  pending.encap_tag = encap_tag;
  pending.time = time;
  pending.mail_port = ports_.ContainsEither(segment.src_port, segment.dst_port);
  pending.suspected = pending.unknown = false;
  if (!pending.mail_port) {
    if (segment.src_port == net::kDnsPort)
      answers_.ReadSegment(segment, pending.flow_hash, time);
    if (!Wanted(pending)) return;
  }
  Queue();
}

void Worker::TakeOther(const PacketView& packet) {
  net::Segment& segment = pending_[pending_count_].segment;
  const net::Outcome outcome = reassembler_.DecodeOther(packet, segment);
  if (segment.cut) CountCut(packet);
  if (outcome == net::Outcome::kFragment) return TakeFragment(segment, packet.time);
  // Packets put together come in no order of time, and which are the first depends on workers.
  const bool is_frame = packet.outer == nullptr;
  if (is_frame && static_cast<int>(outcome) >= net::kFirstDropOutcome) {
    KeepSample(packet, outcome);
  }
  TakeDecoded(packet, outcome);
}

// By value: packets that the fragment completes are decoded where it lies.
void Worker::TakeFragment(net::Segment fragment, UnixNanos time) {
  counters_.fragments.Add(1);
  const uint64_t unplaced = reassembler_.Add(
      fragment, time, [this](const PacketView& packet) { ProcessWhole(packet); });
  counters_.outcomes[static_cast<int>(net::Outcome::kFragment)].Add(unplaced);
}

// A packet put together; its bytes are there during the call only.
void Worker::ProcessWhole(const PacketView& packet) {
  net::Segment& segment = pending_[pending_count_].segment;
  const net::Outcome outcome = reassembler_.Decode(packet, segment);
  // An example of those that could not be placed, which are counted where that is tried.
  if (outcome == net::Outcome::kFragment) return KeepSample(packet, outcome);
  if (segment.cut) CountCut(packet);
  TakeDecoded(packet, outcome);
  Settle();
}

void Worker::TakeDecoded(const PacketView& packet, net::Outcome outcome) {
  counters_.outcomes[static_cast<int>(outcome)].Add(1);
  const net::Segment& segment = pending_[pending_count_].segment;
  if (outcome == net::Outcome::kTcp) {
    TakeSegment(net::EncapTag(segment.encap, split_kinds_), packet.time);
  } else if (outcome == net::Outcome::kDns) {
    answers_.Read(segment, packet.time);
  }
}

// For diagnosis, where it is configured. A sample that finds the ring full is no loss: more
// come.
void Worker::KeepSample(const PacketView& packet, net::Outcome outcome) {
  int64_t& left = samples_left_[static_cast<int>(outcome)];
  if (left == 0) return;
  if (ring_.Push(SampleOf(packet, outcome, reassembler_))) --left;
}

// What a packet touches behind its hot line is asked for as soon as that is likely to be there.
void Worker::AskForCold(uint32_t i) {
  Pending& pending = pending_[i];
  pending.likely_cold = kNone;
  if (pending.unknown) return;
  const net::Segment& segment = pending.segment;
  pending.likely_cold =
      sessions_.LikelyCold(pending.flow_hash, segment.src_port, segment.dst_port);
  if (pending.likely_cold != kNone) sessions_.PrefetchCold(pending.likely_cold);
}

void Worker::Settle() {
  const uint32_t asked = pending_count_ > kHotAhead ? pending_count_ - kHotAhead : 0;
  for (uint32_t i = asked; i < pending_count_; ++i) AskForCold(i);
  for (uint32_t i = 0; i < pending_count_; ++i) {
    const uint32_t soon = i + kDialogueAhead;
    if (soon < pending_count_ && pending_[soon].likely_cold != kNone) {
      dialogues_.Prefetch(sessions_.cold_at(pending_[soon].likely_cold).dialogue);
    }
    Handle(pending_[i]);
    if (pending_[i].suspected) suspicion_.Release(pending_[i].rough_hash);
  }
  pending_count_ = 0;
}

}  // namespace mailtap::pipeline

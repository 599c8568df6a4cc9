// Decoding that sees through IP fragments: those of the packet itself and, where a tunnel's
// packets were cut too, those inside. One thread; allocated at construction.
#ifndef MAILTAP_LIB_PIPELINE_REASSEMBLER_H_
#define MAILTAP_LIB_PIPELINE_REASSEMBLER_H_

#include <algorithm>
#include <cstdint>
#include <deque>

#include "lib/config/config.h"
#include "lib/net/decode.h"
#include "lib/net/defragmenter.h"
#include "lib/net/plain_tcp.h"
#include "lib/pipeline/packet_view.h"

namespace mailtap::pipeline {

class Reassembler {
 public:
  explicit Reassembler(const config::Config& config) {
    for (int level = 0; level < kLevels; ++level) {
      // Mirrors and overlays wrap once, few twice, and what is deeper is rare.
      const uint32_t part = level < 2 ? 1 : level == 2 ? 8 : 16;
      levels_.emplace_back(static_cast<uint32_t>(config.limits.fragments) / part,
                           net::SetOf(config.tunnels.split_by));
    }
    for (int kind = 0; kind < net::kTunnelKindCount; ++kind) {
      for (const uint16_t port : config.tunnels.ports[kind]) {
        tunnels_.Add(port, static_cast<net::TunnelKind>(kind));
      }
    }
  }

  net::Outcome Decode(const PacketView& packet, net::Segment& segment) const {
    net::PlainTcp plain;
    if (packet.plain() && plain.Read(packet.data, packet.captured)) [[likely]] {
      plain.CopyTo(segment);
      return net::Outcome::kTcp;
    }
    return DecodeOther(packet, segment);
  }
  // The same for what is known not to be plain; see net::PlainTcp.
  net::Outcome DecodeOther(const PacketView& packet, net::Segment& segment) const {
    if (packet.outer != nullptr) {
      segment.encap = *packet.outer;
      return net::DecodePacket(packet.data, packet.captured, packet.wire_length, tunnels_,
                               segment);
    }
    return net::Decode(packet.data, packet.captured, packet.wire_length, packet.link,
                       packet.vlan, tunnels_, segment);
  }

  // Takes what Decode called a fragment. Calls whole(view) for each packet that this completes
  // or ends, with a view that Decode takes; the view is valid during the call. Returns how many
  // fragments could not be placed; of these whole() is given examples, which Decode calls a
  // fragment again.
  template <typename Whole>
  uint64_t Add(const net::Segment& fragment, UnixNanos now, Whole&& whole) {
    const uint64_t before = Unplaced();
    Place(fragment, fragment.nesting, now, whole);
    return Unplaced() - before;
  }

  // Gives out what is left of packets whose pieces have not all come in time. Returns as Add.
  template <typename Whole>
  uint64_t Expire(UnixNanos now, Whole&& whole) {
    const uint64_t before = Unplaced();
    for (int level = 0; level < kLevels; ++level) {
      levels_[level].Expire(
          now, [&](const net::Datagram& datagram) { Give(datagram, level, whole); });
    }
    return Unplaced() - before;
  }

  // The earliest time at which Expire has something to do, or INT64_MAX.
  UnixNanos NextExpiry() const {
    UnixNanos next = INT64_MAX;
    for (const net::Defragmenter& level : levels_) next = std::min(next, level.NextExpiry());
    return next;
  }

 private:
  static PacketView ViewOf(const net::Datagram& datagram) {
    return {.data = datagram.ip,
            .captured = datagram.captured,
            .wire_length = datagram.length,
            .time = datagram.time,
            .link = net::LinkType::kRawIp,
            .outer = &datagram.encap};
  }

  template <typename Whole>
  void Place(const net::Segment& fragment, int level, UnixNanos now, Whole& whole) {
    levels_[level].Add(fragment, now, [&, level](const net::Datagram& datagram) {
      Give(datagram, level, whole);
    });
  }

  // A fragment inside goes to a level below: this one's Defragmenter is in the middle of a
  // call. It has its packet's time, also where the end of all time gives that out.
  template <typename Whole>
  void Give(const net::Datagram& datagram, int level, Whole& whole) {
    const PacketView view = ViewOf(datagram);
    net::Segment segment;
    if (datagram.pieces == 0 || Decode(view, segment) != net::Outcome::kFragment) {
      return whole(view);
    }
    const int below = level + std::max<int>(segment.nesting, 1);
    if (below >= kLevels) {
      ++too_deep_;
      return whole(view);
    }
    Place(segment, below, datagram.time, whole);
  }

  uint64_t Unplaced() const {
    uint64_t sum = too_deep_;
    for (const net::Defragmenter& level : levels_) sum += level.unplaced();
    return sum;
  }

  net::TunnelPorts tunnels_;
  // By how many IP packets a fragment is inside of, so that the pieces of a packet meet whether
  // or not what each of them came in was in pieces too. Each packet around it is one layer of
  // an EncapStack at least; what goes deeper is fragments that are ones inside of themselves,
  // which RFC 8200 forbids.
  static constexpr int kLevels = net::EncapStack::kMaxDepth + 1;
  std::deque<net::Defragmenter> levels_;
  uint64_t too_deep_ = 0;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_REASSEMBLER_H_

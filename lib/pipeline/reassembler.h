// Decoding that sees through IP fragments: those of the packet itself and, where a tunnel's
// packets were cut too, those inside. One thread; allocated at construction.
#ifndef MAILTAP_LIB_PIPELINE_REASSEMBLER_H_
#define MAILTAP_LIB_PIPELINE_REASSEMBLER_H_

#include <algorithm>
#include <cstdint>

#include "lib/config/config.h"
#include "lib/net/decode.h"
#include "lib/net/defragmenter.h"
#include "lib/net/plain_tcp.h"
#include "lib/pipeline/packet_view.h"

namespace mailtap::pipeline {

class Reassembler {
 public:
  explicit Reassembler(const config::Config& config)
      : outer_(static_cast<uint32_t>(config.limits.fragments)),
        inner_(static_cast<uint32_t>(config.limits.fragments) / 8) {
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
  // fragments could not be placed.
  template <typename Whole>
  uint64_t Add(const net::Segment& fragment, UnixNanos now, Whole&& whole) {
    const uint64_t before = inner_.unplaced() + outer_.unplaced();
    outer_.Add(fragment, now,
               [&](const net::Datagram& datagram) { GiveOrNest(datagram, now, whole); });
    return inner_.unplaced() + outer_.unplaced() - before;
  }

  // Gives out what is left of packets whose pieces have not all come in time. Returns as Add.
  template <typename Whole>
  uint64_t Expire(UnixNanos now, Whole&& whole) {
    const uint64_t before = inner_.unplaced() + outer_.unplaced();
    outer_.Expire(now,
                  [&](const net::Datagram& datagram) { GiveOrNest(datagram, now, whole); });
    inner_.Expire(now, [&](const net::Datagram& datagram) { whole(ViewOf(datagram)); });
    return inner_.unplaced() + outer_.unplaced() - before;
  }

  // The earliest time at which Expire has something to do, or INT64_MAX.
  UnixNanos NextExpiry() const { return std::min(outer_.NextExpiry(), inner_.NextExpiry()); }

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
  void GiveOrNest(const net::Datagram& datagram, UnixNanos now, Whole& whole) {
    const PacketView view = ViewOf(datagram);
    net::Segment segment;
    if (Decode(view, segment) != net::Outcome::kFragment) return whole(view);
    inner_.Add(segment, now, [&](const net::Datagram& inside) { whole(ViewOf(inside)); });
  }

  net::TunnelPorts tunnels_;
  net::Defragmenter outer_;
  net::Defragmenter inner_;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_REASSEMBLER_H_

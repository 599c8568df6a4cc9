#include "tests/unit/net/pieces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {

Bytes Piece(const PieceFields& fields, const Bytes& payload) {
  const uint32_t more = fields.more ? 1 : 0;
  Bytes ip;
  if (fields.v4) {
    Ipv4Fields v4 = {.protocol = fields.protocol,
                     .fragment = static_cast<uint16_t>(more << 13 | fields.offset / 8)};
    if (!fields.source.empty()) v4.source = fields.source;
    ip = Ipv4(v4, payload);
    std::ranges::copy(Number(fields.id, 2), ip.begin() + 4);
  } else {
    Ipv6Fields v6 = {.next_header = 44};
    if (!fields.source.empty()) v6.source = fields.source;
    Bytes piece =
        FragmentHeader(fields.protocol, static_cast<uint16_t>(fields.offset | more), payload);
    std::ranges::copy(Number(fields.id, 4), piece.begin() + 4);
    ip = Ipv6(v6, piece);
  }
  if (fields.vlan == 0) return EthernetOf(ip);
  return Ethernet(0x8100, Vlan(fields.vlan, TypeOf(ip), ip));
}

std::vector<Bytes> Pieces(PieceFields fields, const Bytes& payload, std::size_t size) {
  std::vector<Bytes> frames;
  for (std::size_t at = 0; at < payload.size(); at += size) {
    const std::size_t end = std::min(at + size, payload.size());
    fields.offset = static_cast<uint32_t>(at);
    fields.more = end != payload.size();
    frames.push_back(Piece(fields, Bytes(payload.begin() + static_cast<std::ptrdiff_t>(at),
                                         payload.begin() + static_cast<std::ptrdiff_t>(end))));
  }
  return frames;
}

// The frame lies in a block of its own, which is gone before the packet is given out later.
void Assembly::Add(const Bytes& frame, UnixNanos now, uint32_t wire_length) {
  const auto size = static_cast<uint32_t>(frame.size());
  const auto copy = std::make_unique<uint8_t[]>(size);
  std::ranges::copy(frame, copy.get());
  Segment segment;
  ASSERT_EQ(Decode(copy.get(), size, wire_length == 0 ? size : wire_length, LinkType::kEthernet,
                   kNoVlan, TunnelPorts(), segment),
            Outcome::kFragment);
  defragmenter.Add(segment, now, [this](const Datagram& datagram) { Take(datagram); });
}

void Assembly::Expire(UnixNanos now) {
  defragmenter.Expire(now, [this](const Datagram& datagram) { Take(datagram); });
}

void Assembly::Take(const Datagram& datagram) {
  if (datagram.pieces == 0) return lost.push_back(datagram.captured);
  // A copy of just its size shows a read past the end.
  const auto copy = std::make_unique<uint8_t[]>(datagram.captured);
  std::copy_n(datagram.ip, datagram.captured, copy.get());
  Segment segment;
  Whole whole = {
      .packet_length = datagram.length, .pieces = datagram.pieces, .time = datagram.time};
  if (datagram.encap.depth != 0) whole.vlan = datagram.encap.layers[0].id;
  segment.encap = datagram.encap;
  whole.outcome =
      DecodePacket(copy.get(), datagram.captured, datagram.length, TunnelPorts(), segment);
  whole.encap = ToString(segment.encap);
  if (whole.outcome == Outcome::kTcp) {
    whole.text.assign(segment.payload, segment.payload + segment.captured);
    whole.length = segment.length;
  }
  wholes.push_back(whole);
}

}  // namespace mailtap::net

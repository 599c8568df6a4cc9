// Packets that a mirror has cut short before it wrapped them: what is left of them tells how
// long they were.
#include <gtest/gtest.h>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

constexpr uint32_t kPayload = 1'000;

Bytes Packet(bool v4, uint32_t payload = kPayload) {
  const Bytes tcp = Tcp({}, std::string(payload, 'm'));
  return v4 ? Ipv4({}, tcp) : Ipv6({}, tcp);
}

Decoded Open(const IpTunnel& tunnel, const Bytes& inner) {
  return Decoded(EthernetOf(Outer(tunnel, true, inner)), LinkType::kEthernet, 0, kNoVlan,
                 UsualPorts());
}

// IP in IP, GTP-U and PPTP carry users' packets, and nobody's copies.
bool IsMirror(const IpTunnel& tunnel) {
  return tunnel.encap.back() != "ipip" && !tunnel.encap[0].starts_with("gtpu") &&
         tunnel.name != std::string("PPTP");
}

// `before`: bytes of the frame, or packet, up to the payload.
void ExpectCut(const IpTunnel& tunnel, const Bytes& inner) {
  const std::size_t before = inner.size() - kPayload;
  for (const std::size_t size : {before, before + 1, before + 100, before + kPayload - 1}) {
    const Decoded r = Open(tunnel, Cut(inner, size));
    ASSERT_EQ(r.outcome, Outcome::kTcp) << size;
    EXPECT_EQ(r.segment.length, kPayload);
    EXPECT_EQ(r.segment.captured, size - before);
    EXPECT_TRUE(r.segment.cut);
    EXPECT_TRUE(r.PayloadIsInside());
  }
  EXPECT_EQ(Open(tunnel, Cut(inner, before - 1)).outcome, Outcome::kTruncatedTcp);
  EXPECT_EQ(Open(tunnel, Cut(inner, before - 21)).outcome, Outcome::kTruncatedIp);
  EXPECT_FALSE(Open(tunnel, inner).segment.cut);
}

TEST(DecapCut, APacketInAMirrorsTunnelIsAsLongAsItSays) {
  for (const IpTunnel& tunnel : IpTunnels()) {
    if (!IsMirror(tunnel)) continue;
    for (const bool v4 : {true, false}) {
      SCOPED_TRACE(tunnel.name);
      ExpectCut(tunnel, tunnel.carries_frames ? EthernetOf(Packet(v4)) : Packet(v4));
    }
  }
}

TEST(DecapCut, APacketInAnotherTunnelEndsWithIt) {
  int tunnels = 0;
  for (const IpTunnel& tunnel : IpTunnels()) {
    if (IsMirror(tunnel)) continue;
    ++tunnels;
    for (const bool v4 : {true, false}) {
      SCOPED_TRACE(tunnel.name);
      const Bytes inner = Packet(v4);
      const Decoded r = Open(tunnel, Cut(inner, inner.size() - kPayload + 100));
      ASSERT_EQ(r.outcome, Outcome::kTcp);
      EXPECT_EQ(r.segment.length, 100u);
      EXPECT_FALSE(r.segment.cut);
    }
  }
  EXPECT_EQ(tunnels, 6);
}

// Also behind labels, which don't tell what follows.
TEST(DecapCut, AFrameInATunnelMayHaveLayersOfItsOwn) {
  for (const IpTunnel& tunnel : IpTunnels()) {
    if (!tunnel.carries_frames) continue;
    for (const LinkLayer& layer : LinkLayers()) {
      for (const bool v4 : {true, false}) {
        SCOPED_TRACE(std::string(layer.name) + " in " + tunnel.name);
        const Bytes ip = Packet(v4);
        const Carried carried = layer.wrap({TypeOf(ip), ip});
        ExpectCut(tunnel, Ethernet(carried.type, carried.bytes));
      }
    }
  }
}

// A tunnel that the mirror cut, whose own length fits what was in it.
TEST(DecapCut, ATunnelInATunnelIsAsLongAsItSays) {
  for (const IpTunnel& mirror : IpTunnels()) {
    for (const IpTunnel& tunnel : IpTunnels()) {
      if (!mirror.carries_frames) continue;
      SCOPED_TRACE(std::string(tunnel.name) + " in " + mirror.name);
      const Bytes ip = Packet(true);
      const Bytes carried = Outer(tunnel, true, tunnel.carries_frames ? EthernetOf(ip) : ip);
      ExpectCut(mirror, EthernetOf(carried));
    }
  }
}

// Hosts hand such packets to a virtual switch, whose mirror cuts them; a lying header claims no
// more.
TEST(DecapCut, APacketMayBeLongerThanNetworksTakeIt) {
  constexpr uint32_t kLongest = 65'535 - 40;
  for (const IpTunnel& tunnel : IpTunnels()) {
    if (!tunnel.carries_frames) continue;
    SCOPED_TRACE(tunnel.name);
    const Decoded r = Open(tunnel, Cut(EthernetOf(Packet(true, kLongest)), 154));
    ASSERT_EQ(r.outcome, Outcome::kTcp);
    EXPECT_EQ(r.segment.length, kLongest);
    EXPECT_EQ(r.segment.captured, 100u);
    EXPECT_TRUE(r.segment.cut);
  }
}

// Of a packet that was put together some fragments may never have come: what is in it ends with
// it, unless the tunnel says that it was cut short (ERSPAN's T bit).
TEST(DecapCut, WhatIsInAPacketFromFragmentsEndsWithIt) {
  for (const bool told : {false, true}) {
    const std::string flag = told ? "04 07" : "00 07";
    for (const bool third : {false, true}) {
      const Bytes header = third ? Hex("20 00 " + flag + " 00 00 00 00 00 00 00 00")
                                 : Hex("10 00 " + flag + " 00 00 00 00");
      const Bytes frame = Cut(EthernetOf(Packet(true)), 154);
      const Bytes outer =
          Ipv4({.protocol = 47},
               Gre({.sequence = true}, third ? 0x22eb : 0x88be, Join(header, frame)));
      const auto size = static_cast<uint32_t>(outer.size());
      Segment segment;
      ASSERT_EQ(DecodePacket(outer.data(), size, size, TunnelPorts(), segment), Outcome::kTcp);
      EXPECT_EQ(segment.length, told ? kPayload : 100u);
      EXPECT_EQ(segment.captured, 100u);
      EXPECT_EQ(segment.cut, told);
      EXPECT_EQ(ToString(segment.encap), "erspan:7");
    }
  }
}

}  // namespace
}  // namespace mailtap::net

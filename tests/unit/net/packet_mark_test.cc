// What tells a mirror's copy of a packet from a retransmission of its payload.
#include <gtest/gtest.h>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

Bytes Timestamps(uint32_t value, uint32_t echo) {
  return Join(Join(Hex("01 01 08 0a"), Number(value, 4)), Number(echo, 4));
}

Bytes WithId(Bytes ip, uint16_t id) {
  ip[4] = static_cast<uint8_t>(id >> 8);
  ip[5] = static_cast<uint8_t>(id);
  return ip;
}

uint32_t MarkOf(const Bytes& ip) {
  const Decoded r(EthernetOf(ip), LinkType::kEthernet, 0, kNoVlan, UsualPorts());
  EXPECT_EQ(r.outcome, Outcome::kTcp);
  return PacketMark(r.segment);
}

TEST(PacketMark, IsTheIdOfIpv4) {
  const Bytes ip = Ipv4({}, Tcp({.options = Timestamps(7, 9)}, "text"));
  EXPECT_NE(MarkOf(WithId(ip, 1)), 0u);
  EXPECT_NE(MarkOf(WithId(ip, 1)), MarkOf(WithId(ip, 2)));
  const Bytes later = Ipv4({}, Tcp({.options = Timestamps(8, 9)}, "text"));
  EXPECT_EQ(MarkOf(WithId(ip, 1)), MarkOf(WithId(later, 1)));
}

TEST(PacketMark, WithoutAnIdIsTheTimestamps) {
  for (const bool v4 : {true, false}) {
    const auto mark = [v4](const Bytes& options) {
      const Bytes tcp = Tcp({.options = options}, "text");
      return MarkOf(v4 ? WithId(Ipv4({}, tcp), 0) : Ipv6({}, tcp));
    };
    EXPECT_NE(mark(Timestamps(7, 9)), 0u);
    EXPECT_EQ(mark(Timestamps(7, 9)), mark(Timestamps(7, 9)));
    EXPECT_NE(mark(Timestamps(7, 9)), mark(Timestamps(8, 9)));
    EXPECT_NE(mark(Timestamps(7, 9)), mark(Timestamps(7, 8)));
    // Behind other options: maximum segment size, window scale.
    EXPECT_EQ(mark(Join(Hex("02 04 05 b4 01 03 03 07"), Timestamps(7, 9))),
              mark(Timestamps(7, 9)));
  }
}

TEST(PacketMark, TimestampsAreFoundBehindOtherHeaders) {
  const auto ah = [](uint8_t next, const Bytes& payload) {
    return Join(Join(Bytes{next, 4, 0, 0}, Bytes(20, 0xff)), payload);
  };
  for (const uint32_t value : {7u, 8u}) {
    const Bytes tcp = Tcp({.options = Timestamps(value, 9)}, "text");
    const uint32_t plain = MarkOf(Ipv6({}, tcp));
    EXPECT_EQ(MarkOf(Ipv6({.next_header = 0}, Extension(6, 0, tcp))), plain) << "hop by hop";
    EXPECT_EQ(MarkOf(Ipv6({.next_header = 0}, Extension(60, 1, Extension(6, 2, tcp)))), plain);
    EXPECT_EQ(MarkOf(Ipv6({.next_header = 44}, FragmentHeader(6, 0, tcp))), plain) << "whole";
    EXPECT_EQ(MarkOf(Ipv6({.next_header = 51}, ah(6, tcp))), plain) << "AH";
    EXPECT_EQ(MarkOf(WithId(Ipv4({.protocol = 51}, ah(6, tcp)), 0)), plain) << "AH";
  }
}

TEST(PacketMark, IsNothingWithoutEither) {
  EXPECT_EQ(MarkOf(Ipv6({}, Tcp({}, "text"))), 0u);
  for (const char* options : {"00 00 00 00", "01 01 01 01", "08 00 01 01", "08 0a 00 00",
                              "05 01 01 01", "02 ff 05 b4"}) {
    EXPECT_EQ(MarkOf(Ipv6({}, Tcp({.options = Hex(options)}, "text"))), 0u) << options;
  }
}

// A tunnel's own packet changes from copy to copy; the inner one counts.
TEST(PacketMark, IsTheInnermostPackets) {
  const Bytes ip = WithId(Ipv4({}, Tcp({}, "text")), 77);
  for (const IpTunnel& tunnel : IpTunnels()) {
    const Bytes inner = tunnel.carries_frames ? EthernetOf(ip) : ip;
    EXPECT_EQ(MarkOf(Outer(tunnel, true, inner)), MarkOf(ip)) << tunnel.name;
  }
}

}  // namespace
}  // namespace mailtap::net

#include "lib/net/decode.h"

#include <gtest/gtest.h>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {
namespace {

constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;
constexpr uint16_t kVlan = 0x8100;
constexpr uint16_t kServiceVlan = 0x88a8;

TEST(Decode, TellsEveryFieldOfASegment) {
  const Decoded r(Ethernet(kIpv4, Ipv4({.source = "10.1.2.3", .destination = "192.0.2.4"},
                                       Tcp({.source_port = 51'234,
                                            .destination_port = 587,
                                            .seq = 0xfedcba98,
                                            .ack = 0x12345678,
                                            .flags = kAck | kFin},
                                           "EHLO a\r\n"))));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(ToString(r.segment.source()), "10.1.2.3");
  EXPECT_EQ(ToString(r.segment.destination()), "192.0.2.4");
  EXPECT_EQ(r.segment.src_port, 51'234);
  EXPECT_EQ(r.segment.dst_port, 587);
  EXPECT_EQ(r.segment.seq, 0xfedcba98);
  EXPECT_EQ(r.segment.ack, 0x12345678u);
  EXPECT_EQ(r.segment.flags, kAck | kFin);
  EXPECT_EQ(r.payload(), "EHLO a\r\n");
  EXPECT_EQ(r.segment.length, 8u);
  EXPECT_EQ(r.segment.encap.depth, 0u);
}

TEST(Decode, ReadsEveryLinkType) {
  const Bytes v4 = Ipv4({}, Tcp({}, "four"));
  const Bytes v6 = Ipv6({}, Tcp({}, "six"));
  const Bytes sll_head = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
  const Bytes sll2_tail = {0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
  const struct {
    LinkType link;
    Bytes frame;
    const char* payload;
  } kCases[] = {
      {LinkType::kEthernet, Ethernet(kIpv4, v4), "four"},
      {LinkType::kEthernet, Ethernet(kIpv6, v6), "six"},
      {LinkType::kRawIp, v4, "four"},
      {LinkType::kRawIp, v6, "six"},
      {LinkType::kNull, Join({2, 0, 0, 0}, v4), "four"},
      {LinkType::kNull, Join({0, 0, 0, 2}, v4), "four"},
      {LinkType::kNull, Join({10, 0, 0, 0}, v6), "six"},
      {LinkType::kNull, Join({24, 0, 0, 0}, v6), "six"},
      {LinkType::kNull, Join({28, 0, 0, 0}, v6), "six"},
      {LinkType::kNull, Join({0, 0, 0, 30}, v6), "six"},
      {LinkType::kSll, Join(Join(sll_head, {0x08, 0x00}), v4), "four"},
      {LinkType::kSll, Join(Join(sll_head, {0x86, 0xdd}), v6), "six"},
      {LinkType::kSll, Join(Join(sll_head, {0x81, 0x00}), Vlan(5, kIpv4, v4)), "four"},
      {LinkType::kSll2, Join(Join({0x08, 0x00}, sll2_tail), v4), "four"},
      {LinkType::kSll2, Join(Join({0x86, 0xdd}, sll2_tail), v6), "six"},
  };
  for (const auto& c : kCases) {
    const Decoded r(c.frame, c.link);
    ASSERT_EQ(r.outcome, Outcome::kTcp) << static_cast<int>(c.link) << c.payload;
    EXPECT_EQ(r.payload(), c.payload);
  }
}

TEST(Decode, NamesWhatItDoesNotLookInto) {
  const Bytes udp = Ipv4({.protocol = 17}, Bytes(8));
  EXPECT_EQ(Decoded(Ethernet(0x0806, Bytes(28))).outcome, Outcome::kNotIp) << "ARP";
  EXPECT_EQ(Decoded(Ethernet(60, Bytes(60))).outcome, Outcome::kNotIp) << "802.3 with LLC";
  EXPECT_EQ(Decoded(Ethernet(kIpv4, udp)).outcome, Outcome::kNotTcp);
  EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.next_header = 58}, Bytes(8)))).outcome,
            Outcome::kNotTcp);
  EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.next_header = 59}, {}))).outcome, Outcome::kNotTcp)
      << "no next header";
  EXPECT_EQ(Decoded(Join({7, 0, 0, 0}, udp), LinkType::kNull).outcome, Outcome::kUnknownLink);
}

TEST(Decode, KeepsAVlanStackOutermostFirst) {
  const Decoded r(Ethernet(
      kServiceVlan,
      Vlan(0x2000 | 7, 0x9100, Vlan(100, kVlan, Vlan(0xffff, kIpv4, Ipv4({}, Tcp({}, "x")))))));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  ASSERT_EQ(r.segment.encap.depth, 3u);
  EXPECT_EQ(r.segment.encap.layers[0], (EncapLayer{EncapKind::kVlan, 7})) << "not its priority";
  EXPECT_EQ(r.segment.encap.layers[1], (EncapLayer{EncapKind::kVlan, 100}));
  EXPECT_EQ(r.segment.encap.layers[2], (EncapLayer{EncapKind::kVlan, 4095}));
}

TEST(Decode, VlanStacksAreBounded) {
  for (int depth = 0; depth <= EncapStack::kMaxDepth + 2; ++depth) {
    Bytes inner = Ipv4({}, Tcp({}, "x"));
    uint16_t type = kIpv4;
    for (int i = 0; i < depth; ++i) {
      inner = Vlan(static_cast<uint16_t>(i + 1), type, inner);
      type = kVlan;
    }
    const Decoded r(Ethernet(type, inner));
    const bool fits = depth <= EncapStack::kMaxDepth;
    EXPECT_EQ(r.outcome, fits ? Outcome::kTcp : Outcome::kEncapDepth) << depth;
    EXPECT_EQ(r.segment.encap.depth, static_cast<uint32_t>(fits ? depth : 8));
  }
}

TEST(Decode, ATagThatThePortTookOffIsTheOutermost) {
  const Decoded r(Ethernet(kVlan, Vlan(9, kIpv4, Ipv4({}, Tcp({}, "x")))), LinkType::kEthernet,
                  0, 0xe000 | 44);
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  ASSERT_EQ(r.segment.encap.depth, 2u);
  EXPECT_EQ(r.segment.encap.layers[0].id, 44u) << "not its priority";
  EXPECT_EQ(r.segment.encap.layers[1].id, 9u);
}

TEST(Decode, StepsOverIpv4AndTcpOptions) {
  for (std::size_t ip_options = 0; ip_options <= 40; ip_options += 4) {
    for (std::size_t tcp_options = 0; tcp_options <= 40; tcp_options += 4) {
      const Decoded r(Ethernet(kIpv4, Ipv4({.options = Bytes(ip_options, 1)},
                                           Tcp({.options = Bytes(tcp_options, 1)}, "abc"))));
      ASSERT_EQ(r.outcome, Outcome::kTcp);
      EXPECT_EQ(r.payload(), "abc");
      EXPECT_EQ(r.segment.length, 3u);
    }
  }
}

TEST(Decode, EthernetPaddingIsNoPayload) {
  for (const Bytes& ip : {Ipv4({}, Tcp({}, "")), Ipv6({}, Tcp({}, ""))}) {
    const Decoded r(Cut(Ethernet(ip[0] >> 4 == 4 ? kIpv4 : kIpv6, ip), 90));
    ASSERT_EQ(r.outcome, Outcome::kTcp);
    EXPECT_EQ(r.segment.length, 0u);
    EXPECT_EQ(r.segment.captured, 0u);
  }
}

// A snapped capture: the IP header tells how much there was.
TEST(Decode, ASnappedSegmentKeepsItsLength) {
  const Bytes frame = Ethernet(kIpv4, Ipv4({}, Tcp({}, std::string(1'000, 'x'))));
  const Decoded r(Cut(frame, 64), LinkType::kEthernet, static_cast<uint32_t>(frame.size()));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(r.segment.length, 1'000u);
  EXPECT_EQ(r.segment.captured, 64u - 54u);
  EXPECT_FALSE(r.segment.cut) << "the frame's length tells";
}

// Some ports cut what is too long for their buffers and call what is left a frame.
TEST(Decode, AFrameShorterThanItsPacketIsCut) {
  for (const bool vlan : {false, true}) {
    for (const bool v4 : {false, true}) {
      const Bytes tcp = Tcp({}, std::string(9'000, 'x'));
      const Bytes ip = v4 ? Ipv4({}, tcp) : Ipv6({}, tcp);
      const uint16_t type = v4 ? kIpv4 : kIpv6;
      const Bytes frame = vlan ? Ethernet(kVlan, Vlan(1, type, ip)) : Ethernet(type, ip);
      const Decoded r(Cut(frame, 1'500));
      ASSERT_EQ(r.outcome, Outcome::kTcp);
      EXPECT_EQ(r.segment.length, 9'000u);
      EXPECT_TRUE(r.segment.cut);
      EXPECT_FALSE(Decoded(frame).segment.cut);
      const Decoded unknown(frame, LinkType::kEthernet, 60);
      EXPECT_FALSE(unknown.segment.cut)
          << "all of it is there, whatever its length is said to be";
    }
  }
}

// A capture on the sending host sees segments before the NIC cuts them, with no total length.
TEST(Decode, AnUncutSegmentIsAsLongAsItsFrame) {
  const std::string payload(70'000, 'x');
  const Decoded v4(
      Ethernet(kVlan, Vlan(1, kIpv4, Ipv4({.total_length = 0}, Tcp({}, payload)))));
  ASSERT_EQ(v4.outcome, Outcome::kTcp);
  EXPECT_EQ(v4.segment.length, 70'000u);
  const Decoded v6(Ethernet(kIpv6, Ipv6({.payload_length = 0}, Tcp({}, payload))));
  ASSERT_EQ(v6.outcome, Outcome::kTcp);
  EXPECT_EQ(v6.segment.length, 70'000u);
  const Bytes frame = Ethernet(kIpv4, Ipv4({.total_length = 0}, Tcp({}, payload)));
  const Decoded snapped(Cut(frame, 100), LinkType::kEthernet, 70'054);
  ASSERT_EQ(snapped.outcome, Outcome::kTcp);
  EXPECT_EQ(snapped.segment.length, 70'000u);
  EXPECT_EQ(snapped.segment.captured, 46u);
}

TEST(Decode, FragmentsAreAnOutcomeWithAddresses) {
  for (const uint16_t bits : {0x2000, 0x0001, 0x2001, 0x1fff}) {
    const Decoded r(Ethernet(kIpv4, Ipv4({.fragment = bits}, Tcp({}, "x"))));
    ASSERT_EQ(r.outcome, Outcome::kFragment);
    EXPECT_EQ(ToString(r.segment.source()), "10.0.0.1");
    EXPECT_EQ(r.segment.address_hash,
              Decoded(Ethernet(kIpv4, Ipv4({}, Tcp({}, "x")))).segment.address_hash)
        << "fragments meet the rest of their flow at one worker";
  }
  EXPECT_EQ(Decoded(Ethernet(kIpv4, Ipv4({.fragment = 0x4000}, Tcp({}, "x")))).outcome,
            Outcome::kTcp)
      << "don't fragment";
  for (const uint16_t bits : {0x0001, 0x0008, 0xfff8}) {
    EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.next_header = 44},
                                           FragmentHeader(6, bits, Tcp({}, "x")))))
                  .outcome,
              Outcome::kFragment);
  }
}

// RFC 6946: some hosts put a fragment header on whole packets.
TEST(Decode, AnAtomicFragmentIsAWholePacket) {
  const Decoded r(
      Ethernet(kIpv6, Ipv6({.next_header = 44},
                           FragmentHeader(6, 0x0006 /* reserved bits */, Tcp({}, "whole")))));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(r.payload(), "whole");
  EXPECT_EQ(r.segment.length, 5u);
}

TEST(Decode, StepsOverIpv6ExtensionHeaders) {
  const Bytes chain = Extension(
      43, 0, Extension(60, 2, Extension(135, 0, Extension(6, 31, Tcp({.seq = 5}, "deep")))));
  const Decoded r(Ethernet(kIpv6, Ipv6({.next_header = 0}, chain)));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(r.payload(), "deep");
  EXPECT_EQ(r.segment.length, 4u);
  EXPECT_EQ(r.segment.seq, 5u);
}

// RFC 8200, 4.1: destination options stand behind an authentication header, others before it.
TEST(Decode, AnAuthenticationHeaderIsOneOfSeveral) {
  const auto ah = [](uint8_t next, const Bytes& payload) {
    return Join(Join({next, 4, 0, 0, 0, 0, 0, 7}, Bytes(16)), payload);
  };
  const Bytes tcp = Tcp({}, "signed");
  for (const uint8_t kind : {0, 43, 60, 135, 139, 140}) {
    for (const bool behind : {true, false}) {
      const Bytes chain =
          behind ? ah(kind, Extension(6, 1, tcp)) : Extension(51, 1, ah(6, tcp));
      const uint8_t first = behind ? 51 : kind;
      const Decoded r(Ethernet(kIpv6, Ipv6({.next_header = first}, chain)));
      ASSERT_EQ(r.outcome, Outcome::kTcp) << int{kind};
      EXPECT_EQ(r.payload(), "signed");
      EXPECT_EQ(r.encap(), std::vector<std::string>{"ah:7"});
    }
  }
  const Bytes whole = ah(44, FragmentHeader(6, 0, tcp));
  EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.next_header = 51}, whole))).outcome, Outcome::kTcp);
  const Bytes cut = Ethernet(kIpv6, Ipv6({.next_header = 51}, ah(60, Extension(6, 1, tcp))));
  for (std::size_t size = 54; size < 54 + 24 + 16; ++size) {
    EXPECT_EQ(
        Decoded(Cut(cut, size), LinkType::kEthernet, static_cast<uint32_t>(cut.size())).outcome,
        Outcome::kTruncatedIp)
        << size;
  }
  Bytes longer = Ethernet(kIpv6, Ipv6({.next_header = 51}, ah(6, tcp)));
  longer[14 + 40 + 1] = 255;
  EXPECT_EQ(Decoded(longer).outcome, Outcome::kBadIpHeader) << "past the packet's end";
}

TEST(Decode, ExtensionHeaderChainsAreBounded) {
  for (int count = 0; count < 12; ++count) {
    Bytes inner = Tcp({}, "x");
    uint8_t next = 6;
    for (int i = 0; i < count; ++i) {
      inner = Extension(next, 0, inner);
      next = 60;
    }
    EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.next_header = next}, inner))).outcome,
              count <= 8 ? Outcome::kTcp : Outcome::kBadIpHeader)
        << count;
  }
}

}  // namespace
}  // namespace mailtap::net

#include "lib/net/decode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "lib/net/hash.h"
#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {
namespace {

constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;
constexpr uint16_t kVlan = 0x8100;
constexpr uint16_t kServiceVlan = 0x88a8;

// A decoded frame. The bytes lie at the end of a heap block of their own, so that
// AddressSanitizer sees the first read past them.
struct Result {
  explicit Result(const Bytes& frame, LinkType link = LinkType::kEthernet,
                  uint32_t wire_length = 0, uint16_t vlan = kNoVlan)
      : buffer(std::make_unique<uint8_t[]>(frame.size())),
        size(static_cast<uint32_t>(frame.size())) {
    std::copy(frame.begin(), frame.end(), buffer.get());
    outcome = Decode(buffer.get(), size, wire_length == 0 ? size : wire_length, link, vlan,
                     TunnelPorts(), segment);
  }
  std::string payload() const {
    return std::string(segment.payload, segment.payload + segment.captured);
  }
  bool PayloadIsInside() const {
    return segment.payload >= buffer.get() &&
           segment.payload + segment.captured <= buffer.get() + size;
  }

  std::unique_ptr<uint8_t[]> buffer;
  uint32_t size;
  Segment segment;
  Outcome outcome;
};

Bytes Cut(Bytes bytes, std::size_t size) {
  bytes.resize(size);
  return bytes;
}

TEST(Decode, TellsEveryFieldOfASegment) {
  const Result r(Ethernet(kIpv4, Ipv4({.source = "10.1.2.3", .destination = "192.0.2.4"},
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
    const Result r(c.frame, c.link);
    ASSERT_EQ(r.outcome, Outcome::kTcp) << static_cast<int>(c.link) << c.payload;
    EXPECT_EQ(r.payload(), c.payload);
  }
}

TEST(Decode, NamesWhatItDoesNotLookInto) {
  const Bytes udp = Ipv4({.protocol = 17}, Bytes(8));
  EXPECT_EQ(Result(Ethernet(0x0806, Bytes(28))).outcome, Outcome::kNotIp) << "ARP";
  EXPECT_EQ(Result(Ethernet(60, Bytes(60))).outcome, Outcome::kNotIp) << "802.3 with LLC";
  EXPECT_EQ(Result(Ethernet(kIpv4, udp)).outcome, Outcome::kNotTcp);
  EXPECT_EQ(Result(Ethernet(kIpv6, Ipv6({.next_header = 58}, Bytes(8)))).outcome,
            Outcome::kNotTcp);
  EXPECT_EQ(Result(Ethernet(kIpv6, Ipv6({.next_header = 59}, {}))).outcome, Outcome::kNotTcp)
      << "no next header";
  EXPECT_EQ(Result(Join({7, 0, 0, 0}, udp), LinkType::kNull).outcome, Outcome::kUnknownLink);
}

TEST(Decode, KeepsAVlanStackOutermostFirst) {
  const Result r(Ethernet(
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
    const Result r(Ethernet(type, inner));
    const bool fits = depth <= EncapStack::kMaxDepth;
    EXPECT_EQ(r.outcome, fits ? Outcome::kTcp : Outcome::kEncapDepth) << depth;
    EXPECT_EQ(r.segment.encap.depth, static_cast<uint32_t>(fits ? depth : 8));
  }
}

TEST(Decode, ATagThatThePortTookOffIsTheOutermost) {
  const Result r(Ethernet(kVlan, Vlan(9, kIpv4, Ipv4({}, Tcp({}, "x")))), LinkType::kEthernet,
                 0, 0xe000 | 44);
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  ASSERT_EQ(r.segment.encap.depth, 2u);
  EXPECT_EQ(r.segment.encap.layers[0].id, 44u) << "not its priority";
  EXPECT_EQ(r.segment.encap.layers[1].id, 9u);
}

TEST(Decode, StepsOverIpv4AndTcpOptions) {
  for (std::size_t ip_options = 0; ip_options <= 40; ip_options += 4) {
    for (std::size_t tcp_options = 0; tcp_options <= 40; tcp_options += 4) {
      const Result r(Ethernet(kIpv4, Ipv4({.options = Bytes(ip_options, 1)},
                                          Tcp({.options = Bytes(tcp_options, 1)}, "abc"))));
      ASSERT_EQ(r.outcome, Outcome::kTcp);
      EXPECT_EQ(r.payload(), "abc");
      EXPECT_EQ(r.segment.length, 3u);
    }
  }
}

TEST(Decode, EthernetPaddingIsNoPayload) {
  for (const Bytes& ip : {Ipv4({}, Tcp({}, "")), Ipv6({}, Tcp({}, ""))}) {
    const Result r(Cut(Ethernet(ip[0] >> 4 == 4 ? kIpv4 : kIpv6, ip), 90));
    ASSERT_EQ(r.outcome, Outcome::kTcp);
    EXPECT_EQ(r.segment.length, 0u);
    EXPECT_EQ(r.segment.captured, 0u);
  }
}

// A snapped capture: the IP header tells how much there was.
TEST(Decode, ASnappedSegmentKeepsItsLength) {
  const Bytes frame = Ethernet(kIpv4, Ipv4({}, Tcp({}, std::string(1'000, 'x'))));
  const Result r(Cut(frame, 64), LinkType::kEthernet, static_cast<uint32_t>(frame.size()));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(r.segment.length, 1'000u);
  EXPECT_EQ(r.segment.captured, 64u - 54u);
}

// A capture on the sending host sees segments before the NIC cuts them, with no total length.
TEST(Decode, AnUncutSegmentIsAsLongAsItsFrame) {
  const std::string payload(70'000, 'x');
  const Result v4(Ethernet(kVlan, Vlan(1, kIpv4, Ipv4({.total_length = 0}, Tcp({}, payload)))));
  ASSERT_EQ(v4.outcome, Outcome::kTcp);
  EXPECT_EQ(v4.segment.length, 70'000u);
  const Result v6(Ethernet(kIpv6, Ipv6({.payload_length = 0}, Tcp({}, payload))));
  ASSERT_EQ(v6.outcome, Outcome::kTcp);
  EXPECT_EQ(v6.segment.length, 70'000u);
  const Bytes frame = Ethernet(kIpv4, Ipv4({.total_length = 0}, Tcp({}, payload)));
  const Result snapped(Cut(frame, 100), LinkType::kEthernet, 70'054);
  ASSERT_EQ(snapped.outcome, Outcome::kTcp);
  EXPECT_EQ(snapped.segment.length, 70'000u);
  EXPECT_EQ(snapped.segment.captured, 46u);
}

// A capture file may claim any wire length; no host hands over segments of gigabytes.
TEST(Decode, AnUncutSegmentIsNoLargerThanHostsMakeThem) {
  const Bytes frame = Ethernet(kIpv4, Ipv4({.total_length = 0}, Tcp({}, "x")));
  EXPECT_EQ(Result(frame, LinkType::kEthernet, 0xffffffff).outcome, Outcome::kBadIpHeader);
  const Bytes v6 = Ethernet(kIpv6, Ipv6({.payload_length = 0}, Tcp({}, "x")));
  EXPECT_EQ(Result(v6, LinkType::kEthernet, 0xffffffff).outcome, Outcome::kBadIpHeader);
}

TEST(Decode, RefusesIpv4HeadersThatMakeNoSense) {
  const Bytes tcp = Tcp({}, "x");
  const auto outcome = [&](const Ipv4Fields& f) {
    return Result(Ethernet(kIpv4, Ipv4(f, tcp))).outcome;
  };
  EXPECT_EQ(outcome({.first_byte = 0x65}), Outcome::kBadIpHeader) << "version";
  EXPECT_EQ(outcome({.first_byte = 0x44}), Outcome::kBadIpHeader) << "header length";
  EXPECT_EQ(outcome({.total_length = 19}), Outcome::kBadIpHeader) << "total below the header";
  EXPECT_EQ(outcome({.total_length = 39}), Outcome::kBadTcpHeader) << "no room for TCP";
  EXPECT_EQ(outcome({.total_length = 40}), Outcome::kTcp);
  EXPECT_EQ(outcome({.first_byte = 0x4f}), Outcome::kBadIpHeader) << "header past the total";
  EXPECT_EQ(outcome({.total_length = 100, .first_byte = 0x4f}), Outcome::kTruncatedIp)
      << "header past the capture";
}

TEST(Decode, RefusesTcpHeadersThatMakeNoSense) {
  const auto outcome = [](uint8_t words) {
    return Result(Ethernet(kIpv4, Ipv4({}, Tcp({.header_words = words}, "1234")))).outcome;
  };
  EXPECT_EQ(outcome(4), Outcome::kBadTcpHeader);
  EXPECT_EQ(outcome(0), Outcome::kBadTcpHeader);
  EXPECT_EQ(outcome(5), Outcome::kTcp);
  EXPECT_EQ(outcome(6), Outcome::kTcp) << "the payload taken for options";
  EXPECT_EQ(outcome(7), Outcome::kBadTcpHeader) << "options past the segment's end";
}

TEST(Decode, FragmentsAreAnOutcomeWithAddresses) {
  for (const uint16_t bits : {0x2000, 0x0001, 0x2001, 0x1fff}) {
    const Result r(Ethernet(kIpv4, Ipv4({.fragment = bits}, Tcp({}, "x"))));
    ASSERT_EQ(r.outcome, Outcome::kFragment);
    EXPECT_EQ(ToString(r.segment.source()), "10.0.0.1");
    EXPECT_EQ(r.segment.address_hash,
              Result(Ethernet(kIpv4, Ipv4({}, Tcp({}, "x")))).segment.address_hash)
        << "fragments meet the rest of their flow at one worker";
  }
  EXPECT_EQ(Result(Ethernet(kIpv4, Ipv4({.fragment = 0x4000}, Tcp({}, "x")))).outcome,
            Outcome::kTcp)
      << "don't fragment";
  for (const uint16_t bits : {0x0001, 0x0008, 0xfff8}) {
    EXPECT_EQ(Result(Ethernet(kIpv6,
                              Ipv6({.next_header = 44}, FragmentHeader(6, bits, Tcp({}, "x")))))
                  .outcome,
              Outcome::kFragment);
  }
}

// RFC 6946: some hosts put a fragment header on whole packets.
TEST(Decode, AnAtomicFragmentIsAWholePacket) {
  const Result r(
      Ethernet(kIpv6, Ipv6({.next_header = 44},
                           FragmentHeader(6, 0x0006 /* reserved bits */, Tcp({}, "whole")))));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(r.payload(), "whole");
  EXPECT_EQ(r.segment.length, 5u);
}

TEST(Decode, StepsOverIpv6ExtensionHeaders) {
  const Bytes chain = Extension(
      43, 0, Extension(60, 2, Extension(135, 0, Extension(6, 31, Tcp({.seq = 5}, "deep")))));
  const Result r(Ethernet(kIpv6, Ipv6({.next_header = 0}, chain)));
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(r.payload(), "deep");
  EXPECT_EQ(r.segment.length, 4u);
  EXPECT_EQ(r.segment.seq, 5u);
}

TEST(Decode, ExtensionHeaderChainsAreBounded) {
  for (int count = 0; count < 12; ++count) {
    Bytes inner = Tcp({}, "x");
    uint8_t next = 6;
    for (int i = 0; i < count; ++i) {
      inner = Extension(next, 0, inner);
      next = 60;
    }
    EXPECT_EQ(Result(Ethernet(kIpv6, Ipv6({.next_header = next}, inner))).outcome,
              count <= 8 ? Outcome::kTcp : Outcome::kBadIpHeader)
        << count;
  }
}

TEST(Decode, RefusesIpv6HeadersThatMakeNoSense) {
  const Bytes tcp = Tcp({}, "x");
  EXPECT_EQ(Result(Ethernet(kIpv6, Ipv6({.first_byte = 0x40}, tcp))).outcome,
            Outcome::kBadIpHeader);
  EXPECT_EQ(Result(Ethernet(kIpv6, Ipv6({.payload_length = 19}, tcp))).outcome,
            Outcome::kBadTcpHeader);
  Bytes extension = Extension(6, 0, tcp);
  extension[1] = 255;
  EXPECT_EQ(Result(Ethernet(kIpv6, Ipv6({.next_header = 60}, extension))).outcome,
            Outcome::kBadIpHeader)
      << "a header past the packet's end";
  EXPECT_EQ(
      Result(Ethernet(kIpv6, Ipv6({.next_header = 60, .payload_length = 4'000}, extension)))
          .outcome,
      Outcome::kTruncatedIp)
      << "past the capture's end only";
  EXPECT_EQ(Result({0x50, 0, 0, 0}, LinkType::kRawIp).outcome, Outcome::kBadIpHeader);
}

// Whatever the place at which a capture ends, nothing past it is read (AddressSanitizer
// watches), and the outcome says which header it fell into.
TEST(Decode, EveryTruncationIsNamed) {
  const Bytes v4 = Ethernet(
      kVlan,
      Vlan(1, kIpv4, Ipv4({.options = Bytes(8)}, Tcp({.options = Bytes(12)}, "payload"))));
  const Bytes v6 = Ethernet(
      kIpv6,
      Ipv6({.next_header = 0},
           Extension(44, 1, FragmentHeader(6, 0, Tcp({.options = Bytes(4)}, "payload")))));
  const struct {
    const Bytes& frame;
    std::size_t link, ip, tcp, header;  // where each ends; `tcp` without its options
  } kCases[] = {{v4, 18, 46, 66, 78}, {v6, 14, 78, 98, 102}};
  for (const auto& c : kCases) {
    for (std::size_t size = 0; size <= c.frame.size(); ++size) {
      const Result r(Cut(c.frame, size), LinkType::kEthernet,
                     static_cast<uint32_t>(c.frame.size()));
      const Outcome expected = size < c.link  ? Outcome::kTruncatedLink
                               : size < c.ip  ? Outcome::kTruncatedIp
                               : size < c.tcp ? Outcome::kTruncatedTcp
                                              : Outcome::kTcp;
      ASSERT_EQ(r.outcome, expected) << size;
      if (expected != Outcome::kTcp) continue;
      EXPECT_EQ(r.segment.length, 7u);
      EXPECT_EQ(r.segment.captured, size > c.header ? size - c.header : 0u);
      EXPECT_TRUE(r.PayloadIsInside()) << size;
    }
  }
  for (std::size_t size = 0; size < 20; ++size) {
    for (const LinkType link : {LinkType::kNull, LinkType::kSll, LinkType::kSll2}) {
      EXPECT_NE(Result(Bytes(size, 2), link).outcome, Outcome::kTcp);
    }
  }
}

// Random bytes, and packets with random damage: any outcome is right, as long as what it says
// lies inside the frame.
TEST(Decode, SurvivesRandomBytes) {
  std::mt19937 random(20);
  const Bytes samples[] = {
      Ethernet(kVlan, Vlan(1, kIpv4, Ipv4({.options = Bytes(4)}, Tcp({}, "payload")))),
      Ethernet(kIpv6,
               Ipv6({.next_header = 0}, Extension(60, 0, Extension(6, 1, Tcp({}, "x"))))),
      Bytes(80)};
  int tcp = 0;
  for (int round = 0; round < 60'000; ++round) {
    Bytes frame = samples[random() % 3];
    frame.resize(random() % (frame.size() + 20));
    for (std::size_t i = 0; i < frame.size(); ++i) {
      if (random() % 20 == 0) frame[i] = static_cast<uint8_t>(random());
    }
    const auto link = static_cast<LinkType>(round % 5 == 0 ? random() % 5 : 0);
    const Result r(frame, link, random() % 2'000);
    if (r.outcome != Outcome::kTcp) continue;
    ++tcp;
    EXPECT_TRUE(r.PayloadIsInside());
    EXPECT_LE(r.segment.captured, r.segment.length);
    EXPECT_EQ(r.segment.address_hash, AddressHash(r.segment.source(), r.segment.destination()));
  }
  EXPECT_GT(tcp, 1'000) << "the damage is meant to leave some packets whole";
}

}  // namespace
}  // namespace mailtap::net

// Headers that make no sense, frames that end too early, and random bytes.
#include <gtest/gtest.h>

#include <random>

#include "lib/net/decode.h"
#include "lib/net/hash.h"
#include "tests/unit/net/decoded.h"
#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {
namespace {

constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;
constexpr uint16_t kVlan = 0x8100;

// A capture file may claim any wire length; no host hands over segments of gigabytes.
TEST(DecodeDamage, AnUncutSegmentIsNoLargerThanHostsMakeThem) {
  const Bytes frame = Ethernet(kIpv4, Ipv4({.total_length = 0}, Tcp({}, "x")));
  EXPECT_EQ(Decoded(frame, LinkType::kEthernet, 0xffffffff).outcome, Outcome::kBadIpHeader);
  const Bytes v6 = Ethernet(kIpv6, Ipv6({.payload_length = 0}, Tcp({}, "x")));
  EXPECT_EQ(Decoded(v6, LinkType::kEthernet, 0xffffffff).outcome, Outcome::kBadIpHeader);
}

TEST(DecodeDamage, RefusesIpv4HeadersThatMakeNoSense) {
  const Bytes tcp = Tcp({}, "x");
  const auto outcome = [&](const Ipv4Fields& f) {
    return Decoded(Ethernet(kIpv4, Ipv4(f, tcp))).outcome;
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

TEST(DecodeDamage, RefusesTcpHeadersThatMakeNoSense) {
  const auto outcome = [](uint8_t words) {
    return Decoded(Ethernet(kIpv4, Ipv4({}, Tcp({.header_words = words}, "1234")))).outcome;
  };
  EXPECT_EQ(outcome(4), Outcome::kBadTcpHeader);
  EXPECT_EQ(outcome(0), Outcome::kBadTcpHeader);
  EXPECT_EQ(outcome(5), Outcome::kTcp);
  EXPECT_EQ(outcome(6), Outcome::kTcp) << "the payload taken for options";
  EXPECT_EQ(outcome(7), Outcome::kBadTcpHeader) << "options past the segment's end";
}

TEST(DecodeDamage, RefusesIpv6HeadersThatMakeNoSense) {
  const Bytes tcp = Tcp({}, "x");
  EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.first_byte = 0x40}, tcp))).outcome,
            Outcome::kBadIpHeader);
  EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.payload_length = 19}, tcp))).outcome,
            Outcome::kBadTcpHeader);
  Bytes extension = Extension(6, 0, tcp);
  extension[1] = 255;
  EXPECT_EQ(Decoded(Ethernet(kIpv6, Ipv6({.next_header = 60}, extension))).outcome,
            Outcome::kBadIpHeader)
      << "a header past the packet's end";
  EXPECT_EQ(
      Decoded(Ethernet(kIpv6, Ipv6({.next_header = 60, .payload_length = 4'000}, extension)))
          .outcome,
      Outcome::kTruncatedIp)
      << "past the capture's end only";
  EXPECT_EQ(Decoded({0x50, 0, 0, 0}, LinkType::kRawIp).outcome, Outcome::kBadIpHeader);
}

// Whatever the place at which a capture ends, nothing past it is read (AddressSanitizer
// watches), and the outcome says which header it fell into.
TEST(DecodeDamage, EveryTruncationIsNamed) {
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
      const Decoded r(Cut(c.frame, size), LinkType::kEthernet,
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
      EXPECT_NE(Decoded(Bytes(size, 2), link).outcome, Outcome::kTcp);
    }
  }
}

// Random bytes, and packets with random damage: any outcome is right, as long as what it says
// lies inside the frame.
TEST(DecodeDamage, SurvivesRandomBytes) {
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
    const Decoded r(frame, link, random() % 2'000);
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

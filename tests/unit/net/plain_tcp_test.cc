#include "lib/net/plain_tcp.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {
namespace {

constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;

bool ReadPlain(const Bytes& frame, Segment& segment) {
  PlainTcp plain;
  if (!plain.Read(frame.data(), static_cast<uint32_t>(frame.size()))) return false;
  plain.CopyTo(segment);
  EXPECT_EQ(plain.ports(), RawPorts(segment.src_port, segment.dst_port));
  EXPECT_EQ(plain.flags(), segment.flags);
  EXPECT_EQ(plain.payload(), segment.payload);
  EXPECT_EQ(plain.captured(), segment.captured);
  EXPECT_EQ(plain.rough_hash(),
            RoughHash(AddressSum(segment.source(), segment.destination()), plain.ports()));
  return true;
}

// Whatever the short cut takes, Decode finds the same in it.
void ExpectAlike(const Bytes& frame, int& taken) {
  const auto size = static_cast<uint32_t>(frame.size());
  Segment plain, whole;
  if (!ReadPlain(frame, plain)) return;
  ++taken;
  ASSERT_EQ(Decode(frame.data(), size, size, LinkType::kEthernet, kNoVlan, {}, whole),
            Outcome::kTcp);
  EXPECT_EQ(plain.ip, whole.ip);
  EXPECT_EQ(plain.payload, whole.payload);
  EXPECT_EQ(plain.captured, whole.captured);
  EXPECT_EQ(plain.length, whole.length);
  EXPECT_EQ(plain.seq, whole.seq);
  EXPECT_EQ(plain.ack, whole.ack);
  EXPECT_EQ(plain.src_port, whole.src_port);
  EXPECT_EQ(plain.dst_port, whole.dst_port);
  EXPECT_EQ(plain.flags, whole.flags);
  EXPECT_EQ(plain.v4, whole.v4);
  EXPECT_EQ(plain.cut, whole.cut);
  EXPECT_EQ(plain.address_hash, whole.address_hash);
  EXPECT_EQ(plain.encap.depth, whole.encap.depth);
}

TEST(PlainTcp, TakesPlainTcpOnly) {
  const auto takes = [](const Bytes& frame) {
    Segment segment;
    return ReadPlain(frame, segment);
  };
  for (const Bytes& frame : {Ethernet(kIpv4, Ipv4({}, Tcp({}, "text"))),
                             Ethernet(kIpv6, Ipv6({}, Tcp({}, "text")))}) {
    EXPECT_TRUE(takes(frame));
    EXPECT_FALSE(takes(Bytes(frame.begin(), frame.end() - 5)));  // a byte of the header short
  }
  EXPECT_TRUE(takes(Ethernet(kIpv4, Ipv4({}, Tcp({}, "")))));
  EXPECT_TRUE(takes(Ethernet(kIpv6, Ipv6({}, Tcp({}, "")))));
  EXPECT_FALSE(takes(Ethernet(0x8100, Vlan(5, kIpv4, Ipv4({}, Tcp({}, "text"))))));
  Bytes fragment = Ethernet(kIpv4, Ipv4({}, Tcp({}, "text")));
  fragment[20] |= 0x20;  // more to come
  EXPECT_FALSE(takes(fragment));
  Bytes udp = Ethernet(kIpv4, Ipv4({}, Tcp({}, "text")));
  udp[23] = 17;
  EXPECT_FALSE(takes(udp));
  Bytes extended = Ethernet(kIpv6, Ipv6({}, Tcp({}, "text")));
  extended[20] = 0;  // hop-by-hop options
  EXPECT_FALSE(takes(extended));
  Bytes jumbogram = Ethernet(kIpv6, Ipv6({}, Tcp({}, "text")));
  jumbogram[18] = jumbogram[19] = 0;
  EXPECT_FALSE(takes(jumbogram));
}

TEST(PlainTcp, AgreesWithDecodeHoweverAFrameIsBent) {
  std::mt19937 random(1);
  int taken[2] = {};
  for (int i = 0; i < 400'000; ++i) {
    const bool v6 = i % 2 != 0;
    const Bytes tcp = Tcp({.source_port = static_cast<uint16_t>(random()),
                           .seq = static_cast<uint32_t>(random())},
                          std::string(random() % 40, 'x'));
    Bytes frame = v6 ? Ethernet(kIpv6, Ipv6({}, tcp)) : Ethernet(kIpv4, Ipv4({}, tcp));
    // Of the headers, where it matters.
    for (uint32_t flips = random() % 3; flips > 0; --flips) {
      frame[12 + random() % (v6 ? 62 : 42)] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) frame.resize(random() % frame.size());
    ExpectAlike(frame, taken[v6]);
    if (HasFailure()) return;
  }
  EXPECT_GT(taken[0], 50'000);
  EXPECT_GT(taken[1], 50'000);
}

}  // namespace
}  // namespace mailtap::net

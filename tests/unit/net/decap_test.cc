// Every kind of encapsulation, alone and in any mix: tunnel_builder.h has the kinds.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

using Layers = std::vector<std::string>;

Bytes Mail(bool v4) {
  const Bytes tcp = Tcp({.source_port = 40'000, .destination_port = 25}, "MAIL FROM:<a@b>\r\n");
  return v4 ? Ipv4({}, tcp) : Ipv6({}, tcp);
}

Decoded Open(const Bytes& frame, uint32_t wire_length = 0) {
  return Decoded(frame, LinkType::kEthernet, wire_length, kNoVlan, UsualPorts());
}

void ExpectMail(const Decoded& r, bool v4, const Layers& encap) {
  ASSERT_EQ(r.outcome, Outcome::kTcp);
  EXPECT_EQ(ToString(r.segment.source()), v4 ? "10.0.0.1" : "2001:db8::1");
  EXPECT_EQ(r.segment.dst_port, 25);
  EXPECT_EQ(r.payload(), "MAIL FROM:<a@b>\r\n");
  EXPECT_EQ(r.segment.length, 17u);
  EXPECT_EQ(r.encap(), encap);
}

Bytes Wrapped(const LinkLayer& layer, const Bytes& ip) {
  const Carried outer = layer.wrap({TypeOf(ip), ip});
  return Ethernet(outer.type, outer.bytes);
}
Bytes Wrapped(const IpTunnel& tunnel, bool v4, const Bytes& ip) {
  return EthernetOf(Outer(tunnel, v4, tunnel.carries_frames ? EthernetOf(ip) : ip));
}

TEST(Decap, OpensEveryLayerBetweenEthernetAndIp) {
  for (const LinkLayer& layer : LinkLayers()) {
    for (const bool v4 : {true, false}) {
      SCOPED_TRACE(layer.name);
      ExpectMail(Open(Wrapped(layer, Mail(v4))), v4, layer.encap);
    }
  }
}

TEST(Decap, OpensEveryTunnelOverBothVersionsOfIp) {
  for (const IpTunnel& tunnel : IpTunnels()) {
    for (const bool outer_v4 : {true, false}) {
      for (const bool v4 : {true, false}) {
        SCOPED_TRACE(tunnel.name);
        ExpectMail(Open(Wrapped(tunnel, outer_v4, Mail(v4))), v4, tunnel.encap);
      }
    }
  }
}

// As segments are that a NIC has yet to cut. What is inside of packets: decap_cut_test.cc.
TEST(Decap, TheOutermostPacketIsBelievedToBeLongerThanItsFrame) {
  constexpr int kMore = 10'000;
  for (const bool v4 : {true, false}) {
    Bytes longer = Mail(v4);
    uint8_t* length = longer.data() + (v4 ? 2 : 4);
    const int told = (length[0] << 8 | length[1]) + kMore;
    length[0] = static_cast<uint8_t>(told >> 8);
    length[1] = static_cast<uint8_t>(told);
    for (const LinkLayer& layer : LinkLayers()) {
      SCOPED_TRACE(layer.name);
      EXPECT_EQ(Open(Wrapped(layer, longer)).segment.length, 17u + kMore);
    }
  }
}

// A MAC address may look like an IP header, a control word, an associated channel or a type.
TEST(Decap, OpensPseudowiresWhateverTheirAddresses) {
  std::mt19937 random(10);
  std::vector<Bytes> addresses = {
      Hex("a8 20 66 48 ca 51 00 26 88 e7 8d 81"), Hex("10 00 00 00 00 01 10 00 00 21 00 02"),
      Hex("45 00 00 39 00 00 60 00 00 11 06 40"), Hex("00 00 00 00 00 01 00 00 08 00 45 00")};
  while (addresses.size() < 20'000) {
    Bytes& pair = addresses.emplace_back(12);
    for (uint8_t& byte : pair) byte = static_cast<uint8_t>(random());
  }
  for (const Bytes& pair : addresses) {
    for (const bool v4 : {true, false}) {
      for (const bool tagged : {true, false}) {
        for (const bool control_word : {true, false}) {
          const uint16_t type = v4 ? 0x0800 : 0x86dd;
          const Bytes body = tagged ? Join(Hex("81 00"), Vlan(9, type, Mail(v4)))
                                    : Join(Number(type, 2), Mail(v4));
          const Bytes inner = Join(pair, body);
          const Bytes labelled = Mpls({17}, control_word ? Join({0, 0, 0, 5}, inner) : inner);
          ExpectMail(Open(Ethernet(0x8847, labelled)), v4,
                     tagged ? Layers{"mpls:17", "vlan:9"} : Layers{"mpls:17"});
          if (HasFailure()) FAIL() << ::testing::PrintToString(pair);
        }
      }
    }
  }
}

// A short frame is padded to 60 bytes, behind whatever it carries.
TEST(Decap, PaddingIsNoPayload) {
  for (const LinkLayer& layer : LinkLayers()) {
    Bytes frame = Wrapped(layer, Ipv4({}, Tcp({}, "")));
    frame.resize(frame.size() + 12);
    const Decoded r = Open(frame);
    ASSERT_EQ(r.outcome, Outcome::kTcp) << layer.name;
    EXPECT_EQ(r.segment.length, 0u) << layer.name;
  }
}

// Draws layers and tunnels until the stack is as deep as wanted, from the inside out.
struct Mix {
  explicit Mix(std::mt19937& random, uint32_t depth) : v4(random() % 2 == 0) {
    Bytes ip = Mail(v4);
    while (true) {
      Carried link = {TypeOf(ip), ip};
      for (uint32_t n = random() % 3; n > 0 && encap.size() < depth; --n) {
        const LinkLayer& layer = LinkLayers()[random() % LinkLayers().size()];
        const bool is_ip = link.type == 0x0800 || link.type == 0x86dd;
        if (!layer.carries_anything && !is_ip) continue;
        if (layer.encap.empty() && link.type < 0x600) continue;  // SNAP names no length
        link = layer.wrap(link);
        encap.insert(encap.begin(), layer.encap.begin(), layer.encap.end());
      }
      frame = Ethernet(link.type, link.bytes);
      if (encap.size() >= depth) return;
      const IpTunnel& tunnel = IpTunnels()[random() % IpTunnels().size()];
      // Where the tunnel takes a bare packet, what was drawn around it is left out.
      if (!tunnel.carries_frames) {
        encap = bare;
        ip = Outer(tunnel, random() % 2 == 0, ip);
      } else {
        ip = Outer(tunnel, random() % 2 == 0, frame);
      }
      encap.insert(encap.begin(), tunnel.encap.begin(), tunnel.encap.end());
      bare = encap;
    }
  }

  bool v4;
  Layers encap;  // outermost first
  Layers bare;   // without the layers drawn since the last tunnel
  Bytes frame;
};

TEST(Decap, OpensAnyMix) {
  std::mt19937 random(7);
  for (int round = 0; round < 5'000; ++round) {
    const Mix mix(random, random() % 7);
    ASSERT_LE(mix.encap.size(), 9u);
    if (mix.encap.size() > EncapStack::kMaxDepth) continue;
    ExpectMail(Open(mix.frame), mix.v4, mix.encap);
    if (HasFailure()) FAIL() << "round " << round << " " << ::testing::PrintToString(mix.encap);
  }
}

TEST(Decap, DepthIsBoundedWhateverTheMix) {
  std::mt19937 random(8);
  for (int round = 0; round < 2'000; ++round) {
    const Mix mix(random, 9 + random() % 8);
    const Decoded r = Open(mix.frame);
    ASSERT_EQ(r.outcome, Outcome::kEncapDepth) << "round " << round;
    const Layers first(mix.encap.begin(), mix.encap.begin() + EncapStack::kMaxDepth);
    EXPECT_EQ(r.encap(), first) << "what it was wrapped in is told as far as it goes";
  }
}

// At every length AddressSanitizer watches for reads past the end, and no outcome blames the
// packet for what the capture lacks.
void CutEverywhere(const Bytes& frame, const Layers& encap) {
  const std::size_t payload = 17;
  for (std::size_t size = 0; size <= frame.size(); ++size) {
    const Decoded r = Open(Cut(frame, size), static_cast<uint32_t>(frame.size()));
    if (size + payload >= frame.size()) {
      ASSERT_EQ(r.outcome, Outcome::kTcp) << size;
      EXPECT_EQ(r.segment.length, payload);
      EXPECT_EQ(r.segment.captured, size + payload - frame.size());
      EXPECT_TRUE(r.PayloadIsInside());
      EXPECT_EQ(r.encap(), encap);
    } else {
      ASSERT_TRUE(r.outcome == Outcome::kTruncatedLink || r.outcome == Outcome::kTruncatedIp ||
                  r.outcome == Outcome::kTruncatedTcp || r.outcome == Outcome::kNotIp ||
                  r.outcome == Outcome::kNotTcp)
          << size << " " << kOutcomeNames[static_cast<int>(r.outcome)];
    }
  }
}

TEST(Decap, EveryTruncationStaysInside) {
  for (const bool v4 : {true, false}) {
    for (const LinkLayer& layer : LinkLayers()) {
      SCOPED_TRACE(layer.name);
      CutEverywhere(Wrapped(layer, Mail(v4)), layer.encap);
    }
    for (const IpTunnel& tunnel : IpTunnels()) {
      SCOPED_TRACE(tunnel.name);
      CutEverywhere(Wrapped(tunnel, v4, Mail(v4)), tunnel.encap);
    }
  }
}

TEST(Decap, RandomDamageStaysInside) {
  std::mt19937 random(9);
  for (int round = 0; round < 60'000; ++round) {
    Bytes frame = Mix(random, random() % 6).frame;
    for (int n = static_cast<int>(random() % 4); n >= 0; --n) {
      frame[random() % frame.size()] = static_cast<uint8_t>(random());
    }
    const auto size = static_cast<uint32_t>(frame.size());
    const Decoded r = Open(Cut(frame, random() % 4 == 0 ? random() % size : size), size);
    ASSERT_LE(r.segment.encap.depth, static_cast<uint32_t>(EncapStack::kMaxDepth));
    if (r.outcome != Outcome::kTcp) continue;
    EXPECT_TRUE(r.PayloadIsInside());
    EXPECT_LE(r.segment.captured, r.segment.length);
  }
}

}  // namespace
}  // namespace mailtap::net

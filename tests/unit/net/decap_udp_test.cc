// Tunnels over UDP, and clients that only happen to use a tunnel's port.
#include <gtest/gtest.h>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

constexpr uint16_t kVxlanPort = 4789, kGpePort = 4790, kGenevePort = 6081, kGtpPort = 2152,
                   kGrePort = 4754, kAyiyaPort = 5072, kAnyPort = 50'000;

const Bytes kTcp4 = Ipv4({}, Tcp({}, "payload"));
const Bytes kFrame = EthernetOf(kTcp4);

Outcome Between(uint16_t source, uint16_t destination, const Bytes& payload) {
  const Bytes udp = Udp(source, destination, payload);
  const Outcome v4 = Decoded(EthernetOf(Ipv4({.protocol = 17}, udp)), LinkType::kEthernet, 0,
                             kNoVlan, UsualPorts())
                         .outcome;
  const Outcome v6 = Decoded(EthernetOf(Ipv6({.next_header = 17}, udp)), LinkType::kEthernet, 0,
                             kNoVlan, UsualPorts())
                         .outcome;
  EXPECT_EQ(v4, v6);
  return v4;
}
Outcome To(uint16_t port, const Bytes& payload) { return Between(kAnyPort, port, payload); }

TEST(DecapUdp, PortsThatAreNotConfiguredAreLeftClosed) {
  EXPECT_EQ(To(4788, Vxlan(8, 0, 5, kFrame)), Outcome::kNotTcp);
  const Bytes udp = Udp(kAnyPort, kVxlanPort, Vxlan(8, 0, 5, kFrame));
  EXPECT_EQ(Decoded(EthernetOf(Ipv4({.protocol = 17}, udp))).outcome, Outcome::kNotTcp);
}

TEST(DecapUdp, APortKeepsItsFirstKind) {
  TunnelPorts ports;
  ports.Add(9, TunnelKind::kGeneve);
  ports.Add(9, TunnelKind::kVxlan);
  ASSERT_NE(ports.Find(9), nullptr);
  EXPECT_EQ(*ports.Find(9), TunnelKind::kGeneve);
  EXPECT_EQ(ports.Find(8), nullptr);
}

// Some ends answer from the tunnel's port.
TEST(DecapUdp, ATunnelIsFoundByItsSourcePortToo) {
  EXPECT_EQ(Between(kGtpPort, kAnyPort, GtpU(0, 1, kTcp4)), Outcome::kTcp);
  EXPECT_EQ(Between(kAyiyaPort, kAnyPort,
                    Join(Hex("42 52 11 04 00 00 00 00"), Join(Bytes(36), kTcp4))),
            Outcome::kTcp);
}

TEST(DecapUdp, HeadersThatDoNotFitAreUnknown) {
  EXPECT_EQ(To(kVxlanPort, Vxlan(0, 0, 5, kFrame)), Outcome::kUnknownEncap) << "no VNI";
  EXPECT_EQ(To(kGpePort, Vxlan(0x3c, 3, 5, kFrame)), Outcome::kUnknownEncap) << "version";
  EXPECT_EQ(To(kGenevePort, Join({0x40}, Bytes(40))), Outcome::kUnknownEncap) << "version";
  EXPECT_EQ(To(kGtpPort, Join({0x20, 255}, Bytes(40))), Outcome::kUnknownEncap) << "GTP prime";
  EXPECT_EQ(To(kGtpPort, Join({0x50, 255}, Bytes(40))), Outcome::kUnknownEncap) << "version";
  EXPECT_EQ(To(kGrePort, Gre({.version = 3}, 0x0800, kTcp4)), Outcome::kUnknownEncap);
}

// DNS and the like, between a service's port and a client that picked a tunnel's.
TEST(DecapUdp, AClientOnATunnelsPortIsNoTunnel) {
  for (const uint16_t port :
       {kVxlanPort, kGpePort, kGenevePort, kGtpPort, kGrePort, kAyiyaPort}) {
    for (int first = 0; first < 256; ++first) {
      const Bytes payload = Join({static_cast<uint8_t>(first), 0x5a, 0x81, 0x80}, Bytes(60, 1));
      EXPECT_LE(Between(53, port, payload), Outcome::kNotTcp) << port << " " << first;
      EXPECT_LE(Between(port, 53, payload), Outcome::kNotTcp) << port << " " << first;
      EXPECT_LE(Between(port, 40'001, payload), Outcome::kNotTcp) << port << " " << first;
    }
  }
}

TEST(DecapUdp, PayloadsOfUnknownKindAreUnknown) {
  EXPECT_EQ(To(kGpePort, Vxlan(0x0c, 4, 5, Bytes(60))), Outcome::kUnknownEncap) << "NSH";
  EXPECT_EQ(To(kGenevePort, Geneve(0, 0x894f, 5, Bytes(60))), Outcome::kUnknownEncap) << "NSH";
  EXPECT_EQ(To(kGtpPort, GtpU(0, 5, Hex("ff 03 c0 21 01 02"))), Outcome::kUnknownEncap)
      << "PPP";
}

TEST(DecapUdp, ControlTrafficOfTunnelsIsNoFault) {
  EXPECT_EQ(To(kVxlanPort, Vxlan(8, 0, 5, Ethernet(0x0806, Bytes(28)))), Outcome::kNotIp);
  EXPECT_EQ(To(kGpePort, Vxlan(0x0d, 4, 5, Bytes(60))), Outcome::kNotIp) << "maintenance";
  EXPECT_EQ(To(kGenevePort, Join({0, 0x80}, Bytes(60))), Outcome::kNotIp) << "maintenance";
  EXPECT_EQ(To(kGenevePort, Geneve(0, 0x0806, 5, Bytes(28))), Outcome::kNotIp);
  EXPECT_EQ(To(kGtpPort, Hex("32 01 00 04 00 00 00 00 00 01 00 00")), Outcome::kNotTcp)
      << "echo request";
  EXPECT_EQ(To(kAyiyaPort, Join(Hex("42 52 10 3b 00 00 00 00"), Bytes(36))), Outcome::kNotTcp)
      << "no operation";
}

TEST(DecapUdp, MplsIsOpenedInVxlanGpeAndGeneve) {
  EXPECT_EQ(To(kGpePort, Vxlan(0x0c, 5, 5, Mpls({7}, kTcp4))), Outcome::kTcp);
  EXPECT_EQ(To(kGenevePort, Geneve(0, 0x8847, 5, Mpls({7}, kTcp4))), Outcome::kTcp);
}

// A group policy's bits and other reserved fields are set by some switches.
TEST(DecapUdp, ReservedBitsOfVxlanAreIgnored) {
  Bytes vxlan = Vxlan(0x88, 0x55, 5, kFrame);
  vxlan[1] = 0xff;
  vxlan[7] = 0xff;
  EXPECT_EQ(To(kVxlanPort, vxlan), Outcome::kTcp);
}

TEST(DecapUdp, AGtpExtensionWithoutLengthIsRefused) {
  EXPECT_EQ(To(kGtpPort, Join(Hex("34 ff 00 20 00 00 00 01 00 00 00 85 00 00 00 00"), kTcp4)),
            Outcome::kBadIpHeader);
}

// RFC 3948: ESP over UDP, beside key exchange (four zero bytes first) and keep-alives (one
// byte).
TEST(DecapUdp, EspOverUdpIsUnknown) {
  constexpr uint16_t kPort = 4500;
  const Bytes esp = Join(Hex("c0 ff ee 01 00 00 00 01"), Bytes(40, 0x5a));
  EXPECT_EQ(Between(kPort, kPort, esp), Outcome::kUnknownEncap);
  EXPECT_EQ(Between(61'000, kPort, esp), Outcome::kUnknownEncap) << "behind a translator";
  EXPECT_EQ(Between(kPort, 61'000, esp), Outcome::kUnknownEncap);
  EXPECT_EQ(Between(kPort, kPort, Join(Bytes(4), esp)), Outcome::kNotTcp) << "key exchange";
  EXPECT_EQ(Between(kPort, kPort, {0xff}), Outcome::kNotTcp) << "keep-alive";
  EXPECT_EQ(Between(53, kPort, esp), Outcome::kDns) << "a client of DNS";
}

TEST(DecapUdp, L2tpDataIsUnknownAndItsControlIsNot) {
  constexpr uint16_t kPort = 1701;
  const Bytes rest = Join(Hex("00 01 00 02 ff 03 00 21"), kTcp4);
  EXPECT_EQ(Between(kPort, kPort, Join({0x00, 0x02}, rest)), Outcome::kUnknownEncap);
  EXPECT_EQ(Between(kPort, kPort, Join({0x4a, 0x02}, rest)), Outcome::kUnknownEncap)
      << "with length, numbers and offset";
  EXPECT_EQ(Between(kPort, kPort, Join({0xc8, 0x02}, rest)), Outcome::kNotTcp) << "control";
  EXPECT_EQ(Between(kPort, kPort, Join({0x00, 0x12}, rest)), Outcome::kNotTcp) << "reserved";
  EXPECT_EQ(Between(kPort, kPort, Join({0x00, 0x01}, rest)), Outcome::kNotTcp) << "version";
}

TEST(DecapUdp, CapwapDataIsUnknownAndKeepAlivesAreNot) {
  constexpr uint16_t kPort = 5247;
  const Bytes frame = Bytes(40, 0x5a);
  EXPECT_EQ(To(kPort, Join(Hex("00 10 03 00 00 00 00 00"), frame)), Outcome::kUnknownEncap);
  EXPECT_EQ(Between(kPort, 40'000, Join(Hex("00 10 02 20 00 00 00 00"), frame)),
            Outcome::kUnknownEncap)
      << "to the access point";
  EXPECT_EQ(To(kPort, Join(Hex("01 00 00 00 16 fe fd 00"), frame)), Outcome::kUnknownEncap)
      << "DTLS";
  EXPECT_EQ(To(kPort, Join(Hex("00 10 00 08 00 00 00 00"), frame)), Outcome::kNotTcp);
  EXPECT_EQ(To(kPort, Join(Hex("47 45 54 20 2f 20 48 54"), frame)), Outcome::kNotTcp);
}

TEST(DecapUdp, TzspFramesAreUnknown) {
  constexpr uint16_t kPort = 37'008;
  const Bytes frame = Join(Hex("01 01"), kFrame);  // Ethernet, the end of the tags
  EXPECT_EQ(To(kPort, Join(Hex("01 00 00"), frame)), Outcome::kUnknownEncap) << "received";
  EXPECT_EQ(To(kPort, Join(Hex("01 01 00"), frame)), Outcome::kUnknownEncap) << "to be sent";
  EXPECT_EQ(To(kPort, Hex("01 04 00 00")), Outcome::kNotTcp) << "keep-alive";
  EXPECT_EQ(To(kPort, Join(Hex("02 00 00"), frame)), Outcome::kNotTcp) << "version";
}

}  // namespace
}  // namespace mailtap::net

// Shims between Ethernet and IP, PPP, and protocols of IP: what is particular to each.
#include <gtest/gtest.h>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

using Layers = std::vector<std::string>;

const Bytes kTcp4 = Ipv4({}, Tcp({}, "x"));

Outcome OutcomeOf(const Bytes& frame, LinkType link = LinkType::kEthernet) {
  return Decoded(frame, link).outcome;
}
Outcome InMpls(const Bytes& payload) { return OutcomeOf(Ethernet(0x8847, Mpls({5}, payload))); }
Outcome InPpp(const std::string& head) {
  return OutcomeOf(Join(Hex(head), kTcp4), LinkType::kPpp);
}

TEST(DecapLink, PppHasItsAddressOrNotAndAProtocolOfOneOrTwoBytes) {
  EXPECT_EQ(InPpp("ff 03 00 21"), Outcome::kTcp);
  EXPECT_EQ(InPpp("00 21"), Outcome::kTcp);
  EXPECT_EQ(InPpp("21"), Outcome::kTcp) << "compressed (RFC 1661, 6.5)";
  EXPECT_EQ(OutcomeOf(Join({0, 0x57}, Ipv6({}, Tcp({}, "x"))), LinkType::kPpp), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(Join({0x02, 0x81}, Mpls({3}, kTcp4)), LinkType::kPpp), Outcome::kTcp);
}

TEST(DecapLink, PppThatCarriesNoIpIsNotIp) {
  for (const char* head :
       {"c0 21", "80 21", "80 57", "c2 23", "ff 03 c0 21", "00 2b", "00 29"}) {
    EXPECT_EQ(InPpp(head), Outcome::kNotIp) << head;
  }
}

TEST(DecapLink, PppThatIsCompressedEncryptedOrCutUpIsUnknown) {
  for (const char* head : {"00 2d", "00 2f", "00 3d", "00 53", "00 fd", "00 31"}) {
    EXPECT_EQ(InPpp(head), Outcome::kUnknownEncap) << head;
  }
}

TEST(DecapLink, PppoeDiscoveryIsNotIp) {
  EXPECT_EQ(OutcomeOf(Ethernet(0x8863, Hex("11 09 00 00 00 04 01 01 00 00"))), Outcome::kNotIp);
  EXPECT_EQ(OutcomeOf(Ethernet(0x8864, Hex("11 a7 00 01 00 00"))), Outcome::kNotIp)
      << "the end of a session";
  EXPECT_EQ(OutcomeOf(Ethernet(0x8864, Pppoe(1, Hex("c0 21 09 01 00 08")))), Outcome::kNotIp);
}

TEST(DecapLink, BelowMplsIsWhatItLooksLike) {
  EXPECT_EQ(InMpls(kTcp4), Outcome::kTcp);
  EXPECT_EQ(InMpls(Hex("10 00 00 21 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")),
            Outcome::kNotIp)
      << "operation and maintenance (RFC 4385, 5)";
  EXPECT_EQ(InMpls(Ethernet(0x0806, Bytes(28))), Outcome::kNotIp) << "ARP";
  EXPECT_EQ(InMpls(Join({0, 0, 0, 1}, Ethernet(0x0806, Bytes(28)))), Outcome::kNotIp);
  EXPECT_EQ(InMpls(Ethernet(38, Join(Hex("42 42 03"), Bytes(35)))), Outcome::kNotIp)
      << "spanning tree";
  EXPECT_EQ(InMpls(Bytes(40, 0x5a)), Outcome::kUnknownEncap);
  EXPECT_EQ(InMpls(Join({0, 0, 0, 1}, Bytes(40, 0x5a))), Outcome::kUnknownEncap);
}

// Ethernet may start with a 4 or 6 too, where a MAC address does.
TEST(DecapLink, AMacAddressThatStartsLikeIpIsNoIp) {
  for (const uint8_t first : {0x44, 0x45, 0x60}) {
    Bytes inner = Ethernet(0x0800, kTcp4);
    inner[0] = first;
    EXPECT_EQ(InMpls(inner), Outcome::kTcp) << int{first};
  }
}

TEST(DecapLink, Of8023OnlySnapCarriesIp) {
  EXPECT_EQ(OutcomeOf(Ethernet(38, Join(Hex("42 42 03"), Bytes(43)))), Outcome::kNotIp);
  EXPECT_EQ(OutcomeOf(Ethernet(60, Join(Hex("aa aa 03 00 00 0c 20 00"), Bytes(52)))),
            Outcome::kNotIp)
      << "CDP: SNAP with a vendor's number";
  EXPECT_EQ(OutcomeOf(Ethernet(60, Join(Hex("aa aa 03 00 00 00 00 20"), Bytes(52)))),
            Outcome::kNotIp)
      << "no EtherType";
  EXPECT_EQ(OutcomeOf(Ethernet(0x05ff, Bytes(60))), Outcome::kNotIp);
}

TEST(DecapLink, OrdinaryFramesWithoutIpAreNotIp) {
  for (const uint16_t type :
       {0x0806, 0x88cc, 0x8906, 0x8137, 0x8809, 0x888e, 0x88f7, 0x8892, 0x9000}) {
    EXPECT_EQ(OutcomeOf(Ethernet(type, Bytes(46))), Outcome::kNotIp) << type;
    EXPECT_EQ(OutcomeOf(Ethernet(0x8100, Vlan(5, type, Bytes(46)))), Outcome::kNotIp) << type;
  }
}

TEST(DecapLink, FramesThatHideIpAreUnknown) {
  const uint16_t kTypes[] = {0x88e5 /* MACsec */,
                             0x8903 /* FabricPath */,
                             0x22f3 /* TRILL */,
                             0x894f /* NSH */,
                             0x8909 /* Cisco's metadata, not TrustSec's */,
                             0x892f /* HSR */,
                             0xf1c1 /* 802.1CB */,
                             0x22e5 /* a packet broker's */,
                             0xd28b,
                             0x88b5 /* for experiments */,
                             0xfffe};
  for (const uint16_t type : kTypes) {
    EXPECT_EQ(OutcomeOf(Ethernet(type, Bytes(46))), Outcome::kUnknownEncap) << type;
    const Decoded r(Ethernet(0x8100, Vlan(5, type, Bytes(46))));
    EXPECT_EQ(r.outcome, Outcome::kUnknownEncap) << type;
    EXPECT_EQ(r.encap(), Layers{"vlan:5"}) << "what is outside is told";
  }
}

TEST(DecapLink, IpProtocolsThatHideTcpAreUnknown) {
  for (const int protocol :
       {50 /* ESP */, 55, 94, 98, 99, 108 /* IPComp */, 115 /* L2TPv3 */, 131, 142 /* ROHC */,
        143 /* Ethernet */, 145 /* NSH */, 148 /* no number yet */, 255}) {
    const auto p = static_cast<uint8_t>(protocol);
    EXPECT_EQ(OutcomeOf(EthernetOf(Ipv4({.protocol = p}, Bytes(40)))), Outcome::kUnknownEncap);
    EXPECT_EQ(OutcomeOf(EthernetOf(Ipv6({.next_header = p}, Bytes(40)))),
              Outcome::kUnknownEncap);
    EXPECT_EQ(OutcomeOf(EthernetOf(Ipv6({.next_header = 60}, Extension(p, 0, Bytes(40))))),
              Outcome::kUnknownEncap);
    EXPECT_EQ(OutcomeOf(EthernetOf(Ipv4({.protocol = p, .fragment = 0x2000}, Bytes(40)))),
              Outcome::kUnknownEncap)
        << "a piece is no more use than the whole";
    EXPECT_EQ(
        OutcomeOf(EthernetOf(Ipv6({.next_header = 44}, FragmentHeader(p, 0x0009, Bytes(40))))),
        Outcome::kUnknownEncap);
  }
}

TEST(DecapLink, IpProtocolsWithoutTcpInsideAreNotTcp) {
  for (const int protocol : {1, 2, 46, 58, 59, 88, 89, 103, 112, 132, 136, 138}) {
    const auto p = static_cast<uint8_t>(protocol);
    EXPECT_EQ(OutcomeOf(EthernetOf(Ipv4({.protocol = p}, Bytes(40)))), Outcome::kNotTcp);
    EXPECT_EQ(OutcomeOf(EthernetOf(Ipv6({.next_header = p}, Bytes(40)))), Outcome::kNotTcp);
  }
}

TEST(DecapLink, AuthenticationStandsBeforeTcpAndBeforeEsp) {
  const auto ah = [](uint8_t next, const Bytes& payload) {
    return Join(Join(Join({next, 4, 0, 0}, Hex("00 00 10 01")), Bytes(16)), payload);
  };
  const Decoded tcp(EthernetOf(Ipv4({.protocol = 51}, ah(6, Tcp({}, "hello")))));
  ASSERT_EQ(tcp.outcome, Outcome::kTcp);
  EXPECT_EQ(tcp.payload(), "hello");
  EXPECT_EQ(tcp.segment.length, 5u);
  EXPECT_EQ(tcp.encap(), Layers{"ah:4097"});
  EXPECT_EQ(OutcomeOf(EthernetOf(Ipv4({.protocol = 51}, ah(50, Bytes(40))))),
            Outcome::kUnknownEncap);
  EXPECT_EQ(OutcomeOf(EthernetOf(Ipv6({.next_header = 51}, ah(58, Bytes(8))))),
            Outcome::kNotTcp);
}

TEST(DecapLink, EtherIpOfAnotherVersionIsUnknown) {
  const Bytes frame = EthernetOf(kTcp4);
  EXPECT_EQ(OutcomeOf(EthernetOf(Ipv4({.protocol = 97}, Join({0x30, 0}, frame)))),
            Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(EthernetOf(Ipv4({.protocol = 97}, Join({0x20, 0}, frame)))),
            Outcome::kUnknownEncap);
}

}  // namespace
}  // namespace mailtap::net

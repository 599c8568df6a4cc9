#include <gtest/gtest.h>

#include "tests/unit/net/decoded.h"
#include "tests/unit/net/tunnel_builder.h"

namespace mailtap::net {
namespace {

using Layers = std::vector<std::string>;

const Bytes kTcp4 = Ipv4({}, Tcp({}, "payload"));

Decoded InIp(const Bytes& gre) { return Decoded(EthernetOf(Ipv4({.protocol = 47}, gre))); }
Outcome OutcomeOf(const Bytes& gre) { return InIp(gre).outcome; }

TEST(DecapGre, AnyCombinationOfOptionalFieldsIsSteppedOver) {
  for (int bits = 0; bits < 16; ++bits) {
    GreFields fields = {.checksum = (bits & 1) != 0, .routing = (bits & 2) != 0};
    if ((bits & 4) != 0) fields.key = 0xfedcba98;
    fields.sequence = (bits & 8) != 0;
    const Decoded r = InIp(Gre(fields, 0x0800, kTcp4));
    ASSERT_EQ(r.outcome, Outcome::kTcp) << bits;
    EXPECT_EQ(r.payload(), "payload");
    EXPECT_EQ(r.encap(), Layers{(bits & 4) != 0 ? "gre:4275878552" : "gre:0"});
  }
}

TEST(DecapGre, CarriesWhateverAnEtherTypeNames) {
  EXPECT_EQ(OutcomeOf(Gre({}, 0x8847, Mpls({9}, kTcp4))), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(Gre({}, 0x8100, Vlan(3, 0x0800, kTcp4))), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(Gre({}, 0x86dd, Ipv6({}, Tcp({}, "x")))), Outcome::kTcp);
}

// A keepalive is a GRE packet to oneself inside GRE; its own payload type is 0.
TEST(DecapGre, ControlTrafficIsNotIp) {
  const Bytes answer = Ipv4({.protocol = 47}, Gre({}, 0, {}));
  EXPECT_EQ(OutcomeOf(Gre({}, 0x0800, answer)), Outcome::kNotIp);
  for (const uint16_t type : {0x0000, 0x00fe, 0x2000, 0x2001, 0x0806, 0x88cc, 0x8809, 0x22f4}) {
    EXPECT_EQ(OutcomeOf(Gre({}, type, Bytes(40))), Outcome::kNotIp) << type;
  }
}

TEST(DecapGre, FramesInsideWithoutIpAreNotIp) {
  const Bytes arp = Ethernet(0x0806, Bytes(28));
  const Bytes profinet = Ethernet(0x8892, Bytes(46));
  for (const Bytes& frame : {arp, profinet}) {
    EXPECT_EQ(OutcomeOf(Gre({.key = 0x100}, 0x6558, frame)), Outcome::kNotIp) << "NVGRE";
    EXPECT_EQ(OutcomeOf(Gre({}, 0x88be, frame)), Outcome::kNotIp) << "ERSPAN type I";
    EXPECT_EQ(OutcomeOf(Gre({.sequence = true}, 0x88be, Join(Bytes(8, 1), frame))),
              Outcome::kNotIp)
        << "ERSPAN type II";
  }
}

TEST(DecapGre, UnknownPayloadsAndVersionsAreUnknown) {
  for (const uint16_t type : {0x6559 /* frame relay */, 0x88b5, 0x894f /* NSH */, 0xbeef}) {
    EXPECT_EQ(OutcomeOf(Gre({}, type, Bytes(40))), Outcome::kUnknownEncap) << type;
  }
  EXPECT_EQ(OutcomeOf(Gre({.version = 2}, 0x0800, kTcp4)), Outcome::kUnknownEncap);
  EXPECT_EQ(OutcomeOf(Gre({.key = 1, .sequence = true, .version = 1}, 0x0800, kTcp4)),
            Outcome::kUnknownEncap)
      << "version 1 carries PPP alone";
}

TEST(DecapGre, PptpCarriesPppOrOnlyAcknowledges) {
  const auto pptp = [](bool sequence, const Bytes& ppp) {
    return Gre({.key = 7, .sequence = sequence, .ack = true, .version = 1}, 0x880b, ppp);
  };
  EXPECT_EQ(OutcomeOf(pptp(true, Join({0x21}, kTcp4))), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(pptp(true, Hex("ff 03 c0 21 09 01 00 08"))), Outcome::kNotIp) << "LCP";
  EXPECT_EQ(OutcomeOf(pptp(true, Join({0xfd}, Bytes(40)))), Outcome::kUnknownEncap)
      << "encrypted (RFC 3078)";
  EXPECT_EQ(OutcomeOf(pptp(false, {})), Outcome::kNotIp);
}

TEST(DecapGre, ErspanTypeThreeTellsWhatItCarries) {
  const auto erspan = [](const std::string& last, const Bytes& payload) {
    return Gre({.sequence = true}, 0x22eb,
               Join(Hex("20 00 00 0b 00 00 00 00 00 00 " + last), payload));
  };
  EXPECT_EQ(OutcomeOf(erspan("00 00", EthernetOf(kTcp4))), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(erspan("08 00", kTcp4)), Outcome::kTcp) << "an IP packet";
  EXPECT_EQ(OutcomeOf(erspan("7c 00", kTcp4)), Outcome::kUnknownEncap);
  EXPECT_EQ(InIp(erspan("00 00", EthernetOf(kTcp4))).encap(), Layers{"erspan:11"});
}

// Eight bytes of redirect header in version 2, none in version 1.
TEST(DecapGre, WccpHasARedirectHeaderOrNone) {
  EXPECT_EQ(OutcomeOf(Gre({}, 0x883e, kTcp4)), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(Gre({}, 0x883e, Join({0x80, 0, 0, 0}, kTcp4))), Outcome::kTcp);
}

TEST(DecapGre, SourceRoutesEndWithAnEmptyEntry) {
  EXPECT_EQ(OutcomeOf(Join(Hex("40 00 08 00 00 00 00 00"), Hex("00 00 00 00"))),
            Outcome::kTruncatedIp)
      << "and then there is no packet";
  EXPECT_EQ(OutcomeOf(Join(Hex("40 00 08 00 00 00 00 00"), Hex("08 00 00 ff 01 02"))),
            Outcome::kTruncatedIp)
      << "an entry past the end";
}

// IEEE 802.11 as an access point hands it over. `head` is control, flags and duration; the
// addresses follow.
Bytes Wireless(const std::string& head, const Bytes& more, const Bytes& payload) {
  return Gre({}, 0x8200, Join(Join(Join(Hex(head), Bytes(20, 2)), more), payload));
}

TEST(DecapGre, WirelessFramesAreOpened) {
  const Bytes llc = Join(Hex("aa aa 03 00 00 00 08 00"), kTcp4);
  EXPECT_EQ(OutcomeOf(Wireless("08 01 00 00", {}, llc)), Outcome::kTcp);
  EXPECT_EQ(OutcomeOf(Wireless("88 01 00 00", {0, 0}, llc)), Outcome::kTcp) << "with QoS";
  EXPECT_EQ(OutcomeOf(Wireless("88 81 00 00", Bytes(6), llc)), Outcome::kTcp) << "and HT";
  EXPECT_EQ(OutcomeOf(Wireless("08 03 00 00", Bytes(6), llc)), Outcome::kTcp)
      << "between access points";
}

// An aggregate: destination, source and length before each of the frames in it.
TEST(DecapGre, OfAWirelessAggregateTheFirstFrameIsOpened) {
  for (const std::size_t payload : {1u, 2'000u}) {
    const Bytes ip = Ipv4({}, Tcp({}, std::string(payload, 'a')));
    const Bytes llc = Join(Hex("aa aa 03 00 00 00 08 00"), ip);
    const Bytes length = {static_cast<uint8_t>(llc.size() >> 8),
                          static_cast<uint8_t>(llc.size())};
    const Bytes first = Join(Join(Bytes(12, 2), length), llc);
    const Decoded r = InIp(Wireless("88 01 00 00", {0x80, 0}, Join(first, first)));
    ASSERT_EQ(r.outcome, Outcome::kTcp) << payload;
    EXPECT_EQ(r.segment.length, payload);
  }
}

TEST(DecapGre, WirelessFramesWithoutDataAreNotIpAndEncryptedOnesUnknown) {
  EXPECT_EQ(OutcomeOf(Wireless("80 00 00 00", {}, Bytes(40))), Outcome::kNotIp) << "beacon";
  EXPECT_EQ(OutcomeOf(Wireless("48 01 00 00", {}, {})), Outcome::kNotIp) << "null data";
  EXPECT_EQ(OutcomeOf(Wireless("08 41 00 00", {}, Bytes(40))), Outcome::kUnknownEncap);
}

}  // namespace
}  // namespace mailtap::net

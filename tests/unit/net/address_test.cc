#include "lib/net/address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "absl/hash/hash_testing.h"
#include "absl/strings/str_cat.h"

namespace mailtap::net {
namespace {

IpAddress A(absl::string_view text) { return *ParseAddress(text); }
Prefix P(absl::string_view text) { return *ParsePrefix(text); }

TEST(AddressTest, PrintsAsItReads) {
  for (const char* text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "2001:db8::1",
                           "fd00:1:2:3:4:5:6:7", "2001:db8:0:1:1:1:1:1"}) {
    EXPECT_EQ(ToString(A(text)), text);
  }
}

TEST(AddressTest, Ipv6HasOneSpelling) {
  EXPECT_EQ(ToString(A("2001:0DB8:0000:0000:0000:0000:0000:0001")), "2001:db8::1");
  EXPECT_EQ(ToString(A("fe80:0:0:0:1:0:0:1")), "fe80::1:0:0:1");
}

TEST(AddressTest, MappedFormIsIpv4) {
  EXPECT_EQ(A("::ffff:192.0.2.1"), A("192.0.2.1"));
  EXPECT_TRUE(A("192.0.2.1").is_v4());
  EXPECT_FALSE(A("2001:db8::1").is_v4());
  EXPECT_FALSE(A("::c000:201").is_v4()) << "the old compatible form is IPv6";
  EXPECT_EQ(ToString(A("::ffff:c000:201")), "192.0.2.1");
}

TEST(AddressTest, BytesAreInNetworkOrder) {
  const uint8_t v4[4] = {192, 0, 2, 7};
  EXPECT_EQ(IpAddress::FromV4(v4), A("192.0.2.7"));
  const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  EXPECT_EQ(IpAddress::FromV6(v6), A("2001:db8::9"));
}

TEST(AddressTest, RefusesWhatIsNoAddress) {
  for (const absl::string_view text :
       {"", "10", "10.1.2", "10.1.2.256", "10.1.2.3.4", "010.1.2.3x", "1.2.3.4 ", " 1.2.3.4",
        "1.2.3.4:25", "[::1]", "fe80::1%eth0", "mail.example.net", ":::", "1::2::3",
        "12345::"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
  EXPECT_FALSE(ParseAddress(absl::string_view("1.2.3.4\0x", 9)).ok());
  EXPECT_FALSE(ParseAddress(absl::string_view("::1\0", 4)).ok());
}

TEST(AddressTest, IsOrderedAsANumber) {
  std::vector<IpAddress> sorted = {A("::"),        A("::1"),         A("0.0.0.0"),
                                   A("9.0.0.255"), A("10.0.0.0"),    A("255.0.0.0"),
                                   A("2001::"),    A("2001:db8::1"), A("fd00::")};
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
}

TEST(AddressTest, EqualAddressesHashAlike) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {A("::"), A("::1"), A("1::"), A("10.0.0.1"), A("::ffff:10.0.0.1")}));
}

TEST(PrefixTest, PrintsAsItReads) {
  for (const char* text : {"10.0.0.0/8", "192.0.2.0/28", "0.0.0.0/0", "10.0.0.1", "fd00::/8",
                           "::/0", "2001:db8::/127", "2001:db8::1", "128.0.0.0/1"}) {
    EXPECT_EQ(ToString(P(text)), text);
  }
  EXPECT_EQ(ToString(P("10.0.0.1/32")), "10.0.0.1");
  EXPECT_EQ(ToString(P("2001:db8::1/128")), "2001:db8::1");
}

TEST(PrefixTest, LengthCountsInTheMappedForm) {
  EXPECT_EQ(P("10.0.0.0/8").length, 104);
  EXPECT_EQ(P("10.0.0.1").length, 128);
  EXPECT_EQ(P("fd00::/8").length, 8);
  EXPECT_EQ(P("::ffff:203.0.113.0/120"), P("203.0.113.0/24"));
  EXPECT_EQ(P("::ffff:cb00:7100/120"), P("203.0.113.0/24"));
  EXPECT_EQ(P("::ffff:0.0.0.0/96"), P("0.0.0.0/0"));
  EXPECT_EQ(P("::ffff:203.0.113.1/128"), P("203.0.113.1"));
}

TEST(PrefixTest, RefusesAMappedOneThatIsMoreThanIpv4) {
  for (const char* text : {"::ffff:203.0.113.0/24", "::ffff:0.0.0.0/95",
                           "::ffff:203.0.113.0/129", "::ffff:203.0.113.0/"}) {
    EXPECT_EQ(ParsePrefix(text).status().message(),
              absl::StrCat("\"", text,
                           "\" is an IPv4 network in IPv6's form and needs a prefix "
                           "length from 96 to 128"));
  }
  EXPECT_EQ(ParsePrefix("::ffff:203.0.113.1/120").status().message(),
            "\"::ffff:203.0.113.1/120\" has bits set past its prefix length; did you mean "
            "203.0.113.0/24?");
}

TEST(PrefixTest, RefusesWhatIsNoPrefix) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                           "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8", "fd00::/129",
                           "10.0.0.0/255.0.0.0", "10.0.0.0/99999999999999999999"}) {
    EXPECT_FALSE(ParsePrefix(text).ok()) << text;
  }
}

TEST(PrefixTest, SaysWhatSetHostBitsWouldMean) {
  const auto prefix = ParsePrefix("10.1.2.3/8");
  ASSERT_FALSE(prefix.ok());
  EXPECT_EQ(prefix.status().message(),
            "\"10.1.2.3/8\" has bits set past its prefix length; did you mean 10.0.0.0/8?");
  EXPECT_FALSE(ParsePrefix("2001:db8::1/64").ok());
  EXPECT_FALSE(ParsePrefix("192.0.2.8/28").ok());
}

TEST(PrefixTest, ContainsItsFirstAndLastAddressAndNoOther) {
  const struct {
    const char *prefix, *before, *first, *last, *after;
  } kCases[] = {
      {"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
      {"192.0.2.16/28", "192.0.2.15", "192.0.2.16", "192.0.2.31", "192.0.2.32"},
      {"10.0.0.1", "10.0.0.0", "10.0.0.1", "10.0.0.1", "10.0.0.2"},
      {"fd00::/8", "fcff::ffff", "fd00::", "fdff:ffff::ffff", "fe00::"},
      {"2001:db8::/33", "2001:db7:ffff::", "2001:db8::", "2001:db8:7fff::1", "2001:db8:8000::"},
  };
  for (const auto& c : kCases) {
    EXPECT_FALSE(P(c.prefix).Contains(A(c.before))) << c.prefix;
    EXPECT_TRUE(P(c.prefix).Contains(A(c.first))) << c.prefix;
    EXPECT_TRUE(P(c.prefix).Contains(A(c.last))) << c.prefix;
    EXPECT_FALSE(P(c.prefix).Contains(A(c.after))) << c.prefix;
  }
  EXPECT_TRUE(P("0.0.0.0/0").Contains(A("255.255.255.255")));
  EXPECT_FALSE(P("0.0.0.0/0").Contains(A("2001:db8::1")));
  EXPECT_TRUE(P("::/0").Contains(A("2001:db8::1")));
  EXPECT_TRUE(P("::/0").Contains(A("10.0.0.1"))) << "the whole mapped space";
}

// Against a comparison bit by bit.
TEST(PrefixTest, MaskingAgreesWithANaiveOne) {
  std::mt19937 random(1);
  for (int round = 0; round < 2'000; ++round) {
    IpAddress address;
    for (uint8_t& byte : address.bytes) byte = static_cast<uint8_t>(random());
    const int length = static_cast<int>(random() % 129);
    const IpAddress masked = Masked(address, length);
    for (int bit = 0; bit < 128; ++bit) {
      const auto of = [&](const IpAddress& a) { return a.bytes[bit / 8] >> (7 - bit % 8) & 1; };
      ASSERT_EQ(of(masked), bit < length ? of(address) : 0) << "length " << length;
    }
    EXPECT_EQ(P(ToString(Prefix{masked, static_cast<uint8_t>(length)})).address, masked);
  }
}

}  // namespace
}  // namespace mailtap::net

#include "lib/control/prefix_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

std::vector<uint32_t> Matches(const PrefixMap& map, const net::IpAddress& address) {
  std::vector<uint32_t> values;
  map.ForEachMatch(address, [&](uint32_t value) {
    values.push_back(value);
    return true;
  });
  return values;
}

TEST(PrefixMap, VisitsTheLongestFirst) {
  PrefixMap map;
  map.Add(Net("10.0.0.0/8"), 1);
  map.Add(Net("10.1.0.0/16"), 2);
  map.Add(Net("10.1.2.3"), 3);
  map.Add(Net("0.0.0.0/0"), 4);
  map.Add(Net("10.1.0.0/16"), 5);
  EXPECT_EQ(Matches(map, Ip("10.1.2.3")), (std::vector<uint32_t>{3, 2, 5, 1, 4}));
  EXPECT_EQ(Matches(map, Ip("10.2.0.0")), (std::vector<uint32_t>{1, 4}));
  EXPECT_EQ(Matches(map, Ip("192.0.2.1")), (std::vector<uint32_t>{4}));
  EXPECT_TRUE(Matches(map, Ip("2001:db8::1")).empty());
}

TEST(PrefixMap, EndsWhereTheVisitorSays) {
  PrefixMap map;
  map.Add(Net("10.0.0.0/8"), 1);
  map.Add(Net("10.1.0.0/16"), 2);
  int visits = 0;
  map.ForEachMatch(Ip("10.1.0.1"), [&](uint32_t value) {
    EXPECT_EQ(value, 2u);
    ++visits;
    return false;
  });
  EXPECT_EQ(visits, 1);
}

TEST(PrefixSet, HoldsIpv6AndTheWholeOfIpv6) {
  const PrefixSet set({Net("fd00::/8"), Net("2001:db8:1::/48")});
  EXPECT_TRUE(set.Contains(Ip("fd12::1")));
  EXPECT_TRUE(set.Contains(Ip("2001:db8:1:ffff::1")));
  EXPECT_FALSE(set.Contains(Ip("2001:db8:2::1")));
  EXPECT_FALSE(set.Contains(Ip("10.0.0.1")));
  EXPECT_TRUE(PrefixSet({Net("::/0")}).Contains(Ip("2001:db8::1")));
  EXPECT_FALSE(PrefixSet().Contains(Ip("10.0.0.1")));
}

TEST(PrefixSet, AgreesWithALinearSearch) {
  Random random(7);
  std::vector<net::Prefix> prefixes;
  const auto address = [&] {
    const uint8_t bytes[4] = {10, static_cast<uint8_t>(Pick(random, 0, 3)),
                              static_cast<uint8_t>(Pick(random, 0, 255)),
                              static_cast<uint8_t>(Pick(random, 0, 255))};
    return net::IpAddress::FromV4(bytes);
  };
  for (int i = 0; i < 300; ++i) {
    const int length = static_cast<int>(Pick(random, 118, 128));
    prefixes.push_back({net::Masked(address(), length), static_cast<uint8_t>(length)});
  }
  const PrefixSet set(prefixes);
  int inside = 0;
  for (int i = 0; i < 20'000; ++i) {
    const net::IpAddress a = address();
    const bool expected = std::any_of(prefixes.begin(), prefixes.end(),
                                      [&](const net::Prefix& p) { return p.Contains(a); });
    ASSERT_EQ(set.Contains(a), expected) << net::ToString(a);
    inside += expected;
  }
  EXPECT_GT(inside, 1000);
  EXPECT_LT(inside, 19'000);
}

}  // namespace
}  // namespace mailtap::control

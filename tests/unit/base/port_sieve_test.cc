#include "lib/base/port_sieve.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <set>

namespace mailtap {
namespace {

TEST(PortSieve, HoldsWhatWasAddedAndLittleElse) {
  PortSieve sieve;
  const std::set<uint16_t> ports = {0, 25, 110, 143, 465, 587, 993, 995, 2'525, 65'535};
  for (const uint16_t port : ports) sieve.Add(port);
  int others = 0;
  for (uint32_t port = 0; port < 65'536; ++port) {
    const bool held = sieve.MayHold(static_cast<uint16_t>(port)) != 0;
    if (ports.contains(static_cast<uint16_t>(port))) {
      EXPECT_TRUE(held) << port;
    } else {
      others += held ? 1 : 0;
    }
  }
  EXPECT_LT(others, 10 * 64);  // of each port, those that are alike in 10 of 16 bits
}

TEST(PortSieve, TwoPortsAtOnceAsTheyLieInAPacket) {
  PortSieve sieve;
  for (const uint16_t port : {25, 587, 2'525, 65'535}) sieve.Add(port);
  constexpr uint16_t kOther = 40'000;
  ASSERT_EQ(sieve.MayHold(kOther), 0u);
  for (uint32_t port = 0; port < 65'536; ++port) {
    const uint8_t held = sieve.MayHold(static_cast<uint16_t>(port));
    const uint8_t bytes[] = {uint8_t(port >> 8), uint8_t(port), kOther >> 8, kOther & 0xff};
    uint32_t first, last;
    std::memcpy(&first, bytes, sizeof(first));
    last = std::rotl(first, 16);
    ASSERT_EQ(sieve.MayHoldEither(first), held) << port;
    ASSERT_EQ(sieve.MayHoldEither(last), held) << port;
  }
}

TEST(PortSieve, AnEmptyOneHoldsNothing) {
  const PortSieve sieve;
  for (uint32_t port = 0; port < 65'536; ++port) {
    ASSERT_EQ(sieve.MayHold(static_cast<uint16_t>(port)), 0u) << port;
  }
}

}  // namespace
}  // namespace mailtap

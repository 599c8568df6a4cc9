#include "lib/base/port_sieve.h"

#include <gtest/gtest.h>

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

TEST(PortSieve, AnEmptyOneHoldsNothing) {
  const PortSieve sieve;
  for (uint32_t port = 0; port < 65'536; ++port) {
    ASSERT_EQ(sieve.MayHold(static_cast<uint16_t>(port)), 0u) << port;
  }
}

}  // namespace
}  // namespace mailtap

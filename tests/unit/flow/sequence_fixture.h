// What the tests of sequence accounting share.
#ifndef MAILTAP_TESTS_UNIT_FLOW_SEQUENCE_FIXTURE_H_
#define MAILTAP_TESTS_UNIT_FLOW_SEQUENCE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/unit/flow/direction.h"

namespace mailtap::flow {

// Every test runs where nothing is special, and where the numbers wrap at 2^32 or change sign.
inline const auto kFirstNumbers =
    testing::Values(1'000u, 0xffffffffu - 100u, 0xffffffffu, 0u, 0x7fffffffu - 100u);

// A direction whose first payload byte, as its handshake said, has number kFirst.
class SequenceTest : public testing::TestWithParam<uint32_t> {
 protected:
  SequenceTest() { d.Synchronize(kFirst); }

  void Expect(uint32_t observed, uint32_t inferred, uint32_t repeated) {
    EXPECT_EQ(d.observed(), observed);
    EXPECT_EQ(d.inferred(), inferred);
    EXPECT_EQ(d.repeated(), repeated);
    EXPECT_TRUE(d.HolesAreInOrder());
  }

  const uint32_t kFirst = GetParam();
  Direction d;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_TESTS_UNIT_FLOW_SEQUENCE_FIXTURE_H_

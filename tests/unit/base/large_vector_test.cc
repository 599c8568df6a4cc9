#include "lib/base/large_vector.h"

#include <gtest/gtest.h>

namespace mailtap {
namespace {

struct alignas(kCacheLine) Line {
  uint64_t value = 7;
};

TEST(LargeVector, HoldsWhatAVectorHoldsOnWholeLines) {
  LargeVector<Line> small(3);
  LargeVector<Line> large(1 << 17);  // 8 MB: in huge pages, where there are any
  for (const LargeVector<Line>* lines : {&small, &large}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(lines->data()) % kCacheLine, 0u);
    EXPECT_EQ(lines->back().value, 7u);
  }
  large.resize(1 << 18);
  large.back().value = 8;
  EXPECT_EQ(large.front().value, 7u);
}

TEST(LargeVector, MapsFindWhatTheyWereGiven) {
  LargeMap<uint64_t, uint32_t> map;
  constexpr uint32_t kEntries = 1 << 19;
  for (uint32_t i = 0; i < kEntries; ++i) map[uint64_t{i} << 7] = i;
  ASSERT_EQ(map.size(), kEntries);
  for (uint32_t i = 0; i < kEntries; ++i) ASSERT_EQ(map.at(uint64_t{i} << 7), i);
}

}  // namespace
}  // namespace mailtap

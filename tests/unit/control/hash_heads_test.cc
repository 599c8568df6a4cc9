#include "lib/control/hash_heads.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace mailtap::control {
namespace {

// Crowded hashes, so that entries stand far from home and around the table's end.
TEST(HashHeads, IsAMap) {
  std::mt19937 random(7);
  for (const uint32_t spread : {1u, 0x100000u}) {
    HashHeads heads;
    std::map<uint32_t, uint32_t> expected;
    for (uint32_t i = 0; i < 50'000; ++i) {
      const uint32_t hash = 0u - 150 + random() % 300 * spread;
      const auto known = expected.find(hash);
      const bool there = known != expected.end();
      ASSERT_EQ(heads.Find(hash), there ? known->second : kNone);
      if (random() % 2 == 0) {
        ASSERT_EQ(heads.Set(hash, i), there ? known->second : kNone);
        expected[hash] = i;
      } else {
        heads.Erase(hash);
        expected.erase(hash);
      }
    }
    for (const auto& [hash, id] : expected) EXPECT_EQ(heads.Find(hash), id);
  }
}

TEST(HashHeads, GrowsWithoutLosingAnything) {
  HashHeads heads;
  constexpr uint32_t kCount = 100'000, kStride = 2'654'435'761;
  for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(heads.Set(i * kStride, i), kNone);
  for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(heads.Find(i * kStride), i);
  EXPECT_EQ(heads.Find(kCount * kStride), kNone);
}

}  // namespace
}  // namespace mailtap::control

#include "lib/base/pool.h"

#include <gtest/gtest.h>

namespace mailtap {
namespace {

struct alignas(kCacheLine) Element {
  uint32_t next;
  uint32_t value;
};
using ElementPool = Pool<Element, &Element::next>;

TEST(ZeroedArray, IsZeroAndAlignedWhateverItsSize) {
  for (const std::size_t size : {1u, 1'000u, 200'000u}) {
    ZeroedArray<Element> array(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data()) % kCacheLine, 0u);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(array[i].value, 0u);
    array[size - 1].value = 1;
  }
}

TEST(Pool, GivesEachElementOnceUntilItComesBack) {
  ElementPool pool(3);
  EXPECT_EQ(pool.touched(), 0u);
  EXPECT_EQ(pool.Take(), 0u);
  EXPECT_EQ(pool.Take(), 1u);
  EXPECT_EQ(pool.touched(), 2u);
  EXPECT_EQ(pool.Take(), 2u);
  EXPECT_EQ(pool.Take(), ElementPool::kNone);
  EXPECT_EQ(pool.used(), pool.capacity());
  pool.Give(1);
  pool.Give(0);
  EXPECT_EQ(pool.used(), 1u);
  EXPECT_EQ(pool.Take(), 0u);
  EXPECT_EQ(pool.Take(), 1u);
  EXPECT_EQ(pool.Take(), ElementPool::kNone);
  EXPECT_EQ(pool.touched(), 3u);
}

TEST(Pool, PrefersWhatCameBackToWhatWasNeverTaken) {
  ElementPool pool(8);
  const uint32_t first = pool.Take();
  pool[first].value = 7;
  pool.Give(first);
  EXPECT_EQ(pool.Take(), first);
  EXPECT_EQ(pool[first].value, 7u);
  EXPECT_EQ(pool.touched(), 1u);
}

}  // namespace
}  // namespace mailtap

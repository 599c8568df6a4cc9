#include "lib/base/counter.h"

#include <gtest/gtest.h>

#include <thread>

namespace mailtap {
namespace {

TEST(SingleWriterCounterTest, AddsAndSets) {
  SingleWriterCounter counter;
  EXPECT_EQ(counter.value(), 0u);
  counter.Add(5);
  counter.Add(7);
  EXPECT_EQ(counter.value(), 12u);
  counter.Set(3);
  EXPECT_EQ(counter.value(), 3u);
}

// ThreadSanitizer watches this one: a reader beside the writer is no race, and what it sees
// never goes back.
TEST(SingleWriterCounterTest, AReaderSeesItGrow) {
  constexpr uint64_t kAdds = 100'000;
  SingleWriterCounter counter;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kAdds; ++i) counter.Add(1);
  });
  uint64_t last = 0;
  while (last < kAdds) {
    const uint64_t now = counter.value();
    ASSERT_GE(now, last);
    last = now;
  }
  writer.join();
  EXPECT_EQ(counter.value(), kAdds);
}

}  // namespace
}  // namespace mailtap

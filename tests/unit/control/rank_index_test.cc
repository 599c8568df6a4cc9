#include "lib/control/rank_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/control/scenario.h"

namespace mailtap::control {
namespace {

// Equal scores go by a number that has nothing to do with the id.
bool Before(uint32_t a, uint32_t b) {
  return a * 2'654'435'761u != b * 2'654'435'761u ? a * 2'654'435'761u < b * 2'654'435'761u
                                                  : a < b;
}

std::vector<uint32_t> Sorted(const std::vector<uint64_t>& scores, std::size_t k) {
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < scores.size(); ++id) {
    if (scores[id] > 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : Before(a, b);
  });
  if (ids.size() > k) ids.resize(k);
  return ids;
}

TEST(RankIndex, OfNothingIsEmpty) {
  RankIndex<uint64_t> index;
  EXPECT_TRUE(index.Top(5, Before).empty());
  index.Set(3, 7, Before);
  EXPECT_TRUE(index.Top(0, Before).empty());
  EXPECT_EQ(index.Top(5, Before), std::vector<uint32_t>{3});
  index.Set(3, 0, Before);
  EXPECT_TRUE(index.Top(5, Before).empty());
}

// `spread`: how many different scores there are; few mean many ties.
void CompareWithSort(uint32_t ids, int64_t spread, uint64_t seed) {
  Random random(seed);
  RankIndex<uint64_t> index;
  std::vector<uint64_t> scores(ids);
  for (int step = 0; step < 400; ++step) {
    for (int64_t changes = Pick(random, 0, 60); changes > 0; --changes) {
      const auto id = static_cast<uint32_t>(Pick(random, 0, ids - 1));
      scores[id] = static_cast<uint64_t>(Pick(random, 0, spread));
      index.Set(id, scores[id], Before);
    }
    const auto k = static_cast<std::size_t>(Pick(random, 1, 40));
    ASSERT_EQ(index.Top(k, Before), Sorted(scores, k)) << step;
  }
}

TEST(RankIndex, AgreesWithASort) {
  CompareWithSort(300, 1'000'000, 1);    // one block
  CompareWithSort(3'000, 1'000'000, 2);  // fewer blocks than places
  CompareWithSort(60'000, 1'000'000, 3);
}

TEST(RankIndex, AgreesWithASortWhereMostAreEqual) {
  CompareWithSort(3'000, 2, 4);
  CompareWithSort(60'000, 1, 5);
}

}  // namespace
}  // namespace mailtap::control

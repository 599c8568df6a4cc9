#include "lib/flow/copy_table.h"

#include <gtest/gtest.h>

namespace mailtap::flow {
namespace {

constexpr uint64_t kAddresses = 0x1234;

uint64_t Place(uint64_t flow, uint16_t sender, uint32_t seq, uint32_t length) {
  return CopyTable::PlaceOf(kAddresses, flow, sender, seq, length);
}

TEST(CopyTable, ACopyHasThePlaceAndTheMarkOfTheLastPacket) {
  CopyTable table;
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 77));
  EXPECT_TRUE(table.Seen(Place(1, 0, 1'000, 500), 77));
  EXPECT_TRUE(table.Seen(Place(1, 0, 1'000, 500), 77));
}

TEST(CopyTable, ARetransmissionHasAnotherMark) {
  CopyTable table;
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 77));
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 78));
  EXPECT_TRUE(table.Seen(Place(1, 0, 1'000, 500), 78));
}

TEST(CopyTable, WithoutAMarkNothingIsACopy) {
  CopyTable table;
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 0));
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 0));
}

TEST(CopyTable, EveryPartOfThePlaceCounts) {
  CopyTable table;
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 77));
  EXPECT_FALSE(table.Seen(Place(2, 0, 1'000, 500), 77));
  EXPECT_FALSE(table.Seen(Place(1, 1, 1'000, 500), 77));
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'001, 500), 77));
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 501), 77));
  EXPECT_TRUE(table.Seen(Place(1, 0, 1'000, 500), 77));
}

// The last few of a set are remembered, whatever came before; a place that is taken by another
// packet is forgotten, never mistaken.
TEST(CopyTable, TheOldestGiveWay) {
  CopyTable table;
  constexpr uint32_t kMany = 100'000;
  uint32_t remembered = 0;
  for (uint32_t i = 0; i < kMany; ++i) {
    EXPECT_FALSE(table.Seen(Place(i, 0, i, 100), 5));
    // Some sets of those for these addresses may have been full of newer ones.
    if (i >= 100) remembered += table.Seen(Place(i - 100, 0, i - 100, 100), 5);
  }
  EXPECT_GT(remembered, kMany / 100 * 99);
  EXPECT_LT(remembered, kMany);
}

// Only packets whose addresses are spread to the same worker displace each other.
TEST(CopyTable, OthersDisplaceNothing) {
  CopyTable table;
  const auto of_others = [](uint32_t i) {
    return CopyTable::PlaceOf(kAddresses + 1 + i % 255, i, 0, i, 100);
  };
  EXPECT_FALSE(table.Seen(Place(1, 0, 1'000, 500), 77));
  for (uint32_t i = 0; i < 1'000'000; ++i) table.Seen(of_others(i), 5);
  EXPECT_TRUE(table.Seen(Place(1, 0, 1'000, 500), 77));
}

}  // namespace
}  // namespace mailtap::flow

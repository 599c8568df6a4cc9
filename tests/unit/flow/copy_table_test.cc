#include "lib/flow/copy_table.h"

#include <gtest/gtest.h>

namespace mailtap::flow {
namespace {

uint64_t Place(uint64_t flow, uint16_t sender, uint32_t seq, uint32_t length) {
  return CopyTable::PlaceOf(flow, sender, seq, length);
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

// A place taken by another packet is forgotten, never mistaken.
TEST(CopyTable, MoreThanThereIsRoomForAreForgotten) {
  CopyTable table;
  const uint32_t many = 8 * CopyTable::kEntries;
  for (uint32_t i = 0; i < many; ++i) EXPECT_FALSE(table.Seen(Place(i, 0, i, 100), 5));
  uint32_t remembered = 0;
  for (uint32_t i = 0; i < many; ++i) remembered += table.Seen(Place(i, 0, i, 100), 5);
  EXPECT_LE(remembered, CopyTable::kEntries);
}

}  // namespace
}  // namespace mailtap::flow

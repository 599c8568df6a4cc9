// The small tables: handshakes, suspicion, and the pool of holes.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "lib/flow/handshake_table.h"
#include "lib/flow/hole_pool.h"
#include "lib/flow/suspicion.h"
#include "lib/flow/unheard.h"

namespace mailtap::flow {
namespace {

TEST(HandshakeTable, KeepsTheNewestOfASlot) {
  HandshakeTable table(1'000);
  const uint32_t slot = table.SlotOf(7, 0xabc00);
  EXPECT_LT(slot, 1'024u);
  EXPECT_EQ(table.Find(slot, 0xabc00), nullptr);
  Handshake& entry = table.FindOrTake(slot, 0xabc00);
  EXPECT_EQ(entry.time, INT64_MAX) << "seen at no time yet";
  entry.client_isn = 5;
  entry.time = 0;
  EXPECT_EQ(table.FindOrTake(slot, 0xabc00).client_isn, 5u) << "its own is found again";
  ASSERT_NE(table.Find(slot, 0xabc00), nullptr);
  EXPECT_EQ(table.Find(slot, 0xabc00)->client_isn, 5u);
  EXPECT_EQ(table.Find(slot, 0xdef00), nullptr) << "the slot is another flow's";
  EXPECT_EQ(table.FindOrTake(slot, 0xdef00).client_isn, 0u) << "as new";
  EXPECT_EQ(table.Find(slot, 0xabc00), nullptr);
  table.Erase(table.Find(slot, 0xdef00));
  EXPECT_EQ(table.Find(slot, 0xdef00), nullptr);
}

// So that which flow keeps a slot does not depend on the number of workers.
TEST(HandshakeTable, FlowsThatShareASlotShareAWorker) {
  std::mt19937_64 random(1);
  const HandshakeTable table(4'096);
  std::vector<int> owner(4'096, -1);
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t address_hash = random();
    const int worker = static_cast<int>(address_hash & 0xff);
    int& known = owner[table.SlotOf(address_hash, random())];
    ASSERT_TRUE(known == -1 || known == worker);
    known = worker;
  }
}

TEST(SuspicionArray, CountsUpAndDown) {
  SuspicionArray array;
  EXPECT_FALSE(array.Test(5));
  array.Raise(5);
  array.Raise(5);  // by another session
  array.Lower(5);
  EXPECT_TRUE(array.Test(5));
  EXPECT_FALSE(array.Test(6));
  array.Lower(5);
  EXPECT_FALSE(array.Test(5));
}

TEST(SuspicionArray, WhatIsHeldIsRaisedUntilItIsReleased) {
  SuspicionArray array;
  array.Hold(5);
  array.Hold(5);
  EXPECT_TRUE(array.Test(5));
  array.Release(5);
  array.Release(5);
  EXPECT_FALSE(array.Test(5));
  array.Hold(5);
  array.Raise(5);  // a session came of it
  array.Release(5);
  EXPECT_TRUE(array.Test(5));
  array.Lower(5);
  EXPECT_FALSE(array.Test(5));
}

TEST(UnheardTable, KeepsTheCounterOfEachConnectionRaised) {
  SuspicionArray array;
  UnheardTable table(array);
  table.Add(7, 0xa, 5, 100);
  EXPECT_TRUE(array.Test(5));
  EXPECT_TRUE(table.Contains(7, 0xa));
  EXPECT_FALSE(table.Contains(7, 0xb));
  EXPECT_FALSE(table.Take(7, 0xb));
  EXPECT_TRUE(table.Take(7, 0xa));
  EXPECT_FALSE(array.Test(5));
  EXPECT_FALSE(table.Take(7, 0xa)) << "only once";
}

TEST(UnheardTable, ANewerConnectionTakesAnOlderOnesPlace) {
  SuspicionArray array;
  UnheardTable table(array);
  table.Add(7, 0xa, 5, 100);
  table.Add(7 + UnheardTable::kSize, 0xb, 6, 200);
  EXPECT_FALSE(array.Test(5));
  EXPECT_TRUE(array.Test(6));
  EXPECT_FALSE(table.Contains(7, 0xa));
}

TEST(UnheardTable, LetsTheSilentGo) {
  SuspicionArray array;
  UnheardTable table(array);
  table.Add(7, 0xa, 5, 100);
  table.Add(8, 0xb, 6, 200);
  table.Expire(100 + UnheardTable::kPatience);
  EXPECT_FALSE(array.Test(5));
  EXPECT_TRUE(array.Test(6));
}

TEST(SuspicionArray, CountsAnyNumberOfSessions) {
  SuspicionArray array;
  constexpr int kSessions = 70'000;
  for (int i = 0; i < kSessions; ++i) array.Raise(9);
  for (int i = 1; i < kSessions; ++i) array.Lower(9);
  EXPECT_TRUE(array.Test(9));
  array.Lower(9);
  EXPECT_FALSE(array.Test(9));
}

std::vector<uint32_t> Ages(const HolePool& pool) {
  std::vector<uint32_t> indexes;
  for (uint32_t i = pool.oldest(); i != kNone; i = pool[i].age_next) indexes.push_back(i);
  return indexes;
}

TEST(HolePool, GivesOutEveryNodeOnceAndTakesThemBack) {
  HolePool pool(3);
  const uint32_t a = pool.Allocate(1, 0, 10 * kNanosPerSecond);
  const uint32_t b = pool.Allocate(2, 1, 20 * kNanosPerSecond);
  const uint32_t c = pool.Allocate(3, 0, 30 * kNanosPerSecond);
  EXPECT_EQ(Ages(pool), (std::vector<uint32_t>{a, b, c}));
  EXPECT_EQ(pool.Allocate(4, 0, 40 * kNanosPerSecond), kNone);
  EXPECT_EQ(pool.AllocateTwin(a), kNone);
  EXPECT_EQ(pool.used(), 3u);
  pool.Free(b);
  EXPECT_EQ(Ages(pool), (std::vector<uint32_t>{a, c}));
  const uint32_t twin = pool.AllocateTwin(a);
  EXPECT_EQ(pool[twin].owner, 1u);
  EXPECT_EQ(pool[twin].created, 10 * kNanosPerSecond);
  EXPECT_EQ(Ages(pool), (std::vector<uint32_t>{a, twin, c}));
  for (const uint32_t i : {c, a, twin}) pool.Free(i);
  EXPECT_EQ(pool.oldest(), kNone);
  EXPECT_EQ(pool.used(), 0u);
}

// Whatever order stamps come in, the holes of the oldest tick are the first to fall due.
TEST(HolePool, TicksStayInOrder) {
  std::mt19937 random(2);
  HolePool pool(64);
  std::vector<uint32_t> held;
  for (int round = 0; round < 20'000; ++round) {
    const uint32_t dice = random() % 100;
    if (dice < 55) {
      const uint32_t i =
          held.empty() || dice < 40
              ? pool.Allocate(
                    0, 0,
                    (50 + round / 1'000 + random() % 30) * kNanosPerSecond + random() % 1'000)
              : pool.AllocateTwin(held[random() % held.size()]);
      ASSERT_EQ(i == kNone, held.size() == pool.capacity());
      if (i != kNone) held.push_back(i);
    } else if (!held.empty()) {
      const std::size_t at = random() % held.size();
      pool.Free(held[at]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const std::vector<uint32_t> ages = Ages(pool);
    ASSERT_EQ(ages.size(), held.size());
    ASSERT_EQ(pool.used(), held.size());
    ASSERT_TRUE(std::is_sorted(ages.begin(), ages.end(), [&](uint32_t a, uint32_t b) {
      return TickOf(pool[a].created) < TickOf(pool[b].created);
    }));
  }
}

// Those of one tick stay in the order that they came in, so that a session's are settled alike
// whatever others there are.
TEST(HolePool, OfOneTickTheFirstFoundIsTheFirst) {
  HolePool pool(8);
  const uint32_t later = pool.Allocate(0, 0, 3 * kNanosPerSecond);
  const uint32_t first = pool.Allocate(0, 0, 2 * kNanosPerSecond + 9);
  const uint32_t second = pool.Allocate(0, 0, 2 * kNanosPerSecond);
  const uint32_t third = pool.Allocate(0, 0, 2 * kNanosPerSecond + 5);
  EXPECT_EQ(Ages(pool), (std::vector<uint32_t>{first, second, third, later}));
  pool.Free(third);
  const uint32_t fourth = pool.Allocate(0, 0, 2 * kNanosPerSecond + 1);
  EXPECT_EQ(Ages(pool), (std::vector<uint32_t>{first, second, fourth, later}));
  const uint32_t twin = pool.AllocateTwin(fourth);
  const uint32_t fifth = pool.Allocate(0, 0, 2 * kNanosPerSecond + 1);
  EXPECT_EQ(Ages(pool), (std::vector<uint32_t>{first, second, fourth, twin, fifth, later}));
}

}  // namespace
}  // namespace mailtap::flow

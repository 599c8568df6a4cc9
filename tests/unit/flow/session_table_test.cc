#include "lib/flow/session_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

#include "lib/net/hash.h"

namespace mailtap::flow {
namespace {

// Few addresses and ports, so that keys share some of what they are made of.
SessionKey Key(uint32_t n) {
  SessionKey key;
  const uint8_t client[4] = {10, 0, 0, static_cast<uint8_t>(n & 15)};
  const uint8_t server[4] = {192, 0, 2, static_cast<uint8_t>(n >> 4 & 3)};
  key.source = net::IpAddress::FromV4(client);
  key.destination = net::IpAddress::FromV4(server);
  if ((n >> 6 & 1) != 0) key.source.bytes[0] = key.destination.bytes[0] = 0x20;  // IPv6
  key.source_port = static_cast<uint16_t>(40'000 + (n >> 7));
  key.destination_port = 25;
  return key;
}

SessionKey Answer(const SessionKey& key) {
  return {.source = key.destination,
          .destination = key.source,
          .source_port = key.destination_port,
          .destination_port = key.source_port,
          .encap_tag = key.encap_tag};
}

uint64_t Hash(const SessionKey& key) {
  return net::FlowHash(net::AddressHash(key.source, key.destination),
                       net::PortPair(key.source_port, key.destination_port));
}

TEST(SessionTable, BothDirectionsFindTheSameSession) {
  SessionTable table(100);
  const SessionKey key = Key(1);
  const uint32_t slot = table.Insert(key, Hash(key), 5);
  End end = 1;
  EXPECT_EQ(table.Find(key, Hash(key), end), slot);
  EXPECT_EQ(end, 0);
  EXPECT_EQ(table.Find(Answer(key), Hash(Answer(key)), end), slot);
  EXPECT_EQ(end, 1);
  EXPECT_EQ(table.cold(table.hot(slot)).first_seen, 5);
  EXPECT_EQ(SessionTable::HashOf(table.hot(slot)), Hash(key));
}

TEST(SessionTable, EveryPartOfTheKeyTellsSessionsApart) {
  SessionTable table(100);
  const SessionKey key = Key(1);
  table.Insert(key, 77, 0);
  std::vector<SessionKey> others(5, key);
  others[0].source.bytes[15] ^= 1;
  others[1].destination.bytes[15] ^= 1;
  ++others[2].source_port;
  ++others[3].destination_port;
  others[4].encap_tag = 9;
  End end = 0;
  for (const SessionKey& other : others) EXPECT_EQ(table.Find(other, 77, end), kNone);
  SessionKey swapped = key;
  std::swap(swapped.source_port, swapped.destination_port);
  EXPECT_EQ(table.Find(swapped, 77, end), kNone);
}

TEST(SessionTable, AFullTableRefusesAndGoesOn) {
  SessionTable table(64);
  for (uint32_t n = 0; n < 64; ++n) ASSERT_NE(table.Insert(Key(n), Hash(Key(n)), 0), kNone);
  EXPECT_EQ(table.size(), table.capacity());
  EXPECT_EQ(table.Insert(Key(64), Hash(Key(64)), 0), kNone);
  End end = 0;
  EXPECT_EQ(table.Find(Key(64), Hash(Key(64)), end), kNone);
  table.Remove(table.Find(Key(3), Hash(Key(3)), end));
  EXPECT_NE(table.Insert(Key(64), Hash(Key(64)), 0), kNone);
  EXPECT_NE(table.Find(Key(64), Hash(Key(64)), end), kNone);
}

TEST(SessionTable, ANewSessionIsBlank) {
  SessionTable table(8);
  uint32_t slot = table.Insert(Key(1), 5, 1);
  table.hot(slot).state.fin = 3;
  table.cold(table.hot(slot)).pending_observed[1] = 9;
  table.Remove(slot);
  slot = table.Insert(Key(1), 5, 2);
  EXPECT_EQ(table.hot(slot).state.fin, 0u);
  const ColdSession& cold = table.cold(table.hot(slot));
  EXPECT_EQ(cold.pending_observed[1], 0u);
  EXPECT_EQ(cold.last_seen, 2);
  EXPECT_EQ(cold.dialogue, kNotBegun);
  EXPECT_FALSE(cold.has_dialogue());
  for (const uint32_t index : {cold.holes[0], cold.holes[1], cold.conversation, cold.name,
                               cold.timer_next, cold.timer_prev}) {
    EXPECT_EQ(index, kNone);
  }
}

// Random insertions, look-ups and removals against std::map, up to a full table. Tables this
// small and full have chains that run over the array's end.
class SessionTableModel {
 public:
  SessionTableModel(uint32_t capacity, uint32_t keys, uint32_t seed)
      : table_(capacity), random_(seed), keys_(keys) {}

  void Run(int rounds, int percent_insert) {
    for (int i = 0; i < rounds; ++i) {
      const uint32_t n = static_cast<uint32_t>(random_()) % keys_;
      const SessionKey key = random_() % 2 == 0 ? Key(n) : Answer(Key(n));
      if (static_cast<int>(random_() % 100) < percent_insert) {
        Insert(n, key);
      } else {
        Remove(n, key);
      }
      if (i % 64 == 0) CheckAll();
    }
    CheckAll();
  }
  uint32_t size() const { return table_.size(); }

 private:
  void Insert(uint32_t n, const SessionKey& key) {
    if (model_.count(n) != 0) return;
    const uint32_t slot = table_.Insert(key, Hash(key), n);
    ASSERT_EQ(slot == kNone, model_.size() == table_.capacity());
    if (slot != kNone) model_[n] = {table_.hot(slot).cold, key.source_port};
  }
  void Remove(uint32_t n, const SessionKey& key) {
    End end = 0;
    const uint32_t slot = table_.Find(key, Hash(key), end);
    ASSERT_EQ(slot != kNone, model_.count(n) != 0);
    if (slot == kNone) return;
    table_.Remove(slot);
    model_.erase(n);
  }
  void CheckAll() {
    ASSERT_EQ(table_.size(), model_.size());
    for (uint32_t n = 0; n < keys_; ++n) {
      End end = 0;
      const uint32_t slot = table_.Find(Key(n), Hash(Key(n)), end);
      const auto known = model_.find(n);
      ASSERT_EQ(slot != kNone, known != model_.end()) << n;
      if (slot == kNone) continue;
      const auto [cold, first_port] = known->second;
      ASSERT_EQ(table_.hot(slot).cold, cold) << "a session keeps its cold record";
      ASSERT_EQ(&table_.hot_of(cold), &table_.hot(slot));
      ASSERT_EQ(table_.cold_at(cold).first_seen, n);
      ASSERT_EQ(end, first_port == Key(n).source_port ? 0 : 1);
    }
  }

  SessionTable table_;
  std::mt19937 random_;
  const uint32_t keys_;
  std::map<uint32_t, std::pair<uint32_t, uint16_t>> model_;  // cold record, its first port
};

TEST(SessionTable, AgreesWithAMapAtEveryLoad) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SessionTableModel small(12, 40, seed);  // 16 slots: every chain wraps now and then
    small.Run(2'000, 60);
    SessionTableModel large(400, 900, seed);  // 512 slots, 78 % full
    large.Run(3'000, 80);
    EXPECT_GT(large.size(), 300u);
    large.Run(3'000, 20);
  }
}

}  // namespace
}  // namespace mailtap::flow

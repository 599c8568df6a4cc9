// The tables under the windows: numbers that are used again, chains, and reference counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "lib/control/conversation_table.h"
#include "lib/control/evidence_log.h"
#include "lib/control/peer_table.h"
#include "lib/control/stable_hash.h"
#include "lib/control/window_shape.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

meter::ConversationKey Key(uint16_t port) {
  return Delta("10.1.0.1", "198.51.100.1", 0, 0, 0, port).key;
}

TEST(ConversationTable, TellsEqualHashesApart) {
  ConversationTable table;
  Random random(5);
  std::map<uint16_t, uint32_t> known;
  const auto hash_of = [](uint16_t port) -> uint64_t { return port % 3; };
  for (int step = 0; step < 5000; ++step) {
    const auto port = static_cast<uint16_t>(Pick(random, 0, 40));
    const uint32_t found = table.Find(hash_of(port), Key(port));
    const auto expected = known.find(port);
    ASSERT_EQ(found, expected == known.end() ? kNone : expected->second);
    if (found == kNone) {
      known[port] = table.Add(hash_of(port), Key(port));
      EXPECT_EQ(table.at(known[port]).key, Key(port));
    } else if (Pick(random, 0, 1) == 0) {
      table.Remove(hash_of(port), found);
      known.erase(port);
    }
    ASSERT_EQ(table.size(), known.size());
  }
}

TEST(ConversationTable, HashesEveryFieldOfTheKey) {
  const meter::ConversationKey key = Key(25);
  std::vector<meter::ConversationKey> others(7, key);
  others[0].client = Ip("10.1.0.2");
  others[1].server = Ip("198.51.100.2");
  others[2].encap_tag = 1;
  others[3].server_port = 26;
  others[4].service = Service::kImap;
  others[5].attribution = meter::Attribution::kNone;
  others[6].tls = Tls::kImplicit;
  EXPECT_EQ(ConversationTable::HashOf(key), ConversationTable::HashOf(Key(25)));
  for (const meter::ConversationKey& other : others) {
    EXPECT_NE(ConversationTable::HashOf(key), ConversationTable::HashOf(other));
  }
}

std::vector<uint32_t> Listed(const ConversationTable& table, uint32_t head, Role role) {
  std::vector<uint32_t> ids;
  for (uint32_t id = head; id != kNone; id = table.Next(id, role)) ids.push_back(id);
  return ids;
}

TEST(ConversationTable, KeepsListsPerEnd) {
  ConversationTable table;
  uint32_t clients = kNone, servers = kNone;
  std::vector<uint32_t> ids;
  for (uint16_t port = 0; port < 4; ++port) {
    ids.push_back(table.Add(port, Key(port)));
    table.Link(ids.back(), Role::kClient, clients);
    if (port % 2 == 0) table.Link(ids.back(), Role::kServer, servers);
  }
  EXPECT_EQ(Listed(table, clients, Role::kClient),
            (std::vector<uint32_t>{ids[3], ids[2], ids[1], ids[0]}));
  EXPECT_EQ(Listed(table, servers, Role::kServer), (std::vector<uint32_t>{ids[2], ids[0]}));
  table.Unlink(ids[3], Role::kClient, clients);  // the first
  table.Unlink(ids[1], Role::kClient, clients);  // one between
  EXPECT_EQ(Listed(table, clients, Role::kClient), (std::vector<uint32_t>{ids[2], ids[0]}));
  table.Unlink(ids[0], Role::kClient, clients);  // the last
  table.Unlink(ids[2], Role::kClient, clients);  // the only one
  EXPECT_EQ(clients, kNone);
  EXPECT_EQ(Listed(table, servers, Role::kServer), (std::vector<uint32_t>{ids[2], ids[0]}));
}

TEST(ConversationTable, GivesUpTheLongestIdleFirst) {
  ConversationTable table;
  for (uint16_t port : {5, 3, 4, 1, 2}) {
    const uint32_t id = table.Add(port, Key(port));
    table.at(id).last_tick = port == 2 ? 1 : 7;
  }
  std::vector<uint16_t> ports;
  for (const uint32_t id : table.LongestIdle(3)) ports.push_back(table.at(id).key.server_port);
  std::sort(ports.begin(), ports.end());
  EXPECT_EQ(ports, (std::vector<uint16_t>{1, 2, 3}));  // the idle one, then the smallest keys
  EXPECT_EQ(table.LongestIdle(9).size(), 5u);
}

TEST(PeerTable, FreesAPeerWhenNothingRefersToIt) {
  PeerTable table(2);
  const uint32_t peer = table.Acquire(1, Role::kClient, Ip("198.51.100.1"));
  EXPECT_EQ(table.Acquire(1, Role::kClient, Ip("198.51.100.1")), peer);
  EXPECT_NE(table.Acquire(1, Role::kServer, Ip("198.51.100.1")), peer);
  EXPECT_NE(table.Acquire(2, Role::kClient, Ip("198.51.100.1")), peer);
  EXPECT_EQ(table.size(), 3u);
  table.AddRow(peer);
  table.LastBucket(peer, 1) = 42;
  table.Release(peer);
  table.Release(peer);
  EXPECT_EQ(table.size(), 3u) << "a window still counts it";
  EXPECT_EQ(table.LastBucket(peer, 0), PeerTable::kNever);
  EXPECT_EQ(table.LastBucket(peer, 1), 42);
  table.LastBucket(peer, 1) = PeerTable::kNever;
  table.RemoveRow(peer);
  EXPECT_EQ(table.size(), 2u);
  const uint32_t other = table.Acquire(9, Role::kClient, Ip("198.51.100.9"));
  EXPECT_EQ(other, peer) << "its number is free again";
  EXPECT_EQ(table.LastBucket(other, 1), PeerTable::kNever);
}

TEST(EvidenceLog, ChainsTheRowsOfAConversation) {
  EvidenceLog log({.window_seconds = 100, .width = 10});
  const auto add = [&](uint32_t conversation, int64_t tick, uint64_t bytes) {
    TickRow row{.conversation = conversation};
    row.bytes[kUp] = bytes;
    log.Add(row, tick);
  };
  const auto up = [&](uint32_t conversation, int64_t window, int64_t tick) {
    std::vector<uint64_t> bytes;
    log.ForEach(conversation, window, tick,
                [&](const TickRow& row, int64_t) { bytes.push_back(row.bytes[kUp]); });
    return bytes;
  };
  using Bytes = std::vector<uint64_t>;
  add(7, 1000, 1);
  add(7, 1009, 2);  // the same bucket
  add(3, 1010, 4);
  add(7, 1025, 8);
  EXPECT_EQ(up(7, 100, 1025), (Bytes{8, 3}));
  EXPECT_EQ(up(3, 100, 1025), (Bytes{4}));
  EXPECT_TRUE(up(4, 100, 1025).empty());
  EXPECT_TRUE(up(4'000'000, 100, 1025).empty());
  EXPECT_EQ(up(7, 16, 1024), (Bytes{8, 3}));  // 1000..1010 ends after 1025 - 16
  EXPECT_EQ(up(7, 16, 1025), (Bytes{8}));
  EXPECT_EQ(log.rows(), 3u);
  log.Expire(1109);  // 1000..1010 leaves at second 1110
  EXPECT_EQ(log.rows(), 2u);
  EXPECT_EQ(up(7, 100, 1109), (Bytes{8}));
  log.Forget(7);
  EXPECT_TRUE(up(7, 100, 1109).empty());
  log.Expire(1'000'000);
  EXPECT_EQ(log.rows(), 0u);
  add(7, 1'000'000, 16);
  EXPECT_EQ(up(7, 100, 1'000'000), (Bytes{16}));
}

TEST(EvidenceLog, AddsUpWhatABucketBrings) {
  EvidenceLog log({.window_seconds = 100, .width = 10});
  TickRow row{.conversation = 7, .sessions = 1, .messages = 2, .seen = 1u << kUp};
  row.bytes[kUp] = 10;
  row.inferred = 3;
  row.repeated = 4;
  row.duplicate = 2;
  row.first_seen = 500;
  log.Add(row, 1000);
  row.bytes[kDown] = 20;
  row.seen = 1u << kDown;
  row.first_seen = 400;  // a delta that a full ring held back
  log.Add(row, 1001);
  row.first_seen = 600;
  log.Add(row, 1002);
  int rows = 0;
  log.ForEach(7, 100, 1002, [&](const TickRow& sum, int64_t) {
    ++rows;
    EXPECT_EQ(sum.bytes[kUp], 30u);
    EXPECT_EQ(sum.bytes[kDown], 40u);
    EXPECT_EQ(sum.inferred, 9u);
    EXPECT_EQ(sum.repeated, 12u);
    EXPECT_EQ(sum.duplicate, 6u);
    EXPECT_EQ(sum.sessions, 3u);
    EXPECT_EQ(sum.messages, 6u);
    EXPECT_EQ(sum.seen, 1u << kUp | 1u << kDown);
    EXPECT_EQ(sum.first_seen, 400);
  });
  EXPECT_EQ(rows, 1);
}

TEST(EvidenceLog, GrowsOverManyBlocksAndShrinksAgain) {
  EvidenceLog log({.window_seconds = 10, .width = 1});
  for (int64_t tick = 0; tick < 30; ++tick) {
    for (uint32_t conversation = 0; conversation < 3000; ++conversation) {
      TickRow row{.conversation = conversation};
      row.bytes[kUp] = static_cast<uint64_t>(tick);
      log.Add(row, tick);
    }
    log.Expire(tick);
    EXPECT_LE(log.rows(), 11u * 3000);
  }
  uint64_t sum = 0;
  log.ForEach(2999, 10, 29, [&](const TickRow& row, int64_t) { sum += row.bytes[kUp]; });
  EXPECT_EQ(sum, 20u + 21 + 22 + 23 + 24 + 25 + 26 + 27 + 28 + 29);
}

TEST(WindowShape, FollowsTheInterface) {
  EXPECT_EQ(WindowShape::Of(10).width, 1);
  EXPECT_EQ(WindowShape::Of(119).width, 1);
  EXPECT_EQ(WindowShape::Of(120).width, 2);
  EXPECT_EQ(WindowShape::Of(300).width, 5);
  EXPECT_EQ(WindowShape::Of(86'400).width, 1440);
  for (const int64_t window : {10, 61, 119, 120, 300, 3599, 86'400}) {
    const WindowShape shape = WindowShape::Of(window);
    for (int64_t tick = 500'000; tick < 500'200; ++tick) {
      EXPECT_TRUE(shape.Holds(shape.BucketOf(tick), tick));
      for (int64_t bucket = shape.BucketOf(tick) - window / shape.width - 3;
           bucket <= shape.BucketOf(tick); ++bucket) {
        EXPECT_EQ(shape.Holds(bucket, tick), (bucket + 1) * shape.width > tick + 1 - window);
      }
    }
  }
  EXPECT_EQ(WindowShape::Of(120).BucketOf(-1), -1);
  EXPECT_EQ(WindowShape::Of(120).BucketOf(-2), -1);
  EXPECT_EQ(WindowShape::Of(120).BucketOf(-3), -2);
}

// Written down once; other versions and machines have to say the same.
TEST(StableHash, NeverChanges) {
  EXPECT_EQ(StableHash(""), 0xefd01f60ba992926u);
  EXPECT_EQ(StableHash("mailtap"), 0xaa9904fac435db8bu);
  EXPECT_NE(StableHash("a"), StableHash("b"));
}

}  // namespace
}  // namespace mailtap::control

#include "lib/meter/conversation_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>
#include <vector>

namespace mailtap::meter {
namespace {

ConversationKey Key(uint32_t n) {
  const uint8_t client[4] = {10, 0, static_cast<uint8_t>(n >> 4), static_cast<uint8_t>(n & 15)};
  const uint8_t server[4] = {192, 0, 2, static_cast<uint8_t>(n >> 2 & 7)};
  ConversationKey key;
  key.client = net::IpAddress::FromV4(client);
  key.server = net::IpAddress::FromV4(server);
  key.server_port = static_cast<uint16_t>(n % 2 == 0 ? 25 : 587);
  key.service = static_cast<Service>(n % 3);
  return key;
}

uint32_t Acquire(ConversationTable& table, const ConversationKey& key) {
  bool exact = false;
  return table.Acquire(key, exact);
}

std::vector<DeltaRecord> FlushAll(ConversationTable& table) {
  std::vector<DeltaRecord> records;
  EXPECT_TRUE(table.Flush([&](const DeltaRecord& delta) {
    records.push_back(delta);
    return true;
  }));
  return records;
}

TEST(ConversationTable, EveryPartOfTheKeyHasItsOwnRow) {
  ConversationTable table(1'024);
  std::vector<ConversationKey> keys(8, Key(1));
  keys[1].client.bytes[15] ^= 1;
  keys[2].server.bytes[15] ^= 1;
  keys[3].encap_tag = 7;
  keys[4].server_port = 26;
  keys[5].service = Service::kSmtp;
  std::swap(keys[6].client, keys[6].server);
  keys[7].tls = Tls::kStarttls;
  std::map<uint32_t, int> rows;
  for (const ConversationKey& key : keys) {
    bool exact = false;
    ++rows[table.Acquire(key, exact)];
    EXPECT_TRUE(exact);
  }
  EXPECT_EQ(rows.size(), keys.size());
  EXPECT_EQ(Acquire(table, keys[3]), Acquire(table, keys[3]));
}

TEST(ConversationTable, FlushHandsOverWhatChangedInOrderOfFirstTouch) {
  ConversationTable table(64);
  const uint32_t a = Acquire(table, Key(1));
  const uint32_t b = Acquire(table, Key(2));
  Acquire(table, Key(3));  // never touched
  table.Touch(b).messages = 1;
  table.Touch(a).bytes[kUp].observed += 10;
  table.Touch(b).messages += 1;
  const auto records = FlushAll(table);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].key, Key(2));
  EXPECT_EQ(records[0].messages, 2u);
  EXPECT_EQ(records[1].key, Key(1));
  EXPECT_EQ(records[1].bytes[kUp].observed, 10u);
  EXPECT_TRUE(FlushAll(table).empty()) << "deltas, not totals";
  table.Touch(a).bytes[kUp].observed += 1;
  EXPECT_EQ(FlushAll(table)[0].bytes[kUp].observed, 1u);
}

TEST(ConversationTable, ARowIsFreedOnceReleasedAndFlushed) {
  ConversationTable table(64);
  const uint32_t row = Acquire(table, Key(1));
  Acquire(table, Key(1));
  table.Touch(row);
  table.Release(row);
  FlushAll(table);
  EXPECT_EQ(table.size(), 1u) << "a session still holds it";
  table.Touch(row);
  table.Release(row);
  EXPECT_EQ(table.size(), 1u) << "its delta still waits";
  EXPECT_EQ(FlushAll(table).size(), 1u);
  EXPECT_EQ(table.size(), 0u);
  table.Release(Acquire(table, Key(2)));
  EXPECT_EQ(table.size(), 0u) << "nothing waits, nobody holds it";
}

TEST(ConversationTable, AFlushThatStopsHalfWayGoesOnThere) {
  ConversationTable table(256);
  for (uint32_t n = 0; n < 10; ++n) {
    const uint32_t row = Acquire(table, Key(n));
    table.Touch(row).sessions = n + 1;
    table.Release(row);
  }
  std::vector<uint32_t> taken;
  const auto push_until = [&](std::size_t limit) {
    return table.Flush([&](const DeltaRecord& delta) {
      if (taken.size() == limit) return false;
      taken.push_back(delta.sessions);
      return true;
    });
  };
  EXPECT_FALSE(push_until(4));
  EXPECT_EQ(table.size(), 6u);
  const uint32_t waiting = Acquire(table, Key(7));
  table.Touch(waiting).sessions += 100;  // changes while it waits
  table.Release(waiting);
  EXPECT_FALSE(push_until(4));
  EXPECT_TRUE(push_until(100));
  EXPECT_EQ(taken, (std::vector<uint32_t>{1, 2, 3, 4, 5, 6, 7, 108, 9, 10}));
  EXPECT_EQ(table.size(), 0u);
}

TEST(ConversationTable, AFullTableFallsBackStepByStep) {
  ConversationTable table(1'024);
  std::map<Attribution, int> rows;
  std::vector<Attribution> order;
  bool exact = true;
  for (uint32_t n = 0; n < 4'000; ++n) {
    ConversationKey key = Key(0);
    key.client.bytes[13] = static_cast<uint8_t>(n >> 8);
    key.client.bytes[14] = static_cast<uint8_t>(n);
    key.server.bytes[14] = static_cast<uint8_t>(n >> 8);
    key.server.bytes[15] = static_cast<uint8_t>(n);
    const uint32_t before = table.size();
    const uint32_t row = table.Acquire(key, exact);
    const ConversationKey got = table.Touch(row).key;
    EXPECT_EQ(exact, got.attribution == Attribution::kFull);
    switch (got.attribution) {
      case Attribution::kFull:
        EXPECT_EQ(got, key);
        break;
      case Attribution::kClientOnly:
        EXPECT_EQ(got.client, key.client);
        EXPECT_EQ(got.server, net::IpAddress());
        EXPECT_EQ(got.server_port, 0);
        break;
      case Attribution::kServerOnly:
        EXPECT_EQ(got.server, key.server);
        EXPECT_EQ(got.server_port, key.server_port);
        EXPECT_EQ(got.client, net::IpAddress());
        break;
      case Attribution::kNone:
        EXPECT_EQ(got.client, net::IpAddress());
        EXPECT_EQ(got.server, net::IpAddress());
        break;
    }
    EXPECT_EQ(got.service, key.service);
    rows[got.attribution] += static_cast<int>(table.size() - before);
    if (order.empty() || order.back() != got.attribution) order.push_back(got.attribution);
  }
  EXPECT_EQ(order, (std::vector<Attribution>{Attribution::kFull, Attribution::kClientOnly,
                                             Attribution::kServerOnly, Attribution::kNone}));
  EXPECT_GT(rows[Attribution::kFull], 900);
  EXPECT_GT(rows[Attribution::kClientOnly], 10);
  EXPECT_GT(rows[Attribution::kServerOnly], 10);
  EXPECT_EQ(rows[Attribution::kNone], 1);
}

// However small the table, each service's global row is there.
TEST(ConversationTable, TheGlobalRowsAlwaysFindRoom) {
  for (uint32_t capacity = 0; capacity < 200; ++capacity) {
    ConversationTable table(capacity);
    for (uint32_t n = 0; n < 1'000; ++n) {
      const uint32_t row = Acquire(table, Key(n));
      ASSERT_LT(row, table.capacity());
      table.Touch(row).sessions += 1;
    }
    for (int s = 0; s < kServiceCount; ++s) {
      const ConversationKey global = {.service = static_cast<Service>(s),
                                      .attribution = Attribution::kNone};
      bool exact = false;
      const uint32_t row = table.Acquire(global, exact);
      EXPECT_TRUE(exact);
      EXPECT_EQ(table.Touch(row).key, global);
    }
    uint64_t sessions = 0;
    for (const DeltaRecord& delta : FlushAll(table)) sessions += delta.sessions;
    EXPECT_EQ(sessions, 1'000u);
  }
}

// Random sessions against sums by the caller: whatever rows the bytes went through, the sums
// per service come out, each flush hands a key over once, and exact rows hold their keys' own
// sums.
TEST(ConversationTable, NothingIsLostUnderRandomLoad) {
  struct Session {
    ConversationKey key;
    uint32_t row;
    bool exact;
  };
  for (const uint32_t capacity : {16u, 40u, 128u, 2'048u}) {
    ConversationTable table(capacity);
    std::mt19937 random(capacity);
    std::vector<Session> sessions;
    std::map<Service, uint64_t> sent, received;
    std::map<ConversationKey, uint64_t> exact_sent, exact_received;
    for (int round = 0; round < 60'000; ++round) {
      const uint32_t dice = random() % 100;
      if (dice < 20) {
        Session s{.key = Key(random() % 500), .row = 0, .exact = false};
        s.row = table.Acquire(s.key, s.exact);
        sessions.push_back(s);
      } else if (dice < 39 && !sessions.empty()) {
        std::swap(sessions[random() % sessions.size()], sessions.back());
        table.Release(sessions.back().row);
        sessions.pop_back();
      } else if (dice < 97 && !sessions.empty()) {
        const Session& s = sessions[random() % sessions.size()];
        const uint32_t bytes = random() % 1'000;
        table.Touch(s.row).bytes[kDown].inferred += bytes;
        sent[s.key.service] += bytes;
        if (s.exact) exact_sent[s.key] += bytes;
      } else if (dice >= 97) {
        int room = static_cast<int>(random() % 40);
        table.Flush([&](const DeltaRecord& delta) {
          if (room-- == 0) return false;
          received[delta.key.service] += delta.bytes[kDown].inferred;
          if (delta.key.attribution == Attribution::kFull) {
            exact_received[delta.key] += delta.bytes[kDown].inferred;
          }
          return true;
        });
      }
      ASSERT_LE(table.size(), table.capacity());
    }
    for (const Session& s : sessions) table.Release(s.row);
    std::map<ConversationKey, int> once;
    for (const DeltaRecord& delta : FlushAll(table)) {
      EXPECT_EQ(++once[delta.key], 1);
      received[delta.key.service] += delta.bytes[kDown].inferred;
      if (delta.key.attribution == Attribution::kFull) {
        exact_received[delta.key] += delta.bytes[kDown].inferred;
      }
    }
    EXPECT_EQ(received, sent);
    std::erase_if(exact_sent, [](const auto& entry) { return entry.second == 0; });
    std::erase_if(exact_received, [](const auto& entry) { return entry.second == 0; });
    EXPECT_EQ(exact_received, exact_sent);
    EXPECT_EQ(table.size(), 0u) << "every row was freed";
  }
}

}  // namespace
}  // namespace mailtap::meter

#include "lib/meter/conversation_table.h"

#include <algorithm>
#include <bit>

#include "lib/net/hash.h"

namespace mailtap::meter {
namespace {

// Rows kept back, when the rest are taken, for (client, any) and (any, server); the global
// ones, one a service, come on top, so that they always find room.
uint32_t SharedRows(uint32_t capacity) { return std::max(capacity / 16, 2u); }

}  // namespace

ConversationTable::ConversationTable(uint32_t capacity)
    : rows_(std::max(capacity, 16u)), buckets_(std::bit_ceil(rows_.capacity()), kNone) {
  touched_.reserve(rows_.capacity());
}

uint64_t ConversationTable::HashOf(const ConversationKey& key) {
  const uint64_t client = net::FoldV6(key.client.raw_high(), key.client.raw_low());
  const uint64_t server = net::FoldV6(key.server.raw_high(), key.server.raw_low());
  return net::Mix(net::Mix(client ^ net::kHashSeed1, server + net::kHashSeed2),
                  key.rest() ^ net::kHashSeed2);
}

uint32_t ConversationTable::FindOrAdd(const ConversationKey& key, uint32_t reserve) {
  const uint64_t hash = HashOf(key);
  for (uint32_t row = Bucket(hash); row != kNone; row = rows_[row].next) {
    if (rows_[row].hash == hash && rows_[row].delta.key == key) return row;
  }
  if (rows_.capacity() - rows_.used() <= reserve) return kNone;
  const uint32_t index = rows_.Take();
  Row& row = rows_[index];
  row = Row{.delta = {.key = key},
            .hash = hash,
            .references = 0,
            .next = Bucket(hash),
            .touched = false};
  Bucket(hash) = index;
  return index;
}

uint32_t ConversationTable::Acquire(const ConversationKey& key, bool& exact) {
  const uint32_t shared = SharedRows(capacity());
  const bool global = key.attribution == Attribution::kNone;
  uint32_t row = FindOrAdd(key, global ? 0 : shared + kServiceCount);
  exact = row != kNone;
  if (!exact) {
    const ConversationKey client_only = {
        .client = key.client, .service = key.service, .attribution = Attribution::kClientOnly};
    const ConversationKey server_only = {.server = key.server,
                                         .server_port = key.server_port,
                                         .service = key.service,
                                         .attribution = Attribution::kServerOnly};
    row = FindOrAdd(client_only, shared / 2 + kServiceCount);
    if (row == kNone) row = FindOrAdd(server_only, kServiceCount);
    const ConversationKey neither = {.service = key.service, .attribution = Attribution::kNone};
    if (row == kNone) row = FindOrAdd(neither, 0);
  }
  ++rows_[row].references;
  return row;
}

void ConversationTable::Release(uint32_t row) {
  if (--rows_[row].references == 0 && !rows_[row].touched) Free(row);
}

DeltaRecord& ConversationTable::Touch(uint32_t index) {
  Row& row = rows_[index];
  if (!row.touched) {
    row.touched = true;
    touched_.push_back(index);
  }
  return row.delta;
}

void ConversationTable::Reset(uint32_t index) {
  Row& row = rows_[index];
  row.delta = DeltaRecord{.key = row.delta.key};
  row.touched = false;
  if (row.references == 0) Free(index);
}

void ConversationTable::Free(uint32_t index) {
  uint32_t* link = &Bucket(rows_[index].hash);
  while (*link != index) link = &rows_[*link].next;
  *link = rows_[index].next;
  rows_.Give(index);
}

}  // namespace mailtap::meter

// Conversation counters: what changed between whom since the last flush.
//
// One worker owns it; everything is allocated by the constructor. Rows hold deltas only, so a
// row is freed as soon as it is flushed and no session refers to it. When no row is free,
// counts go to rows that know less, down to a global one that is always there: nothing is lost.
#ifndef MAILTAP_LIB_METER_CONVERSATION_TABLE_H_
#define MAILTAP_LIB_METER_CONVERSATION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "lib/base/pool.h"
#include "lib/meter/records.h"

namespace mailtap::meter {

class ConversationTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  // Room for `capacity` rows, of which a few are kept for what finds no row of its own.
  explicit ConversationTable(uint32_t capacity);

  // The row of `key` for a session to hold on to, made if need be; `exact` says whether it is
  // the key's own or one that knows less. Every Acquire is paid back with one Release.
  uint32_t Acquire(const ConversationKey& key, bool& exact);
  void Release(uint32_t row);

  // The row's delta, to add to. Marks the row for the next flush.
  DeltaRecord& Touch(uint32_t row);

  // What the row is about.
  const ConversationKey& key(uint32_t row) const { return rows_[row].delta.key; }

  // Hands each touched row's delta to push(const DeltaRecord&) and resets it. Stops at the
  // first push that returns false; that delta and those after it wait. True when all were
  // taken.
  template <typename Push>
  bool Flush(Push&& push) {
    std::size_t taken = 0;
    while (taken < touched_.size() && push(std::as_const(rows_[touched_[taken]].delta))) {
      Reset(touched_[taken++]);
    }
    touched_.erase(touched_.begin(), touched_.begin() + static_cast<std::ptrdiff_t>(taken));
    return touched_.empty();
  }

  uint32_t size() const { return rows_.used(); }
  uint32_t capacity() const { return rows_.capacity(); }

 private:
  struct Row {
    DeltaRecord delta;
    uint64_t hash;
    uint32_t references;
    uint32_t next;  // in its bucket, or in the free list
    bool touched;
  };
  static_assert(sizeof(Row) <= 256);

  static uint64_t HashOf(const ConversationKey& key);
  uint32_t& Bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  // `reserve`: rows that must stay free.
  uint32_t FindOrAdd(const ConversationKey& key, uint32_t reserve);
  void Reset(uint32_t row);
  void Free(uint32_t row);

  Pool<Row, &Row::next> rows_;
  std::vector<uint32_t> buckets_;
  std::vector<uint32_t> touched_;  // rows to flush, in order of first touch
};

}  // namespace mailtap::meter

#endif  // MAILTAP_LIB_METER_CONVERSATION_TABLE_H_

// Who talked with whom, how much, bucket by bucket: what alerts take their evidence from.
#ifndef MAILTAP_LIB_CONTROL_EVIDENCE_LOG_H_
#define MAILTAP_LIB_CONTROL_EVIDENCE_LOG_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "lib/base/large_vector.h"
#include "lib/control/tick_row.h"
#include "lib/control/window_shape.h"

namespace mailtap::control {

// Sums of one conversation in one bucket.
struct EvidenceRow {
  uint64_t bytes[kDirectionCount] = {};
  uint64_t inferred = 0;  // both directions
  uint64_t repeated = 0;
  uint64_t duplicate = 0;
  UnixNanos first_seen = INT64_MAX;
  uint64_t previous = 0;  // the conversation's row in an earlier bucket, or 0
  uint32_t sessions = 0;
  uint32_t messages = 0;
  int32_t bucket = 0;  // counted from the log's first
  uint32_t rejected : 30 = 0;
  uint32_t seen : 2 = 0;  // bit per Direction
};
static_assert(sizeof(EvidenceRow) == 72);

// Rows in the order of their buckets, so that those that leave the window are freed in whole
// blocks and none is ever looked for. The rows of a conversation are chained, newest first.
// Control thread only.
class EvidenceLog {
 public:
  // `shape`: the bucket width, and the longest window that will be read.
  explicit EvidenceLog(WindowShape shape) : shape_(shape) {}
  EvidenceLog(EvidenceLog&&) = default;
  EvidenceLog& operator=(EvidenceLog&&) = default;

  // Adds `row` to its conversation's sums in the bucket of `tick`. Ticks must not fall.
  void Add(const TickRow& row, int64_t tick);
  // Brings near what Add() will need: first where the conversation's newest row is, then, once
  // that has come, the row itself if Add() may add to it.
  void Prefetch(uint32_t conversation) const {
    if (conversation < newest_.size()) __builtin_prefetch(&newest_[conversation]);
  }
  void PrefetchRow(uint32_t conversation) const {
    if (conversation >= newest_.size() || buckets_.empty()) return;
    const uint64_t newest = newest_[conversation];
    if (newest < buckets_.back().first_row) return;
    const char* row = reinterpret_cast<const char*>(&At(newest));
    __builtin_prefetch(row);
    __builtin_prefetch(row + sizeof(EvidenceRow) - 1);
  }

  // Calls visit(row, its bucket's first tick) for each row of `conversation` that a window of
  // `window_seconds` (at most the longest) holds at the end of `tick`, newest first.
  template <typename Visit>
  void ForEach(uint32_t conversation, int64_t window_seconds, int64_t tick,
               Visit&& visit) const {
    if (conversation >= newest_.size()) return;
    const WindowShape shape{window_seconds, shape_.width};
    for (uint64_t number = newest_[conversation]; number >= first_ && number != 0;) {
      const EvidenceRow& row = At(number);
      const int64_t bucket = first_bucket_ + row.bucket;
      if (!shape.Holds(bucket, tick)) return;
      visit(row, bucket * shape.width);
      number = row.previous;
    }
  }

  // Calls visit(conversation, bucket's number, row) for each row that is kept, the oldest
  // bucket first.
  template <typename Visit>
  void ForEachRow(Visit&& visit) const {
    std::vector<std::pair<uint64_t, uint32_t>> rows;  // number, conversation
    for (uint32_t c = 0; c < newest_.size(); ++c) {
      for (uint64_t n = newest_[c]; n >= first_ && n != 0; n = At(n).previous) {
        rows.emplace_back(n, c);
      }
    }
    std::sort(rows.begin(), rows.end());
    for (const auto& [number, conversation] : rows) {
      visit(conversation, first_bucket_ + At(number).bucket, At(number));
    }
  }

  // The conversation's number is about to be used for another one.
  void Forget(uint32_t conversation) {
    if (conversation < newest_.size()) newest_[conversation] = 0;
  }

  const WindowShape& shape() const { return shape_; }
  // Another longest window will be read, of the same bucket width.
  void SetLongest(int64_t window_seconds) { shape_.window_seconds = window_seconds; }

  // Frees the buckets that the longest window no longer holds at the end of `tick`.
  void Expire(int64_t tick);
  // Frees the oldest bucket although a window still holds it; not the newest, to which rows are
  // still added. Returns how many rows that were.
  std::size_t DropOldest();
  bool can_drop() const { return buckets_.size() > 1; }
  std::size_t rows() const { return static_cast<std::size_t>(next_ - first_); }

 private:
  static constexpr uint64_t kBlockRows = 4096;
  struct Bucket {
    int64_t number;
    uint64_t first_row;
  };

  EvidenceRow& At(uint64_t number) const {
    return blocks_[number / kBlockRows - first_block_][number % kBlockRows];
  }
  void StartTick(int64_t tick);
  EvidenceRow& Append();
  void PopFront();

  WindowShape shape_;
  LargeVector<uint64_t> newest_;  // by conversation: number of its newest row, 0: none
  std::deque<std::unique_ptr<EvidenceRow[]>> blocks_;
  std::vector<std::unique_ptr<EvidenceRow[]>> spare_;
  std::deque<Bucket> buckets_;
  uint64_t first_block_ = 0;  // the number of blocks_.front()
  uint64_t first_ = 1;        // the oldest row that is kept; numbers are never used again
  uint64_t next_ = 1;
  int64_t first_bucket_ = 0;  // what EvidenceRow::bucket counts from
  int64_t tick_ = INT64_MIN;  // of the last Add()
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_EVIDENCE_LOG_H_

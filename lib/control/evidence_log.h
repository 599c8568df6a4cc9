// Who talked with whom, how much, bucket by bucket: what alerts take their evidence from.
#ifndef MAILTAP_LIB_CONTROL_EVIDENCE_LOG_H_
#define MAILTAP_LIB_CONTROL_EVIDENCE_LOG_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "lib/base/large_vector.h"
#include "lib/control/tick_row.h"
#include "lib/control/window_shape.h"

namespace mailtap::control {

// Rows in the order of their buckets, so that those that leave the window are freed in whole
// blocks and none is ever looked for. The rows of a conversation are chained, newest first. A
// bucket may be split, where a rule begins or ends to count. Control thread only.
class EvidenceLog {
 public:
  // `shape`: the bucket width, and the longest window that will be read.
  explicit EvidenceLog(WindowShape shape) : shape_(shape) {}
  EvidenceLog(EvidenceLog&&) = default;
  EvidenceLog& operator=(EvidenceLog&&) = default;

  // Adds `row` to its conversation's sums in the bucket of `tick`. Ticks must not fall.
  void Add(const TickRow& row, int64_t tick) {
    if (tick != tick_) [[unlikely]]
      StartTick(tick);
    if (row.conversation < newest_.size() && newest_[row.conversation] >= current_row_)
        [[likely]] {
      AddTo(newest_[row.conversation], row);
    } else {
      Append(row);
    }
  }
  // What comes is kept apart from what the bucket holds by now.
  void Split() { split_ = true; }
  // Brings near what Add() will need: first where the conversation's newest row is, then, once
  // that has come, the row itself if Add() may add to it.
  void Prefetch(uint32_t conversation) const {
    if (conversation < newest_.size()) __builtin_prefetch(&newest_[conversation]);
  }
  void PrefetchRow(uint32_t conversation) const {
    if (conversation >= newest_.size() || newest_[conversation] < current_row_) return;
    __builtin_prefetch(&CommonAt(newest_[conversation]));
  }

  // Calls visit(sums, tick) for each row of `conversation` that a window of `window_seconds`
  // (at most the longest) holds at the end of `tick`, newest first; with the first tick in
  // which anything was added to the row's part of its bucket. The sums tell no `last_seen`.
  template <typename Visit>
  void ForEach(uint32_t conversation, int64_t window_seconds, int64_t tick,
               Visit&& visit) const {
    if (conversation >= newest_.size()) return;
    const WindowShape shape{window_seconds, shape_.width};
    auto bucket = buckets_.rbegin();
    for (uint64_t n = newest_[conversation]; n >= first_ && n != 0; n = Before(n)) {
      while (bucket->first_row > n) ++bucket;
      if (!shape.Holds(bucket->number, tick)) return;
      visit(SumsOf(conversation, n), bucket->tick);
    }
  }

  // Calls begin(count), then visit(tick, sums) for each of so many rows that are kept, the
  // oldest first; the tick as above.
  template <typename Begin, typename Visit>
  void ForEachRow(Begin&& begin, Visit&& visit) const {
    std::vector<std::pair<uint64_t, uint32_t>> rows;  // number, conversation
    for (uint32_t c = 0; c < newest_.size(); ++c) {
      for (uint64_t n = newest_[c]; n >= first_ && n != 0; n = Before(n)) {
        rows.emplace_back(n, c);
      }
    }
    begin(rows.size());
    std::sort(rows.begin(), rows.end());
    auto bucket = buckets_.begin();
    for (const auto& [n, conversation] : rows) {
      while (std::next(bucket) != buckets_.end() && std::next(bucket)->first_row <= n) ++bucket;
      visit(bucket->tick, SumsOf(conversation, n));
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
  // still added. Returns how many rows that were. Of a split one the oldest part.
  std::size_t DropOldest();
  bool can_drop() const { return buckets_.size() > 1; }
  std::size_t rows() const { return static_cast<std::size_t>(next_ - first_); }

 private:
  static constexpr uint64_t kBlockRows = 4096;
  struct Bucket {
    int64_t number;
    int64_t tick;  // the first in which anything was added
    uint64_t first_row;
  };

  // A tick with a million rows adds to as many in each log: what nearly all of them change lies
  // apart from what few do.
  struct Common {
    uint64_t bytes[kDirectionCount];
    UnixNanos first_seen;
    uint32_t sessions;
    uint32_t back : 30;  // how far behind the conversation's row before this one is, or 0
    uint32_t seen : 2;   // bit per Direction
  };
  struct Rare {
    uint64_t inferred;
    uint64_t repeated;
    uint64_t duplicate;
    uint64_t one_way;
    uint32_t messages;
    uint32_t rejected;
  };
  static_assert(sizeof(Common) == 32 && sizeof(Rare) == 40);
  struct Block {
    Common common[kBlockRows];
    Rare rare[kBlockRows];
  };

  // Block n stands at n modulo a power of two.
  std::unique_ptr<Block>& BlockAt(uint64_t n) { return blocks_[n & (blocks_.size() - 1)]; }
  Block& BlockOf(uint64_t row) const {
    return *blocks_[row / kBlockRows & (blocks_.size() - 1)];
  }
  Common& CommonAt(uint64_t row) const { return BlockOf(row).common[row % kBlockRows]; }
  Rare& RareAt(uint64_t row) const { return BlockOf(row).rare[row % kBlockRows]; }
  // The conversation's row before this one, which may be gone, or 0.
  uint64_t Before(uint64_t row) const {
    const uint64_t back = CommonAt(row).back;
    return back == 0 ? 0 : row - back;
  }
  TickRow SumsOf(uint32_t conversation, uint64_t row) const;
  void StartTick(int64_t tick);
  void AddTo(uint64_t row, const TickRow& from) {
    Common& common = CommonAt(row);
    for (int d = 0; d < kDirectionCount; ++d) common.bytes[d] += from.bytes[d];
    common.first_seen = std::min(common.first_seen, from.first_seen);
    common.sessions += from.sessions;
    common.seen |= from.seen;
    if ((from.inferred | from.repeated | from.duplicate | from.one_way | from.messages |
         from.rejected) == 0) {
      return;
    }
    Rare& rare = RareAt(row);
    rare.inferred += from.inferred;
    rare.repeated += from.repeated;
    rare.duplicate += from.duplicate;
    rare.one_way += from.one_way;
    rare.messages += from.messages;
    rare.rejected += from.rejected;
  }
  void Append(const TickRow& from);
  void AddBlock();
  void PopFront();

  WindowShape shape_;
  LargeVector<uint64_t> newest_;  // by conversation: number of its newest row, 0: none
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<std::unique_ptr<Block>> spare_;
  std::deque<Bucket> buckets_;
  uint64_t first_block_ = 0;  // the number of the oldest block
  uint64_t block_count_ = 0;
  uint64_t first_ = 1;  // the oldest row that is kept; numbers are never used again
  uint64_t next_ = 1;
  uint64_t current_row_ = 1;  // the first of the bucket to which rows are added
  int64_t tick_ = INT64_MIN;  // of the last Add()
  bool split_ = false;        // with the next tick a part of its own begins
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_EVIDENCE_LOG_H_

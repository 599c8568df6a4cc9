#include "lib/control/evidence_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mailtap::control {

TickRow EvidenceLog::SumsOf(uint32_t conversation, uint64_t row) const {
  const Common& common = CommonAt(row);
  const Rare& rare = RareAt(row);
  TickRow sums;
  sums.conversation = conversation;
  sums.sessions = common.sessions;
  sums.messages = rare.messages;
  sums.rejected = rare.rejected;
  sums.seen = common.seen;
  std::copy(std::begin(common.bytes), std::end(common.bytes), sums.bytes);
  sums.inferred = rare.inferred;
  sums.repeated = rare.repeated;
  sums.duplicate = rare.duplicate;
  sums.one_way = rare.one_way;
  sums.first_seen = common.first_seen;
  return sums;
}

void EvidenceLog::StartTick(int64_t tick) {
  tick_ = tick;
  const int64_t bucket = shape_.BucketOf(tick);
  const bool goes_on = !split_ && !buckets_.empty() && buckets_.back().number == bucket;
  split_ = false;
  if (goes_on) return;
  buckets_.push_back({bucket, tick, next_});
  current_row_ = next_;
}

void EvidenceLog::Append(const TickRow& from) {
  if (from.conversation >= newest_.size()) {
    newest_.resize(std::max<std::size_t>(from.conversation + std::size_t{1},
                                         newest_.size() + newest_.size() / 2));
  }
  uint64_t& newest = newest_[from.conversation];
  const uint64_t row = next_++;
  if (row / kBlockRows - first_block_ == block_count_) AddBlock();
  // A row too far behind to be told is gone: no log is that long.
  constexpr uint64_t kFarthest = (1u << 30) - 1;
  const uint64_t back = newest >= first_ && row - newest <= kFarthest ? row - newest : 0;
  CommonAt(row) = {.bytes = {from.bytes[kUp], from.bytes[kDown]},
                   .first_seen = from.first_seen,
                   .sessions = from.sessions,
                   .back = static_cast<uint32_t>(back),
                   .seen = from.seen};
  RareAt(row) = {.inferred = from.inferred,
                 .repeated = from.repeated,
                 .duplicate = from.duplicate,
                 .one_way = from.one_way,
                 .messages = from.messages,
                 .rejected = from.rejected};
  newest = row;
}

void EvidenceLog::AddBlock() {
  if (block_count_ == blocks_.size()) {
    std::vector<std::unique_ptr<Block>> larger(std::max<std::size_t>(8, 2 * blocks_.size()));
    for (uint64_t n = first_block_; n < first_block_ + block_count_; ++n) {
      larger[n & (larger.size() - 1)] = std::move(BlockAt(n));
    }
    blocks_ = std::move(larger);
  }
  auto& block = BlockAt(first_block_ + block_count_++);
  if (spare_.empty()) {
    block = std::make_unique_for_overwrite<Block>();
  } else {
    block = std::move(spare_.back());
    spare_.pop_back();
  }
}

void EvidenceLog::Expire(int64_t tick) {
  while (!buckets_.empty() && !shape_.Holds(buckets_.front().number, tick)) PopFront();
}

std::size_t EvidenceLog::DropOldest() {
  const std::size_t before = rows();
  PopFront();
  return before - rows();
}

void EvidenceLog::PopFront() {
  buckets_.pop_front();
  first_ = buckets_.empty() ? next_ : buckets_.front().first_row;
  current_row_ = std::max(current_row_, first_);
  while (first_block_ < first_ / kBlockRows && block_count_ > 0) {
    spare_.push_back(std::move(BlockAt(first_block_)));
    ++first_block_;
    --block_count_;
  }
  // Enough for the next bucket to start without asking the system, not more: a burst's memory
  // goes back.
  const std::size_t keep = block_count_ + 1;
  if (spare_.size() > keep) spare_.resize(keep);
}

}  // namespace mailtap::control

#include "lib/control/evidence_log.h"

#include <algorithm>
#include <utility>

namespace mailtap::control {

void EvidenceLog::Add(const TickRow& from, int64_t tick) {
  if (tick != tick_) StartTick(tick);
  if (from.conversation >= newest_.size()) {
    newest_.resize(std::max<std::size_t>(from.conversation + std::size_t{1},
                                         newest_.size() + newest_.size() / 2));
  }
  uint64_t& newest = newest_[from.conversation];
  if (newest < buckets_.back().first_row) {
    EvidenceRow& fresh = Append();
    fresh = EvidenceRow{.previous = newest,
                        .bucket = static_cast<int32_t>(buckets_.back().number - first_bucket_)};
    newest = next_ - 1;
  }
  EvidenceRow& row = At(newest);
  for (int d = 0; d < kDirectionCount; ++d) row.bytes[d] += from.bytes[d];
  row.inferred += from.inferred;
  row.repeated += from.repeated;
  row.duplicate += from.duplicate;
  row.first_seen = std::min(row.first_seen, from.first_seen);
  row.sessions += from.sessions;
  row.messages += from.messages;
  row.rejected += from.rejected;
  row.seen |= from.seen;
}

void EvidenceLog::StartTick(int64_t tick) {
  tick_ = tick;
  const int64_t bucket = shape_.BucketOf(tick);
  if (!buckets_.empty() && buckets_.back().number == bucket) return;
  if (next_ == 1) first_bucket_ = bucket;
  buckets_.push_back({bucket, next_});
}

EvidenceRow& EvidenceLog::Append() {
  if (next_ / kBlockRows - first_block_ == blocks_.size()) {
    if (spare_.empty()) {
      blocks_.push_back(std::make_unique_for_overwrite<EvidenceRow[]>(kBlockRows));
    } else {
      blocks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  return At(next_++);
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
  while (first_block_ < first_ / kBlockRows && !blocks_.empty()) {
    spare_.push_back(std::move(blocks_.front()));
    blocks_.pop_front();
    ++first_block_;
  }
  // Enough for the next bucket to start without asking the system, not more: a burst's memory
  // goes back.
  const std::size_t keep = blocks_.size() + 1;
  if (spare_.size() > keep) spare_.resize(keep);
}

}  // namespace mailtap::control

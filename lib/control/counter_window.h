// How much a few counters have grown within a sliding window.
#ifndef MAILTAP_LIB_CONTROL_COUNTER_WINDOW_H_
#define MAILTAP_LIB_CONTROL_COUNTER_WINDOW_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "lib/base/archive.h"
#include "lib/control/window_shape.h"

namespace mailtap::control {

// Control thread only.
class CounterWindow {
 public:
  using Counts = std::vector<uint64_t>;

  explicit CounterWindow(int64_t window_seconds) : shape_(WindowShape::Of(window_seconds)) {}

  // `growth` in `tick`. Ticks must not fall. A counter that was never given before stood still.
  void Add(int64_t tick, const Counts& growth) {
    if (std::all_of(growth.begin(), growth.end(), [](uint64_t n) { return n == 0; })) return;
    const int64_t number = shape_.BucketOf(tick);
    if (buckets_.empty() || buckets_.back().number != number) buckets_.push_back({number, {}});
    AddTo(growth, buckets_.back().counts);
    AddTo(growth, sums_);
  }

  // The first tick at whose end a bucket leaves, or INT64_MAX.
  int64_t NextExpiry() const {
    return buckets_.empty() ? INT64_MAX : shape_.LeavesAt(buckets_.front().number);
  }
  // Takes out what has left by the end of `tick`.
  void Expire(int64_t tick) {
    for (; NextExpiry() <= tick; buckets_.pop_front()) {
      const Counts& counts = buckets_.front().counts;
      for (std::size_t i = 0; i < counts.size(); ++i) sums_[i] -= counts[i];
    }
  }

  int64_t seconds() const { return shape_.window_seconds; }

  void Save(ArchiveWriter& out) const {
    out.Put(uint64_t{buckets_.size()});
    for (const Bucket& bucket : buckets_) {
      out.Put(bucket.number);
      out.Put(uint64_t{bucket.counts.size()});
      for (const uint64_t count : bucket.counts) out.Put(count);
    }
  }
  // Into an empty window of the same length.
  void Restore(ArchiveReader& in) {
    for (std::size_t n = in.GetCount(2 * sizeof(uint64_t)); n > 0; --n) {
      const auto number = in.Get<int64_t>();
      Counts counts(in.GetCount(sizeof(uint64_t)));
      for (uint64_t& count : counts) in.Get(count);
      if (in.ok()) Add(number * shape_.width, counts);
    }
  }

  // As of the last Expire(). 0 for a counter that was never given.
  uint64_t sum(std::size_t i) const { return i < sums_.size() ? sums_[i] : 0; }
  std::size_t size() const { return sums_.size(); }

 private:
  struct Bucket {
    int64_t number;
    Counts counts;
  };
  static void AddTo(const Counts& growth, Counts& sums) {
    if (sums.size() < growth.size()) sums.resize(growth.size());
    for (std::size_t i = 0; i < growth.size(); ++i) sums[i] += growth[i];
  }

  WindowShape shape_;
  std::deque<Bucket> buckets_;
  Counts sums_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_COUNTER_WINDOW_H_

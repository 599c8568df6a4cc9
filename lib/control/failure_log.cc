#include "lib/control/failure_log.h"

namespace mailtap::control {

bool FailureLog::Add(const Subject& subject, const Peer& peer, const Sums& sums, int64_t tick) {
  const int64_t number = shape_.BucketOf(tick);
  if (buckets_.empty() || buckets_.back().number != number) {
    buckets_.emplace_back().number = number;
  }
  Bucket& bucket = buckets_.back();
  const auto found = bucket.peers.find(subject);
  if (found != bucket.peers.end()) {
    const auto known = found->second.find(peer);
    if (known != found->second.end()) {
      known->second += sums;
      return true;
    }
    if (found->second.size() >= kMostPeers) return false;
  }
  if (bucket.rows >= most_rows_) return false;
  bucket.peers[subject].emplace(peer, sums);
  ++bucket.rows;
  ++rows_;
  return true;
}

void FailureLog::Expire(int64_t tick) {
  while (!buckets_.empty() && !shape_.Holds(buckets_.front().number, tick)) DropOldest();
}

std::size_t FailureLog::DropOldest() {
  const std::size_t dropped = buckets_.front().rows;
  buckets_.pop_front();
  rows_ -= dropped;
  return dropped;
}

}  // namespace mailtap::control

// Whose connections came to nothing, and to whom: what alerts on these take their evidence
// from.
#ifndef MAILTAP_LIB_CONTROL_FAILURE_LOG_H_
#define MAILTAP_LIB_CONTROL_FAILURE_LOG_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "lib/base/mail.h"
#include "lib/base/time.h"
#include "lib/config/config.h"
#include "lib/control/host_key.h"
#include "lib/control/window_shape.h"
#include "lib/net/address.h"

namespace mailtap::control {

// What one rule has counted. Attempts are no conversations, as a scan must not fill the tables,
// so a log of its own keeps them, by address and for as long as the rule's window holds them;
// and of a host in one bucket only so many. Control thread only.
class FailureLog {
 public:
  static constexpr std::size_t kMostPeers = 1024;

  struct Subject {
    HostKey host;
    Role role;
    friend bool operator==(const Subject&, const Subject&) = default;
    friend auto operator<=>(const Subject&, const Subject&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Subject& s) {
      return H::combine(std::move(h), s.host, s.role);
    }
  };
  struct Peer {
    net::IpAddress address;
    uint16_t port;  // of the server end
    Service service;
    config::Verdict verdict;
    Tls tls;
    friend bool operator==(const Peer&, const Peer&) = default;
    friend auto operator<=>(const Peer&, const Peer&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Peer& p) {
      return H::combine(std::move(h), p.address, p.port, p.service, p.verdict, p.tls);
    }
  };
  struct Sums {
    uint64_t count = 0;
    UnixNanos first_seen = INT64_MAX;

    Sums& operator+=(const Sums& o) {
      count += o.count;
      first_seen = std::min(first_seen, o.first_seen);
      return *this;
    }
  };
  using Peers = absl::flat_hash_map<Peer, Sums>;

  // A bucket holds at most `most_rows` (subject, peer).
  FailureLog(WindowShape shape, std::size_t most_rows) : shape_(shape), most_rows_(most_rows) {}

  // Ticks must not fall. False where there is no room for one more peer; which one that is
  // depends on the order of calls.
  bool Add(const Subject& subject, const Peer& peer, const Sums& sums, int64_t tick);

  // Calls visit(peers) for each bucket with some of `subject` in the window at the end of
  // `tick`.
  template <typename Visit>
  void ForEachOf(const Subject& subject, int64_t tick, Visit&& visit) const {
    for (const Bucket& bucket : buckets_) {
      if (!shape_.Holds(bucket.number, tick)) continue;
      const auto found = bucket.peers.find(subject);
      if (found != bucket.peers.end()) visit(found->second);
    }
  }
  // Calls visit(subject, peers) for each bucket and subject in that window; each has a peer.
  template <typename Visit>
  void ForEach(int64_t tick, Visit&& visit) const {
    for (const Bucket& bucket : buckets_) {
      if (!shape_.Holds(bucket.number, tick)) continue;
      for (const auto& [subject, peers] : bucket.peers) visit(subject, peers);
    }
  }
  // Calls visit(bucket's first tick, subject, peer, sums) for all that is kept, the oldest
  // bucket first.
  template <typename Visit>
  void ForEachRow(Visit&& visit) const {
    for (const Bucket& bucket : buckets_) {
      for (const auto& [subject, peers] : bucket.peers) {
        for (const auto& [peer, sums] : peers) {
          visit(bucket.number * shape_.width, subject, peer, sums);
        }
      }
    }
  }

  // Frees the buckets that the window no longer holds at the end of `tick`.
  void Expire(int64_t tick);
  // Frees the oldest bucket although the window still holds it; not the newest. Returns how
  // many rows that were.
  std::size_t DropOldest();
  bool can_drop() const { return buckets_.size() > 1; }
  std::size_t rows() const { return rows_; }

 private:
  struct Bucket {
    int64_t number = 0;
    std::size_t rows = 0;
    absl::flat_hash_map<Subject, Peers> peers;
  };

  WindowShape shape_;
  std::size_t most_rows_;
  std::deque<Bucket> buckets_;
  std::size_t rows_ = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_FAILURE_LOG_H_

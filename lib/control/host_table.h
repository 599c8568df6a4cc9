// Every internal host that is known, and its lanes: what it does in one role, by one service,
// under one verdict, in one state of TLS.
#ifndef MAILTAP_LIB_CONTROL_HOST_TABLE_H_
#define MAILTAP_LIB_CONTROL_HOST_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "lib/base/cache_line.h"
#include "lib/base/large_vector.h"
#include "lib/base/mail.h"
#include "lib/config/config.h"
#include "lib/control/confidence.h"
#include "lib/control/host_key.h"
#include "lib/control/rank_index.h"
#include "lib/control/rule_index.h"
#include "lib/control/snapshot.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

struct Host {
  HostKey key;
  HostCounts totals;   // since start
  HostCounts in_hour;  // in the hour of `hour`, which need not be the one under way
  RecentSight sight;
  uint32_t first_lane = kNone;
  uint32_t first_entity = kNone;
  uint32_t first_conversation[kRoleCount] = {kNone, kNone};  // by its role in them
  uint32_t group_set = 0;
  uint32_t last_tick = 0;  // counted from the first tick
  int32_t hour = -1;       // since 1970
  bool known = false;      // false: the place is free
};

// An entity in the windows, with its rule: most have nothing to count in a tick, which is told
// without a look at them.
struct Counting {
  uint32_t entity;
  uint32_t lead;  // Entity::lead, here so that noting traffic takes no look at the entity
  uint16_t rule;  // as RuleIndex counts conditions
};

// Every conversation of one kind flows into one lane per internal end, and a lane knows the
// windows that count it: per record the number of rules does not matter.
struct Lane {
  // What the tick brought so far, as the host sees it.
  uint64_t sent = 0;
  uint64_t received = 0;
  uint32_t sessions = 0;
  uint32_t messages = 0;
  uint32_t rejected = 0;
  uint32_t failed = 0;  // sessions
  UnixNanos last_seen = 0;
  UnixNanos failed_seen = 0;  // the last of `failed`
  Sight sight;

  uint32_t host = kNone;
  uint32_t next_of_host = kNone;
  Role role = Role::kClient;
  Service service = Service::kSmtp;
  config::Verdict verdict = config::Verdict::kTransit;
  Tls tls = Tls::kNone;
  bool counts_peers = false;
  bool touched = false;     // in this tick
  uint16_t peer_count = 0;  // how many of the entities count peers; they come first
  absl::InlinedVector<Counting, 8> entities;

  absl::Span<const Counting> counting_peers() const {
    return absl::MakeConstSpan(entities).first(peer_count);
  }
  absl::Span<const Counting> counting_sums() const {
    return absl::MakeConstSpan(entities).subspan(peer_count);
  }
};

// Dense numbers for hosts and lanes, used again after RemoveHost(). Control thread only.
class HostTable {
 public:
  // The host's number, or kNone.
  uint32_t Find(const HostKey& key) const;
  // Adds one that is not there yet.
  uint32_t Add(const HostKey& key, uint32_t group_set);
  // Takes out a host and its lanes; nothing may refer to them any more.
  void RemoveHost(uint32_t host);

  // The lane's number, or kNone.
  uint32_t FindLane(uint32_t host, const RuleIndex::Kind& kind) const;
  uint32_t AddLane(uint32_t host, const RuleIndex::Kind& kind);

  Host& at(uint32_t host) { return hosts_[host]; }
  const Host& at(uint32_t host) const { return hosts_[host]; }
  Lane& lane(uint32_t lane) { return lanes_[lane]; }
  const Lane& lane(uint32_t lane) const { return lanes_[lane]; }
  void Prefetch(uint32_t host) const { PrefetchWhole(hosts_[host]); }
  void PrefetchLane(uint32_t lane) const { PrefetchWhole(lanes_[lane]); }

  // The host's totals are others: its rank too.
  void Rank(uint32_t host);

  // Adds what a lane gathered in `period` (see RecentSight) and `hour` to its host's counts.
  void Count(const Lane& lane, int64_t period, int64_t hour);

  // Calls visit(id) for each host. `visit` must not add or remove any.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (uint32_t id = 0; id < hosts_.size(); ++id) {
      if (hosts_[id].known) visit(id);
    }
  }

  std::size_t size() const { return numbers_.size(); }
  // The hosts with the most unapproved sent bytes, then by key; at most `count`.
  std::vector<uint32_t> Top(std::size_t count) const;
  // All hosts with approved or unapproved traffic in that order.
  std::vector<uint32_t> Ranked() const;
  // The `count` of those for which eligible(id) that have been idle for longest, of equals the
  // smaller key first.
  template <typename Eligible>
  std::vector<uint32_t> LongestIdle(std::size_t count, Eligible&& eligible) const {
    std::vector<uint32_t> ids;
    for (uint32_t id = 0; id < hosts_.size(); ++id) {
      if (hosts_[id].known && eligible(id)) ids.push_back(id);
    }
    KeepLongestIdle(count, ids);
    return ids;
  }

 private:
  bool BeforeByKey(uint32_t a, uint32_t b) const { return hosts_[a].key < hosts_[b].key; }
  void KeepLongestIdle(std::size_t count, std::vector<uint32_t>& ids) const;

  LargeMap<HostKey, uint32_t> numbers_;
  LargeVector<Host> hosts_;
  LargeVector<Lane> lanes_;
  std::vector<uint32_t> free_hosts_;
  std::vector<uint32_t> free_lanes_;
  RankIndex<uint64_t> by_unapproved_sent_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HOST_TABLE_H_

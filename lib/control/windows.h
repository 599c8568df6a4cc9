// The sliding windows: for each rule, host and role the exact sum over its window.
#ifndef MAILTAP_LIB_CONTROL_WINDOWS_H_
#define MAILTAP_LIB_CONTROL_WINDOWS_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "lib/control/peer_table.h"
#include "lib/control/rule_index.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

// One (rule, host, role), judged by itself.
struct Entity {
  uint64_t a = 0;              // over the window: the metric; for a ratio the sent bytes
  uint64_t b = 0;              // over the window: for a ratio the received bytes
  int64_t bucket = INT64_MIN;  // of the newest row
  UnixNanos last_seen = 0;     // of the traffic that counted, ever
  uint32_t row = 0;            // of that bucket
  uint32_t host = 0;
  uint32_t alert = kNone;  // the open alert's place in the alert book
  uint32_t rows = 0;       // in the window
  uint32_t next_of_host = kNone;
  uint16_t rule = 0;
  Role role = Role::kClient;
  bool changed = false;  // since TakeChanged()
};
static_assert(sizeof(Entity) == 56);

// Each rule has a log of rows (entity, what it added), a bucket after the other. A bucket that
// leaves the window is walked once to take its rows out of the sums. So an idle host costs
// nothing, and no window is ever summed up anew. Control thread only.
class Windows {
 public:
  explicit Windows(const RuleIndex& index);

  // A new entity with an empty window; its number is dense.
  uint32_t Create(uint16_t rule, uint32_t host, Role role);
  // Takes back an entity whose window is empty and whose alert is closed.
  void Remove(uint32_t entity);

  const Entity& at(uint32_t entity) const { return entities_[entity]; }
  Entity& at(uint32_t entity) { return entities_[entity]; }
  void Prefetch(uint32_t entity) const { __builtin_prefetch(&entities_[entity]); }

  // Adds to the bucket of `tick`. Ticks must not fall; Expire(tick) comes first.
  void Add(uint32_t entity, int64_t tick, uint64_t a, uint64_t b);
  // The same for a distinct_peers rule: `peer` of `peers()` was there.
  void AddPeer(uint32_t entity, int64_t tick, uint32_t peer);

  // The metric over the window as of the last Expire().
  double Value(const Entity& entity) const {
    if (rule_of(entity).rule->metric != config::Metric::kSentReceivedRatio) {
      return static_cast<double>(entity.a);
    }
    return static_cast<double>(entity.a) /
           static_cast<double>(entity.b == 0 ? uint64_t{1} : entity.b);
  }
  const PreparedRule& rule_of(const Entity& entity) const { return rules_[entity.rule]; }

  // The first tick at whose end some bucket leaves (of `rule`, or of any rule), or INT64_MAX.
  int64_t NextExpiry(uint16_t rule) const;
  int64_t NextExpiry() const;
  // Takes out all buckets that have left by the end of `tick`.
  void Expire(int64_t tick);
  // While more than `rows` are kept, takes out the oldest bucket of the longest log, although
  // its window still holds it. Returns how many rows that were.
  std::size_t Trim(std::size_t rows);

  // The entity wants to be looked at, whether or not its sums change.
  void MarkChanged(uint32_t entity) { MarkChanged(entity, entities_[entity]); }
  // The entities marked, or of which a sum may have changed, since the last call; each once, in
  // no certain order.
  std::vector<uint32_t> TakeChanged();

  // How many entities of `host` have something in their windows, and how many hosts have such.
  uint32_t LiveOf(uint32_t host) const { return host < live_.size() ? live_[host] : 0; }
  uint64_t hosts_live() const { return hosts_live_; }

  PeerTable& peers() { return peers_; }

 private:
  struct Bucket {
    int64_t number = 0;
    std::vector<uint32_t> entities;
    std::vector<uint64_t> a;
    std::vector<uint64_t> b;      // of ratios only
    std::vector<uint32_t> peers;  // of distinct_peers only, in place of a
  };
  struct Log {
    std::deque<Bucket> buckets;
    std::size_t rows = 0;
  };

  Bucket& CurrentBucket(uint16_t rule, int64_t number);
  void AddRow(uint32_t entity, Entity& to);
  void PopFront(uint16_t rule);
  void TakeOut(Bucket& bucket, const PreparedRule& rule);
  void MarkChanged(uint32_t id, Entity& entity) {
    if (entity.changed) return;
    entity.changed = true;
    changed_.push_back(id);
  }

  const std::vector<PreparedRule>& rules_;
  std::vector<Entity> entities_;
  std::vector<uint32_t> free_;
  std::vector<Log> logs_;  // by rule
  std::size_t rows_ = 0;   // in all logs
  std::vector<uint32_t> changed_;
  std::vector<uint32_t> live_;  // by host
  uint64_t hosts_live_ = 0;
  PeerTable peers_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_WINDOWS_H_

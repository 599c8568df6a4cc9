// The sliding windows: for each rule, host and role the exact sum over its window.
#ifndef MAILTAP_LIB_CONTROL_WINDOWS_H_
#define MAILTAP_LIB_CONTROL_WINDOWS_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "lib/base/large_vector.h"
#include "lib/control/alert_book.h"
#include "lib/control/host_table.h"
#include "lib/control/peer_table.h"
#include "lib/control/rank_index.h"
#include "lib/control/rule_index.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

// One (rule, condition, subject, role). The subject is a host, or by the rule's scope a group
// or all hosts. Those of one rule's conditions are chained, and judged together with the first.
struct alignas(64) Entity {
  uint64_t a = 0;              // over the window: the metric; for a ratio the sent bytes
  uint64_t b = 0;              // over the window: for a ratio the received bytes
  int64_t bucket = INT64_MIN;  // of the newest row
  UnixNanos last_seen = 0;     // of the traffic that counted, ever
  uint32_t row = 0;            // of that bucket
  uint32_t host = 0;           // or the group's index in the configuration, or 0 for all hosts
  uint32_t alert = kNone;      // of the first condition: its place in the alert book
  uint32_t rows = 0;           // in the window
  uint32_t next_of_host = kNone;    // of first conditions
  uint32_t lead = kNone;            // that of the first condition
  uint32_t next_condition = kNone;  // of the same rule
  uint16_t rule = 0;                // as RuleIndex counts conditions
  Role role = Role::kClient;
  bool due = false;  // for VisitDue()
};
static_assert(sizeof(Entity) == 64);  // one line: a tick may look at millions of them

// Each rule has a log of rows (entity, what it added), a bucket after the other. A bucket that
// leaves the window is walked once to take its rows out of the sums. So an idle host costs
// nothing, and no window is ever summed up anew. Control thread only.
class Windows {
 public:
  // `hosts` are those whose numbers Create() gets. Both outlive this object.
  Windows(const RuleIndex& index, const HostTable& hosts);

  // New entities with empty windows, one for each condition of the rule of which `rule` is the
  // first; returns the first. Numbers are dense.
  uint32_t Create(uint16_t rule, uint32_t host, Role role);
  // Takes back an entity, the first of its rule, and those chained to it. Their windows are
  // empty, and the alert is closed.
  void Remove(uint32_t entity);

  // For a reload. First, by the old rules: empties the windows of `rule`, of which no alert is
  // open; its entities may then be removed.
  void Drop(uint16_t rule);
  // The same of those of its entities that go.
  void Drop(uint16_t rule, const std::function<bool(const Entity&)>& goes);
  // Then, when the index holds the new rules: old rule i is now to[i], or gone where that is
  // kNoRule; the same of the slots of distinct_peers rules. Entities' own numbers are the
  // caller's to set.
  static constexpr uint16_t kNoRule = RuleIndex::kNoRule;
  void Renumber(const std::vector<uint16_t>& to, const std::vector<uint16_t>& slot_to,
                uint16_t slots);
  // Then of each entity: its rule's thresholds may be others.
  void Refresh(uint32_t entity) { Settle(entity, entities_[entity]); }

  // Whether the highest value of each entity is remembered from now on. That of a ratio says
  // nothing: within a tick it passes through values that it never has at its end.
  void KeepPeaks(bool keep) {
    keep_peaks_ = keep;
    peaks_.assign(keep ? entities_.size() : 0, 0);
  }
  bool keeps_peaks() const { return keep_peaks_; }
  // What comes is compared with nothing before.
  void BeginPeaks() { std::fill(peaks_.begin(), peaks_.end(), 0); }
  double PeakOf(uint32_t entity) const { return keep_peaks_ ? peaks_[entity] : 0; }
  void SetPeak(uint32_t entity, double value) {
    if (keep_peaks_) peaks_[entity] = value;
  }

  const Entity& at(uint32_t entity) const { return entities_[entity]; }
  Entity& at(uint32_t entity) { return entities_[entity]; }
  void Prefetch(uint32_t entity) const { __builtin_prefetch(&entities_[entity]); }

  // Adds to the bucket of `tick`. Ticks must not fall; Expire(tick) comes first.
  void Add(uint32_t entity, int64_t tick, uint64_t a, uint64_t b);
  // The same where peers are counted, by the entity's `rule`: `peer` of `peers()` was there.
  void AddPeer(uint32_t entity, uint16_t rule, int64_t tick, uint32_t peer);

  // The metric over the window as of the last Expire().
  double Value(const Entity& entity) const {
    const PreparedRule& rule = rule_of(entity);
    if (rule.metric != config::Metric::kSentReceivedRatio) {
      return static_cast<double>(entity.a);
    }
    if (entity.a < static_cast<uint64_t>(rule.condition->minimum)) return 0;
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

  // How the rule stands at the entity, its first: are all conditions at `raise`, at `clear`.
  Standing StandingOf(const Entity& lead) const;

  // The entity, the first of its rule, has to be judged, whether or not its sums change.
  void MarkDue(uint32_t entity) { MarkDue(entity, entities_[entity]); }
  // Calls visit(id, entity) for each entity, the first of its rule, that was marked since the
  // last call, or of which a sum has changed so that it may raise an alert or has one open;
  // each once, in no certain order. `visit` must not change sums.
  template <typename Visit>
  void VisitDue(Visit&& visit) {
    for (const uint32_t id : due_) {
      entities_[id].due = false;
      visit(id, entities_[id]);
    }
    due_.clear();
  }

  // Calls visit(bucket's number, entity, a, b, peer) for each row of `rule`, the oldest bucket
  // first; `peer` of peers() where peers are counted, which have no a and b.
  template <typename Visit>
  void ForEachRow(uint16_t rule, Visit&& visit) const {
    for (const Bucket& bucket : logs_[rule].buckets) {
      for (std::size_t i = 0; i < bucket.entities.size(); ++i) {
        visit(bucket.number, bucket.entities[i], bucket.a.empty() ? 0 : bucket.a[i],
              bucket.b.empty() ? 0 : bucket.b[i],
              bucket.peers.empty() ? kNone : bucket.peers[i]);
      }
    }
  }

  // How many entities with `host` as their subject have something in their windows, and how
  // many hosts have such.
  uint32_t LiveOf(uint32_t host) const { return host < live_.size() ? live_[host] : 0; }
  uint64_t hosts_live() const { return hosts_live_; }

  // The order of entities wherever they are put out: as the configuration has their rules,
  // then by host, then client before server.
  bool Before(uint32_t a, uint32_t b) const;
  // At most `count` entities of hosts and first conditions with the largest values in
  // proportion to what raises an alert, then in the order of Before().
  std::vector<uint32_t> Top(std::size_t count) const;
  // Of a rule by baseline, of which the value is at `raise` or above: what it really has to
  // reach. To be called each time that VisitDue() comes by; below it stands by `raise`.
  void Rank(uint32_t entity, double raise);

  PeerTable& peers() { return peers_; }
  const PeerTable& peers() const { return peers_; }

 private:
  struct Bucket {
    int64_t number = 0;
    LargeVector<uint32_t> entities;
    LargeVector<uint64_t> a;
    LargeVector<uint64_t> b;      // of ratios only
    LargeVector<uint32_t> peers;  // where peers are counted, in place of a
  };
  struct Log {
    std::deque<Bucket> buckets;
    std::size_t rows = 0;
    int64_t tick = INT64_MIN;   // of the last row,
    Bucket* current = nullptr;  // and its bucket; null: yet to be found
  };

  uint32_t New(uint16_t rule, uint32_t host, Role role);
  Bucket& CurrentBucket(uint16_t rule, int64_t tick) {
    Log& log = logs_[rule];
    if (log.tick != tick || log.current == nullptr) [[unlikely]]
      StartTick(rule, tick);
    return *log.current;
  }
  void StartTick(uint16_t rule, int64_t tick);
  void AddRow(Entity& to);
  void PopFront(uint16_t rule);
  Bucket TakeRows(Bucket& bucket, const std::function<bool(const Entity&)>& goes);
  void ForgetDue(uint16_t rule, const std::function<bool(const Entity&)>& goes);
  void TakeOut(Bucket& bucket, const PreparedRule& rule);
  void MarkDue(uint32_t id, Entity& entity) {
    if (entity.due) return;
    entity.due = true;
    due_.push_back(id);
  }
  // To be called when a sum has changed, while the entity is still near.
  void Settle(uint32_t id, Entity& entity);

  const std::vector<PreparedRule>& rules_;
  const HostTable& hosts_;
  LargeVector<Entity> entities_;
  std::vector<uint32_t> free_;
  std::vector<Log> logs_;  // by rule
  std::size_t rows_ = 0;   // in all logs
  std::vector<uint32_t> due_;
  RankIndex<double> ranks_;     // by value / what raises
  LargeVector<uint32_t> live_;  // by host
  uint64_t hosts_live_ = 0;
  PeerTable peers_;
  bool keep_peaks_ = false;
  LargeVector<double> peaks_;  // by entity, where they are kept
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_WINDOWS_H_

#include "lib/control/windows.h"

#include <algorithm>
#include <utility>

#include "lib/control/places.h"

namespace mailtap::control {

using config::Metric;

Windows::Windows(const RuleIndex& index, const HostTable& hosts)
    : rules_(index.rules()), hosts_(hosts), logs_(rules_.size()), peers_(index.peer_slots()) {}

uint32_t Windows::Create(uint16_t rule, uint32_t host, Role role) {
  const uint32_t lead = New(rule, host, role);
  uint32_t last = lead;
  for (uint16_t i = rule; i < rules_.size() && rules_[i].lead == rule; ++i) {
    const uint32_t id = i == rule ? lead : New(i, host, role);
    entities_[id].lead = lead;
    if (id != lead) entities_[last].next_condition = id;
    last = id;
  }
  return lead;
}

uint32_t Windows::New(uint16_t rule, uint32_t host, Role role) {
  const uint32_t id = TakePlace(entities_, free_);
  if (keep_peaks_) {
    peaks_.resize(entities_.size());
    peaks_[id] = 0;
  }
  entities_[id].rule = rule;
  entities_[id].host = host;
  entities_[id].role = role;
  return id;
}

void Windows::Remove(uint32_t entity) {
  for (; entity != kNone; entity = entities_[entity].next_condition) free_.push_back(entity);
}

Standing Windows::StandingOf(const Entity& lead) const {
  Standing standing{true, true};
  for (const Entity* entity = &lead;; entity = &entities_[entity->next_condition]) {
    const double value = Value(*entity);
    standing.raised &= value >= rule_of(*entity).raise;
    standing.held &= value >= rule_of(*entity).clear;
    if (entity == &lead) standing.value = value;
    if (entity->next_condition == kNone) return standing;
  }
}

void Windows::StartTick(uint16_t rule, int64_t tick) {
  Log& log = logs_[rule];
  const int64_t number = rules_[rule].shape.BucketOf(tick);
  std::deque<Bucket>& buckets = log.buckets;
  if (buckets.empty() || buckets.back().number != number) {
    // As many rows as last time are likely; growing a million rows step by step is not free.
    const std::size_t likely = buckets.empty() ? 0 : buckets.back().entities.size();
    Bucket& fresh = buckets.emplace_back();
    fresh.number = number;
    fresh.entities.reserve(likely);
    const Metric metric = rules_[rule].metric;
    if (CountsPeers(metric)) {
      fresh.peers.reserve(likely);
    } else {
      fresh.a.reserve(likely);
    }
    if (metric == Metric::kSentReceivedRatio) fresh.b.reserve(likely);
  }
  log.tick = tick;
  log.current = &buckets.back();
}

void Windows::AddRow(Entity& to) {
  ++logs_[to.rule].rows;
  ++rows_;
  if (to.rows++ > 0 || rules_[to.rule].scope != config::Scope::kHost) return;
  if (to.host >= live_.size()) live_.resize(to.host + std::size_t{1} + to.host / 2);
  if (live_[to.host]++ == 0) ++hosts_live_;
}

bool Windows::Before(uint32_t a, uint32_t b) const {
  const Entity& x = entities_[a];
  const Entity& y = entities_[b];
  if (x.rule != y.rule) return x.rule < y.rule;
  if (x.host != y.host) {
    return rules_[x.rule].scope == config::Scope::kHost
               ? hosts_.at(x.host).key < hosts_.at(y.host).key
               : x.host < y.host;
  }
  return x.role < y.role;
}

std::vector<uint32_t> Windows::Top(std::size_t count) const {
  return ranks_.Top(count, [this](uint32_t a, uint32_t b) { return Before(a, b); });
}

void Windows::Rank(uint32_t id, double raise) {
  ranks_.Set(id, Value(entities_[id]) / raise,
             [this](uint32_t a, uint32_t b) { return Before(a, b); });
}

void Windows::Settle(uint32_t id, Entity& entity) {
  const double value = Value(entity);
  const PreparedRule& rule = rules_[entity.rule];
  if (keep_peaks_ && value > peaks_[id]) peaks_[id] = value;
  Entity& lead = entity.lead == id ? entity : entities_[entity.lead];
  // What is usual is looked up once a tick, not here.
  const bool by_judge = rule.by_baseline && value >= rule.raise;
  if (entity.lead == id && rule.scope == config::Scope::kHost && !by_judge) {
    Rank(id, rule.raise);
  }
  if (value >= rule.raise || lead.alert != kNone) MarkDue(entity.lead, lead);
}

void Windows::Add(uint32_t id, int64_t tick, uint64_t a, uint64_t b) {
  if (a == 0 && b == 0) return;
  Entity& entity = entities_[id];
  const PreparedRule& rule = rules_[entity.rule];
  Bucket& bucket = CurrentBucket(entity.rule, tick);
  const bool ratio = rule.metric == Metric::kSentReceivedRatio;
  if (entity.bucket != bucket.number) {
    entity.bucket = bucket.number;
    entity.row = static_cast<uint32_t>(bucket.entities.size());
    bucket.entities.push_back(id);
    bucket.a.push_back(0);
    if (ratio) bucket.b.push_back(0);
    AddRow(entity);
  }
  entity.a += a;
  bucket.a[entity.row] += a;
  if (ratio) {
    entity.b += b;
    bucket.b[entity.row] += b;
  }
  Settle(id, entity);
}

void Windows::AddPeer(uint32_t id, uint16_t rule, int64_t tick, uint32_t peer) {
  Bucket& bucket = CurrentBucket(rule, tick);
  int64_t& last = peers_.LastBucket(peer, rules_[rule].peer_slot);
  if (last == bucket.number) return;  // as nearly always, without a look at the entity
  Entity& entity = entities_[id];
  bucket.entities.push_back(id);
  bucket.peers.push_back(peer);
  peers_.AddRow(peer);
  AddRow(entity);
  if (last == PeerTable::kNever) ++entity.a;
  last = bucket.number;
  Settle(id, entity);
}

int64_t Windows::NextExpiry(uint16_t rule) const {
  const std::deque<Bucket>& buckets = logs_[rule].buckets;
  return buckets.empty() ? INT64_MAX : rules_[rule].shape.LeavesAt(buckets.front().number);
}

int64_t Windows::NextExpiry() const {
  int64_t next = INT64_MAX;
  for (uint16_t rule = 0; rule < rules_.size(); ++rule) {
    next = std::min(next, NextExpiry(rule));
  }
  return next;
}

void Windows::Expire(int64_t tick) {
  for (uint16_t rule = 0; rule < rules_.size(); ++rule) {
    while (NextExpiry(rule) <= tick) PopFront(rule);
  }
}

void Windows::PopFront(uint16_t rule) {
  Log& log = logs_[rule];
  Bucket bucket = std::move(log.buckets.front());
  log.buckets.pop_front();
  log.current = nullptr;
  log.rows -= bucket.entities.size();
  rows_ -= bucket.entities.size();
  TakeOut(bucket, rules_[rule]);
}

void Windows::TakeOut(Bucket& bucket, const PreparedRule& rule) {
  constexpr std::size_t kAhead = 16;
  const bool peers = CountsPeers(rule.metric);
  const bool ratio = rule.metric == Metric::kSentReceivedRatio;
  const std::size_t rows = bucket.entities.size();
  for (std::size_t i = 0; i < rows; ++i) {
    if (i + kAhead < rows) Prefetch(bucket.entities[i + kAhead]);
    const uint32_t id = bucket.entities[i];
    Entity& entity = entities_[id];
    if (peers) {
      // A peer that came back later is counted in its later bucket.
      int64_t& last = peers_.LastBucket(bucket.peers[i], rule.peer_slot);
      if (last == bucket.number) {
        last = PeerTable::kNever;
        --entity.a;
      }
      peers_.RemoveRow(bucket.peers[i]);
    } else {
      entity.a -= bucket.a[i];
      if (ratio) entity.b -= bucket.b[i];
    }
    if (entity.bucket == bucket.number) entity.bucket = INT64_MIN;
    --entity.rows;
    if (entity.rows == 0 && rule.scope == config::Scope::kHost && --live_[entity.host] == 0) {
      --hosts_live_;
    }
    Settle(id, entity);
  }
}

void Windows::Drop(uint16_t rule) {
  while (!logs_[rule].buckets.empty()) PopFront(rule);
  ForgetDue(rule, [](const Entity&) { return true; });
}

void Windows::Drop(uint16_t rule, const std::function<bool(const Entity&)>& goes) {
  Log& log = logs_[rule];
  for (Bucket& bucket : log.buckets) {
    Bucket taken = TakeRows(bucket, goes);
    log.rows -= taken.entities.size();
    rows_ -= taken.entities.size();
    TakeOut(taken, rules_[rule]);
  }
  std::erase_if(log.buckets, [](const Bucket& bucket) { return bucket.entities.empty(); });
  log.current = nullptr;
  ForgetDue(rule, goes);
}

// Splits off the rows of entities that go.
Windows::Bucket Windows::TakeRows(Bucket& bucket,
                                  const std::function<bool(const Entity&)>& goes) {
  Bucket kept, taken;
  kept.number = taken.number = bucket.number;
  for (std::size_t i = 0; i < bucket.entities.size(); ++i) {
    Entity& entity = entities_[bucket.entities[i]];
    const bool stays = !goes(entity);
    Bucket& to = stays ? kept : taken;
    // What still comes adds to the row where it is now.
    if (stays && entity.bucket == bucket.number) {
      entity.row = static_cast<uint32_t>(kept.entities.size());
    }
    to.entities.push_back(bucket.entities[i]);
    if (!bucket.a.empty()) to.a.push_back(bucket.a[i]);
    if (!bucket.b.empty()) to.b.push_back(bucket.b[i]);
    if (!bucket.peers.empty()) to.peers.push_back(bucket.peers[i]);
  }
  bucket = std::move(kept);
  return taken;
}

void Windows::ForgetDue(uint16_t rule, const std::function<bool(const Entity&)>& goes) {
  std::erase_if(due_, [&](uint32_t id) {
    Entity& entity = entities_[id];
    if (rules_[entity.rule].lead != rules_[rule].lead || !goes(entity)) return false;
    entity.due = false;
    return true;
  });
}

void Windows::Renumber(const std::vector<uint16_t>& to, const std::vector<uint16_t>& slot_to,
                       uint16_t slots) {
  std::vector<Log> logs(rules_.size());
  for (std::size_t old = 0; old < to.size(); ++old) {
    if (to[old] != kNoRule) logs[to[old]] = std::move(logs_[old]);
  }
  logs_ = std::move(logs);
  peers_.Renumber(slot_to, slots);
}

std::size_t Windows::Trim(std::size_t rows) {
  std::size_t dropped = 0;
  while (rows_ > rows) {
    int longest = -1;
    for (int rule = 0; rule < static_cast<int>(logs_.size()); ++rule) {
      // The newest bucket is bounded by the hosts, and rows are still added to it.
      if (logs_[rule].buckets.size() < 2) continue;
      if (longest < 0 || logs_[rule].rows > logs_[longest].rows) longest = rule;
    }
    if (longest < 0) break;
    dropped += logs_[longest].buckets.front().entities.size();
    PopFront(static_cast<uint16_t>(longest));
  }
  return dropped;
}

}  // namespace mailtap::control

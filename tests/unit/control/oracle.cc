#include "tests/unit/control/oracle.h"

#include <algorithm>
#include <set>

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

template <typename T>
bool Lists(const std::vector<T>& list, const T& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool In(const std::vector<net::Prefix>& prefixes, const net::IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const net::Prefix& p) { return p.Contains(address); });
}

}  // namespace

bool Oracle::Internal(const net::IpAddress& address) const {
  return In(config_.networks.internal, address);
}

Verdict Oracle::VerdictOf(const meter::ConversationKey& key) const {
  const bool client = Internal(key.client), server = Internal(key.server);
  if (!client && !server) return Verdict::kTransit;
  for (const config::Relay& relay : config_.relays) {
    if ((relay.sources.empty() || In(relay.sources, key.client)) &&
        (relay.destinations.empty() || In(relay.destinations, key.server)) &&
        Lists(relay.services, key.service) && Lists(relay.ports, key.server_port)) {
      return client ? Verdict::kApproved : Verdict::kInbound;
    }
  }
  return client && server ? Verdict::kUnapprovedInternal : Verdict::kUnapprovedExternal;
}

bool Oracle::Concerns(const config::Rule& rule, const View& view) const {
  if (!Lists(rule.roles, view.role) || !Lists(rule.services, view.delta.key.service)) {
    return false;
  }
  if (rule.verdicts.empty()) {
    if (view.verdict != Verdict::kUnapprovedExternal &&
        view.verdict != Verdict::kUnapprovedInternal) {
      return false;
    }
  } else if (!Lists(rule.verdicts, view.verdict)) {
    return false;
  }
  if (rule.groups.empty()) return true;
  return std::any_of(config_.groups.begin(), config_.groups.end(), [&](const config::Group& g) {
    return Lists(rule.groups, g.name) && In(g.members, view.host);
  });
}

void Oracle::Tick(int64_t tick, const std::vector<meter::DeltaRecord>& deltas) {
  // Per tick and kind of traffic: did any of it count for the entity, and when was the last.
  std::map<std::tuple<EntityKey, Service, Verdict>, std::pair<bool, UnixNanos>> lanes;
  for (const meter::DeltaRecord& delta : deltas) {
    const Verdict verdict = VerdictOf(delta.key);
    for (const Role role : {Role::kClient, Role::kServer}) {
      const bool client = role == Role::kClient;
      const net::IpAddress host = client ? delta.key.client : delta.key.server;
      if (!Internal(host)) continue;
      const uint64_t up = delta.bytes[kUp].volume(), down = delta.bytes[kDown].volume();
      views_.push_back({tick, delta, host, role, verdict, client ? up : down,
                        client ? down : up, client ? delta.key.server : delta.key.client});
      const View& view = views_.back();
      for (int rule = 0; rule < static_cast<int>(config_.rules.size()); ++rule) {
        if (!Concerns(config_.rules[rule], view)) continue;
        const EntityKey key{rule, host, role};
        entities_[key].views.push_back(views_.size() - 1);
        auto& [counts, last] = lanes[{key, delta.key.service, verdict}];
        counts |= Amount(view, config_.rules[rule].metric) > 0;
        if (config_.rules[rule].metric == Metric::kSentReceivedRatio) {
          counts |= view.received > 0;
        }
        last = std::max(last, delta.last_seen);
      }
    }
  }
  for (const auto& [lane, seen] : lanes) {
    if (!seen.first) continue;
    EntityState& entity = entities_[std::get<0>(lane)];
    entity.news = true;
    entity.last_seen = std::max(entity.last_seen, seen.second);
  }
  for (auto& [key, entity] : entities_) {
    Measure(tick, key, entity);
    Judge(tick, key, entity);
    ++cases_;
  }
}

uint64_t Oracle::Amount(const View& view, Metric metric) const {
  switch (metric) {
    case Metric::kSentBytes:
    case Metric::kSentReceivedRatio:
      return view.sent;
    case Metric::kReceivedBytes:
      return view.received;
    case Metric::kSessions:
      return view.delta.sessions;
    case Metric::kMessages:
      return view.delta.messages;
    case Metric::kDistinctPeers:
      return 1;
  }
  return 0;
}

std::vector<const Oracle::View*> Oracle::InWindow(int64_t tick, int rule,
                                                  const EntityState& entity) const {
  const int64_t window = config_.rules[rule].window_seconds;
  const int64_t width = std::max<int64_t>(1, window / 60);
  std::vector<const View*> held;
  for (const std::size_t index : entity.views) {
    const View& view = views_[index];
    const int64_t bucket_end = view.tick - view.tick % width + width;
    if (bucket_end > tick + 1 - window) held.push_back(&view);
  }
  return held;
}

void Oracle::Measure(int64_t tick, const EntityKey& key, EntityState& entity) {
  const int rule = std::get<0>(key);
  const Metric metric = config_.rules[rule].metric;
  uint64_t sum = 0, received = 0;
  std::set<net::IpAddress> peers;
  entity.tracked = false;
  for (const View* view : InWindow(tick, rule, entity)) {
    sum += Amount(*view, metric);
    received += view->received;
    peers.insert(view->peer);
    entity.tracked |= Amount(*view, metric) > 0 ||
                      (metric == Metric::kSentReceivedRatio && view->received > 0);
  }
  entity.value = static_cast<double>(sum);
  if (metric == Metric::kDistinctPeers) entity.value = static_cast<double>(peers.size());
  if (metric == Metric::kSentReceivedRatio) {
    entity.value /= static_cast<double>(std::max<uint64_t>(1, received));
  }
}

void Oracle::Judge(int64_t tick, const EntityKey& key, EntityState& entity) {
  const config::Rule& rule = config_.rules[std::get<0>(key)];
  if (!entity.open) {
    entity.news = false;
    if (entity.value < rule.raise) return;
    entity.open = true;
    entity.below_since = -1;
    entity.last_report = tick;
    return Report(AlertState::kRaised, tick, key, entity);
  }
  if (entity.value >= rule.clear) entity.below_since = -1;
  if (entity.value < rule.clear && entity.below_since < 0) entity.below_since = tick;
  if (entity.below_since >= 0 && tick - entity.below_since >= rule.hold_seconds) {
    entity.open = false;
    return Report(AlertState::kCleared, tick, key, entity);
  }
  if (entity.news && tick - entity.last_report >= config_.alerts.update_seconds) {
    entity.news = false;
    entity.last_report = tick;
    Report(AlertState::kUpdated, tick, key, entity);
  }
}

void Oracle::Report(AlertState state, int64_t tick, const EntityKey& key, EntityState& entity) {
  const config::Rule& rule = config_.rules[std::get<0>(key)];
  const std::vector<const View*> held = InWindow(tick, std::get<0>(key), entity);
  Alert alert;
  alert.state = state;
  alert.time = (tick + 1) * kNanosPerSecond;
  alert.rule = rule.name;
  alert.severity = rule.severity;
  alert.host = std::get<1>(key);
  alert.role = std::get<2>(key);
  alert.metric = rule.metric;
  alert.value = entity.value;
  alert.threshold = state == AlertState::kCleared ? rule.clear : rule.raise;
  alert.window_seconds = rule.window_seconds;
  alert.last_seen = entity.last_seen;

  struct PeerSum {
    AlertPeer peer;
    uint64_t share = 0;
  };
  std::map<std::tuple<net::IpAddress, uint16_t, Verdict>, PeerSum> peers;
  std::map<meter::ConversationKey, std::pair<int, uint64_t>> ways;  // directions seen, volume
  std::map<Verdict, uint64_t> verdicts;
  std::map<Service, uint64_t> services;
  std::set<std::pair<Verdict, net::IpAddress>> verdict_peers;
  std::set<std::pair<Service, net::IpAddress>> service_peers;
  uint64_t volume = 0, inferred = 0, repeated = 0, observed = 0;
  UnixNanos first = INT64_MAX;
  for (const View* view : held) {
    first = std::min(first, view->delta.first_seen);
    PeerSum& sum = peers[{view->peer, view->delta.key.server_port, view->verdict}];
    sum.peer.peer = view->peer;
    sum.peer.port = view->delta.key.server_port;
    sum.peer.verdict = view->verdict;
    sum.peer.sent += view->sent;
    sum.peer.received += view->received;
    sum.peer.sessions += view->delta.sessions;
    const uint64_t amount = Amount(*view, rule.metric);
    sum.share = rule.metric == Metric::kDistinctPeers ? 1 : sum.share + amount;
    if (rule.metric == Metric::kDistinctPeers) {
      verdicts[view->verdict] += verdict_peers.insert({view->verdict, view->peer}).second;
      services[view->delta.key.service] +=
          service_peers.insert({view->delta.key.service, view->peer}).second;
    } else {
      verdicts[view->verdict] += amount;
      services[view->delta.key.service] += amount;
    }
    auto& way = ways[view->delta.key];
    for (int d = 0; d < kDirectionCount; ++d) {
      if (view->delta.bytes[d].packets > 0) way.first |= 1 << d;
      way.second += view->delta.bytes[d].volume();
      volume += view->delta.bytes[d].volume();
      observed += view->delta.bytes[d].observed;
      inferred += view->delta.bytes[d].inferred;
      repeated += view->delta.bytes[d].repeated;
    }
  }
  if (state == AlertState::kRaised) entity.first_seen = first;
  alert.first_seen = entity.first_seen;

  const auto largest = [](const auto& shares) {
    auto best = shares.begin();
    for (auto it = shares.begin(); it != shares.end(); ++it) {
      if (it->second > best->second) best = it;
    }
    return best;
  };
  // A window without any share of the metric says nothing; the order of kinds is not fixed
  // then.
  if (!held.empty() && largest(verdicts)->second > 0) {
    entity.verdict = largest(verdicts)->first;
    entity.service = largest(services)->first;
  }
  alert.verdict = entity.verdict;
  alert.service = entity.service;

  uint64_t one_way = 0;
  for (const auto& [conversation, way] : ways) {
    if (way.first == 1 || way.first == 2) one_way += way.second;
  }
  if (volume > 0) {
    alert.confidence.loss_ratio = static_cast<double>(inferred) / static_cast<double>(volume);
    alert.confidence.one_way_ratio = static_cast<double>(one_way) / static_cast<double>(volume);
  }
  if (observed + repeated > 0) {
    alert.confidence.repeat_ratio =
        static_cast<double>(repeated) / static_cast<double>(observed + repeated);
  }

  std::vector<PeerSum> ranked;
  for (const auto& [peer, sum] : peers) ranked.push_back(sum);
  std::stable_sort(ranked.begin(), ranked.end(), [](const PeerSum& a, const PeerSum& b) {
    return std::tie(a.share, a.peer.sent, a.peer.received, a.peer.sessions) >
           std::tie(b.share, b.peer.sent, b.peer.received, b.peer.sessions);
  });
  for (const PeerSum& sum : ranked) {
    if (static_cast<int64_t>(alert.top_peers.size()) == config_.alerts.top_peers) break;
    alert.top_peers.push_back(sum.peer);
  }
  alerts.push_back(alert);
}

std::vector<Oracle::Gauge> Oracle::Gauges() const {
  std::vector<Gauge> gauges;
  for (const auto& [key, entity] : entities_) {
    if (entity.value <= 0) continue;
    gauges.push_back(
        {std::get<0>(key), std::get<1>(key), std::get<2>(key), entity.value, entity.open});
  }
  std::stable_sort(gauges.begin(), gauges.end(), [&](const Gauge& a, const Gauge& b) {
    return a.value / config_.rules[a.rule].raise > b.value / config_.rules[b.rule].raise;
  });
  return gauges;
}

std::size_t Oracle::HostsTracked() const {
  std::set<net::IpAddress> hosts;
  for (const auto& [key, entity] : entities_) {
    if (entity.tracked) hosts.insert(std::get<1>(key));
  }
  return hosts.size();
}

}  // namespace mailtap::control

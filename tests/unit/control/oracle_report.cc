// What the oracle's alerts say.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "tests/unit/control/oracle.h"

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

struct PeerSum {
  AlertPeer peer;
  uint64_t share = 0;
};
using PeerSums = std::map<std::tuple<net::IpAddress, uint16_t, Verdict>, PeerSum>;

// The key with the largest share, the first of equals.
template <typename Key>
std::pair<Key, uint64_t> Largest(const std::map<Key, uint64_t>& shares) {
  auto best = shares.begin();
  for (auto it = shares.begin(); it != shares.end(); ++it) {
    if (it->second > best->second) best = it;
  }
  return *best;
}

std::vector<AlertPeer> TopPeers(const PeerSums& peers, int64_t most) {
  std::vector<PeerSum> ranked;
  for (const auto& [peer, sum] : peers) ranked.push_back(sum);
  std::stable_sort(ranked.begin(), ranked.end(), [](const PeerSum& a, const PeerSum& b) {
    return std::tie(a.share, a.peer.sent, a.peer.received, a.peer.sessions) >
           std::tie(b.share, b.peer.sent, b.peer.received, b.peer.sessions);
  });
  std::vector<AlertPeer> top;
  for (const PeerSum& sum : ranked) {
    if (static_cast<int64_t>(top.size()) == most) break;
    top.push_back(sum.peer);
  }
  return top;
}

// How well a capture shows what deltas report.
class SightOfDeltas {
 public:
  void Add(const meter::DeltaRecord& delta) {
    auto& [directions, bytes] = ways_[delta.key];
    for (int d = 0; d < kDirectionCount; ++d) {
      if (delta.bytes[d].packets > 0) directions |= 1 << d;
      bytes += delta.bytes[d].volume();
      volume_ += static_cast<double>(delta.bytes[d].volume());
      observed_ += static_cast<double>(delta.bytes[d].observed);
      inferred_ += static_cast<double>(delta.bytes[d].inferred);
      repeated_ += static_cast<double>(delta.bytes[d].repeated);
    }
  }
  void Tell(Confidence& confidence) const {
    double one_way = 0;
    for (const auto& [conversation, way] : ways_) {
      if (way.first == 1 || way.first == 2) one_way += static_cast<double>(way.second);
    }
    if (volume_ > 0) confidence.loss_ratio = inferred_ / volume_;
    if (volume_ > 0) confidence.one_way_ratio = one_way / volume_;
    if (observed_ + repeated_ > 0)
      confidence.repeat_ratio = repeated_ / (observed_ + repeated_);
  }

 private:
  std::map<meter::ConversationKey, std::pair<int, uint64_t>> ways_;  // directions seen, volume
  double volume_ = 0, observed_ = 0, inferred_ = 0, repeated_ = 0;
};

// The fields that rule and values alone decide.
Alert Outline(AlertState state, const config::Rule& rule, const std::vector<double>& values) {
  const bool cleared = state == AlertState::kCleared;
  Alert alert;
  alert.state = state;
  alert.rule = rule.name;
  alert.severity = rule.severity;
  alert.scope = rule.scope;
  alert.metric = rule.metric;
  alert.value = values[0];
  alert.threshold = cleared ? rule.clear : rule.raise;
  alert.window_seconds = rule.window_seconds;
  for (std::size_t i = 0; i < rule.conditions.size(); ++i) {
    const config::Condition& condition = rule.conditions[i];
    alert.conditions.push_back({condition.metric, values[i + 1],
                                cleared ? condition.clear : condition.raise,
                                condition.window_seconds});
  }
  return alert;
}

}  // namespace

void Oracle::Report(AlertState state, int64_t tick, const EntityKey& key, EntityState& entity) {
  const config::Rule& rule = config_.rules[std::get<0>(key)];
  Alert alert = Outline(state, rule, entity.values);
  alert.time = (tick + 1) * kNanosPerSecond;
  if (std::get<1>(key) >= 0) alert.asset = config_.groups[std::get<1>(key)].name;
  alert.host = std::get<2>(key);
  alert.role = std::get<3>(key);
  alert.highest = entity.highest;
  alert.last_seen = entity.last_seen;
  const std::vector<const View*> held = EvidenceOf(tick, rule, entity);
  AddEvidence(held, rule, entity, alert);
  // What failed has no bytes; the mail besides it tells how well the capture shows it.
  const bool failed = rule.metric == Metric::kFailedSessions;
  AddSight(failed ? InWindow(tick, rule, entity.views) : held, alert);
  alerts.push_back(alert);
}

void Oracle::AddEvidence(const std::vector<const View*>& held, const config::Rule& rule,
                         EntityState& entity, Alert& alert) const {
  const bool by_peers = CountsPeers(rule.metric);
  const bool failed = rule.metric == Metric::kFailedSessions;
  PeerSums peers;
  std::map<Verdict, uint64_t> verdicts;
  std::map<Service, uint64_t> services;
  std::set<std::pair<Verdict, net::IpAddress>> verdict_peers;
  std::set<std::pair<Service, net::IpAddress>> service_peers;
  UnixNanos first = held.empty() ? entity.last_seen : INT64_MAX;
  for (const View* view : held) {
    const meter::ConversationKey& key = view->delta.key;
    first = std::min(first, view->delta.first_seen);
    PeerSum& sum = peers[{view->peer, key.server_port, view->verdict}];
    sum.peer.peer = view->peer;
    sum.peer.port = key.server_port;
    sum.peer.verdict = view->verdict;
    sum.peer.sent += failed ? 0 : view->sent;
    sum.peer.received += failed ? 0 : view->received;
    sum.peer.sessions += failed ? view->delta.failed_sessions : view->delta.sessions;
    const uint64_t amount = Amount(*view, rule);
    sum.share = by_peers ? 1 : sum.share + amount;
    const bool new_verdict = verdict_peers.insert({view->verdict, view->peer}).second;
    const bool new_service = service_peers.insert({key.service, view->peer}).second;
    verdicts[view->verdict] += by_peers ? (new_verdict ? 1 : 0) : amount;
    services[key.service] += by_peers ? (new_service ? 1 : 0) : amount;
  }
  if (alert.state == AlertState::kRaised) entity.first_seen = first;
  alert.first_seen = entity.first_seen;
  // A window without any share of the metric says nothing; the order of kinds is not fixed
  // then.
  if (!held.empty() && Largest(verdicts).second > 0) {
    entity.verdict = Largest(verdicts).first;
    entity.service = Largest(services).first;
  }
  alert.verdict = entity.verdict;
  alert.service = entity.service;
  alert.top_peers = TopPeers(peers, config_.alerts.top_peers);
}

void Oracle::AddSight(const std::vector<const View*>& held, Alert& alert) const {
  SightOfDeltas sight;
  for (const View* view : held) {
    if (view->traffic) sight.Add(view->delta);
  }
  sight.Tell(alert.confidence);
}

}  // namespace mailtap::control

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

// By UTC; 1970-01-01 was a Thursday.
bool InHours(const config::Rule& rule, int64_t tick) {
  const auto minute = static_cast<int>(tick % 86'400 / 60);
  const auto weekday = static_cast<config::Weekday>((tick / 86'400 + 3) % 7);
  const bool now = rule.hours.from < rule.hours.to
                       ? minute >= rule.hours.from && minute < rule.hours.to
                       : minute >= rule.hours.from || minute < rule.hours.to;
  return now && Lists(rule.weekdays, weekday);
}

std::vector<config::Condition> ConditionsOf(const config::Rule& rule) {
  std::vector<config::Condition> conditions = {rule};
  conditions.insert(conditions.end(), rule.conditions.begin(), rule.conditions.end());
  return conditions;
}

}  // namespace

bool Oracle::Internal(const net::IpAddress& address) const {
  return In(config_.networks.internal, address);
}

Verdict Oracle::VerdictOf(const meter::ConversationKey& key) const {
  const bool client = Internal(key.client), server = Internal(key.server);
  if (!client && !server) return Verdict::kTransit;
  for (const config::Relay& relay : config_.relays) {
    if (relay.mode == config::RelayMode::kObserve) continue;
    if ((relay.sources.empty() || In(relay.sources, key.client)) &&
        (relay.destinations.empty() || In(relay.destinations, key.server)) &&
        Lists(relay.services, key.service) && Lists(relay.ports, key.server_port)) {
      return client ? Verdict::kApproved : Verdict::kInbound;
    }
  }
  return client && server ? Verdict::kUnapprovedInternal : Verdict::kUnapprovedExternal;
}

bool Oracle::Counts(const config::Rule& rule, const View& view) const {
  if (!Lists(rule.roles, view.role) || !Lists(rule.services, view.delta.key.service) ||
      !Lists(rule.tls, view.delta.key.tls)) {
    return false;
  }
  if (!rule.verdicts.empty()) return Lists(rule.verdicts, view.verdict);
  return view.verdict == Verdict::kUnapprovedExternal ||
         view.verdict == Verdict::kUnapprovedInternal;
}

std::vector<int> Oracle::GroupsOf(const net::IpAddress& host) const {
  std::vector<int> groups;
  for (int i = 0; i < static_cast<int>(config_.groups.size()); ++i) {
    if (In(config_.groups[i].members, host)) groups.push_back(i);
  }
  return groups;
}

std::vector<Oracle::EntityKey> Oracle::EntitiesOf(int number, const View& view) const {
  const config::Rule& rule = config_.rules[number];
  if (!Counts(rule, view)) return {};
  std::vector<EntityKey> keys;
  for (const int group : GroupsOf(view.host)) {
    if (!Lists(rule.groups, config_.groups[group].name)) continue;
    if (rule.scope == config::Scope::kGroup) {
      keys.push_back({number, group, net::IpAddress(), view.role});
    } else if (keys.empty()) {
      keys.push_back({number, -1, view.host, view.role});
    }
  }
  if (rule.groups.empty() && rule.scope != config::Scope::kGroup) {
    keys = {{number, -1, view.host, view.role}};
  }
  if (rule.scope == config::Scope::kSite && !keys.empty()) {
    keys = {{number, -1, net::IpAddress(), view.role}};
  }
  return keys;
}

void Oracle::Tick(int64_t tick, const std::vector<meter::DeltaRecord>& deltas) {
  first_tick_ = std::min(first_tick_, tick);
  for (const meter::DeltaRecord& delta : deltas) {
    const Verdict verdict = VerdictOf(delta.key);
    const uint64_t up = delta.bytes[kUp].volume(), down = delta.bytes[kDown].volume();
    const bool traffic = delta.sessions + delta.messages + delta.rejected + up + down +
                             delta.bytes[kUp].packets + delta.bytes[kDown].packets +
                             delta.bytes[kUp].repeated + delta.bytes[kDown].repeated >
                         0;
    for (const Role role : {Role::kClient, Role::kServer}) {
      const bool client = role == Role::kClient;
      View view{tick,
                delta,
                client ? delta.key.client : delta.key.server,
                role,
                verdict,
                client ? up : down,
                client ? down : up,
                client ? delta.key.server : delta.key.client,
                traffic,
                false};
      if (!Internal(view.host)) continue;
      if (traffic) {
        const auto met = met_.try_emplace({view.host, role, view.peer}, tick).first;
        view.is_new = met->second == tick;
      }
      See(view);
    }
  }
  for (auto& [key, entity] : entities_) {
    Measure(tick, key, entity);
    Judge(tick, key, entity);
    ++cases_;
  }
}

void Oracle::See(const View& view) {
  views_.push_back(view);
  for (int number = 0; number < static_cast<int>(config_.rules.size()); ++number) {
    const config::Rule& rule = config_.rules[number];
    for (const EntityKey& key : EntitiesOf(number, view)) {
      EntityState& entity = entities_[key];
      if (InHours(rule, view.tick)) entity.views.push_back(views_.size() - 1);
    }
  }
}

uint64_t Oracle::Amount(const View& view, const config::Condition& condition) const {
  switch (condition.metric) {
    case Metric::kSentBytes:
    case Metric::kSentReceivedRatio:
      return view.sent;
    case Metric::kReceivedBytes:
      return view.received;
    case Metric::kSessions:
      return view.delta.sessions;
    case Metric::kMessages:
      return view.delta.messages;
    case Metric::kRejected:
      return view.delta.rejected;
    case Metric::kFailedSessions:
      return view.delta.failed_sessions;
    case Metric::kDistinctPeers:
      return view.traffic ? 1 : 0;
    case Metric::kNewPeers:
      return view.is_new && view.tick - first_tick_ >= condition.window_seconds ? 1 : 0;
  }
  return 0;
}

std::vector<const Oracle::View*> Oracle::InWindow(int64_t tick,
                                                  const config::Condition& condition,
                                                  const std::vector<std::size_t>& views) const {
  const int64_t window = condition.window_seconds;
  const int64_t width = std::max<int64_t>(1, window / 60);
  std::vector<const View*> held;
  for (const std::size_t index : views) {
    const View& view = views_[index];
    const int64_t bucket_end = view.tick - view.tick % width + width;
    if (bucket_end > tick + 1 - window) held.push_back(&view);
  }
  return held;
}

std::vector<const Oracle::View*> Oracle::EvidenceOf(int64_t tick, const config::Rule& rule,
                                                    const EntityState& entity) const {
  const bool of_new = rule.metric == Metric::kNewPeers;
  const std::vector<const View*> all = InWindow(tick, rule, entity.views);
  std::set<net::IpAddress> met;
  std::set<std::pair<meter::ConversationKey, Verdict>> counted;
  for (const View* view : all) {
    const bool ratio = rule.metric == Metric::kSentReceivedRatio;
    if (Amount(*view, rule) == 0 && !(ratio && view->traffic && view->received > 0)) continue;
    met.insert(view->peer);
    counted.emplace(view->delta.key, view->verdict);
  }
  std::vector<const View*> held;
  for (const View* view : all) {
    if (rule.metric == Metric::kFailedSessions) {
      if (view->delta.failed_sessions > 0) held.push_back(view);
    } else if (view->traffic && (of_new ? met.contains(view->peer)
                                        : counted.contains({view->delta.key, view->verdict}))) {
      held.push_back(view);
    }
  }
  return held;
}

void Oracle::Measure(int64_t tick, const EntityKey& key, EntityState& entity) {
  const config::Rule& rule = config_.rules[std::get<0>(key)];
  entity.tracked = false;
  entity.values.clear();
  for (const config::Condition& condition : ConditionsOf(rule)) {
    const Metric metric = condition.metric;
    const bool ratio = metric == Metric::kSentReceivedRatio;
    uint64_t sum = 0, received = 0;
    std::set<net::IpAddress> peers;
    // What this tick brought to each kind of traffic: did any of it count, when was its last.
    std::map<std::tuple<net::IpAddress, Service, Verdict, Tls>, std::pair<bool, UnixNanos>>
        kinds;
    for (const View* view : InWindow(tick, condition, entity.views)) {
      const uint64_t amount = Amount(*view, condition);
      sum += amount;
      if (view->traffic) received += view->received;
      const bool counts = amount > 0 || (ratio && view->received > 0);
      if (counts) peers.insert(view->peer);
      entity.tracked |= counts && rule.scope == config::Scope::kHost;
      if (view->tick != tick) continue;
      const bool picks = CountsPeers(metric) || metric == Metric::kFailedSessions;
      if (picks ? !counts : !view->traffic) continue;
      auto& [any, last] =
          kinds[{view->host, view->delta.key.service, view->verdict, view->delta.key.tls}];
      any |= counts;
      last = std::max(last, view->delta.last_seen);
    }
    for (const auto& [kind, seen] : kinds) {
      if (!seen.first) continue;
      entity.news = true;
      entity.last_seen = std::max(entity.last_seen, seen.second);
    }
    double value =
        CountsPeers(metric) ? static_cast<double>(peers.size()) : static_cast<double>(sum);
    if (ratio) value /= static_cast<double>(std::max<uint64_t>(1, received));
    if (ratio && sum < static_cast<uint64_t>(condition.minimum)) value = 0;
    entity.values.push_back(value);
  }
}

void Oracle::Judge(int64_t tick, const EntityKey& key, EntityState& entity) {
  const config::Rule& rule = config_.rules[std::get<0>(key)];
  const std::vector<config::Condition> conditions = ConditionsOf(rule);
  bool raised = true, held = true;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    raised = raised && entity.values[i] >= conditions[i].raise;
    held = held && entity.values[i] >= conditions[i].clear;
  }
  if (!entity.open) {
    entity.news = false;
    if (!raised) entity.above_since = -1;
    if (!raised) return;
    if (entity.above_since < 0) entity.above_since = tick;
    if (tick - entity.above_since < rule.sustained_seconds) return;
    entity.open = true;
    entity.above_since = entity.below_since = -1;
    entity.last_report = tick;
    entity.updates = 0;
    entity.told = entity.highest = entity.values[0];
    entity.verdict = rule.verdicts.empty() ? Verdict::kUnapprovedExternal : rule.verdicts[0];
    entity.service = rule.services.empty() ? Service::kSmtp : rule.services[0];
    return Report(AlertState::kRaised, tick, key, entity);
  }
  entity.highest = std::max(entity.highest, entity.values[0]);
  if (held) entity.below_since = -1;
  if (!held && entity.below_since < 0) entity.below_since = tick;
  if (entity.below_since >= 0 && tick - entity.below_since >= rule.hold_seconds) {
    entity.open = false;
    return Report(AlertState::kCleared, tick, key, entity);
  }
  if (entity.news && entity.values[0] > entity.told && entity.updates < rule.updates &&
      tick - entity.last_report >= config_.alerts.update_seconds) {
    entity.news = false;
    entity.last_report = tick;
    entity.told = entity.values[0];
    ++entity.updates;
    Report(AlertState::kUpdated, tick, key, entity);
  }
}

std::vector<Oracle::Gauge> Oracle::Gauges() const {
  std::vector<Gauge> gauges;
  for (const auto& [key, entity] : entities_) {
    const double value = entity.values[0];
    if (value <= 0 || config_.rules[std::get<0>(key)].scope != config::Scope::kHost) continue;
    gauges.push_back(
        {std::get<0>(key), std::get<2>(key), std::get<3>(key), value, entity.open});
  }
  std::stable_sort(gauges.begin(), gauges.end(), [&](const Gauge& a, const Gauge& b) {
    return a.value / config_.rules[a.rule].raise > b.value / config_.rules[b.rule].raise;
  });
  return gauges;
}

std::size_t Oracle::HostsTracked() const {
  std::set<net::IpAddress> hosts;
  for (const auto& [key, entity] : entities_) {
    if (entity.tracked) hosts.insert(std::get<2>(key));
  }
  return hosts.size();
}

}  // namespace mailtap::control

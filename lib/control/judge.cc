#include "lib/control/judge.h"

#include <algorithm>
#include <vector>

#include "lib/control/alert_id.h"
#include "lib/control/evidence.h"
#include "lib/control/summary.h"

namespace mailtap::control {

void Judge::EndTick(int64_t tick) {
  state_.windows.Expire(tick);
  for (const uint32_t id : state_.alerts.TakeDue(tick)) state_.windows.MarkDue(id);
  std::vector<Change> changes;
  state_.windows.VisitDue([&](uint32_t id, Entity& entity) {
    const double value = state_.windows.Value(entity);
    if (const auto state = state_.alerts.Judge(id, entity.rule, entity.alert, value, tick)) {
      changes.push_back({id, *state});
    }
  });
  Sort(changes);
  for (const Change& change : changes) {
    output_.OnAlert(Compose(change, tick));
    Entity& entity = state_.windows.at(change.entity);
    if (change.state == AlertState::kCleared) state_.alerts.Close(entity.alert);
  }
}

void Judge::Sort(std::vector<Change>& changes) const {
  std::sort(changes.begin(), changes.end(), [&](const Change& a, const Change& b) {
    return state_.windows.Before(a.entity, b.entity);
  });
}

void Judge::ClearAll(const std::vector<bool>& gone, const std::string& version) {
  std::vector<Change> changes;
  state_.hosts.ForEach([&](uint32_t host) {
    uint32_t id = state_.hosts.at(host).first_entity;
    for (; id != kNone; id = state_.windows.at(id).next_of_host) {
      const Entity& entity = state_.windows.at(id);
      if (gone[entity.rule] && entity.alert != kNone) {
        changes.push_back({id, AlertState::kCleared});
      }
    }
  });
  Sort(changes);
  for (const Change& change : changes) {
    Alert alert = Compose(change, state_.last_tick);
    alert.config_version = version;
    alert.summary = SummarizeReload(alert);
    output_.OnAlert(alert);
    Entity& entity = state_.windows.at(change.entity);
    state_.alerts.Clear(entity.rule);
    state_.alerts.Close(entity.alert);
  }
}

Alert Judge::Compose(const Change& change, int64_t tick) {
  Entity& entity = state_.windows.at(change.entity);
  const PreparedRule& rule = state_.windows.rule_of(entity);
  const Host& host = state_.hosts.at(entity.host);
  const Evidence evidence = GatherEvidence(
      {state_.conversations, state_.hosts, state_.evidence, state_.names}, rule, entity, tick,
      static_cast<std::size_t>(std::max<int64_t>(0, state_.config->alerts.top_peers)));

  Alert alert;
  alert.state = change.state;
  alert.time = StartOfTick(tick + 1);
  alert.rule = rule.rule->name;
  alert.severity = rule.rule->severity;
  alert.host = host.key.address;
  alert.encap = state_.encaps.Of(host.key.encap_tag);
  alert.role = entity.role;
  const std::vector<uint32_t>& groups = state_.rules.Groups(host.group_set);
  if (!groups.empty()) alert.asset = state_.config->groups[groups.front()].name;
  alert.metric = rule.rule->metric;
  alert.value = state_.windows.Value(entity);
  alert.threshold = change.state == AlertState::kCleared ? rule.rule->clear : rule.rule->raise;
  alert.window_seconds = rule.rule->window_seconds;
  alert.last_seen = entity.last_seen;
  alert.top_peers = evidence.top_peers;
  alert.confidence = evidence.confidence;
  alert.config_version = state_.config->version;

  OpenAlert& open = state_.alerts.open(entity.alert);
  if (change.state == AlertState::kRaised) {
    open.id = AlertId(state_.config->sensor.name, alert);
    // Without evidence, because a bound was reached, at least the last of it is known.
    open.first_seen = evidence.empty ? entity.last_seen : evidence.first_seen;
  }
  if (evidence.has_share) {
    open.verdict = evidence.verdict;
    open.service = evidence.service;
  }
  alert.id = open.id;
  alert.first_seen = open.first_seen;
  alert.verdict = open.verdict;
  alert.service = open.service;
  alert.summary = Summarize(alert, evidence.peers, rule.rule->hold_seconds);
  return alert;
}

}  // namespace mailtap::control

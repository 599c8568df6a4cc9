#include "lib/control/alert_book.h"

#include <algorithm>

namespace mailtap::control {

AlertBook::AlertBook(const config::Config& config)
    : rules_(config.rules),
      update_seconds_(std::max<int64_t>(1, config.alerts.update_seconds)) {
  for (const config::Rule& rule : rules_) counts_.push_back({rule.name, rule.severity});
}

std::optional<AlertState> AlertBook::Judge(uint32_t id, Entity& entity, double value,
                                           int64_t tick) {
  const config::Rule& rule = rules_[entity.rule];
  std::optional<AlertState> change;
  if (entity.alert == kNone) {
    if (value < rule.raise) return std::nullopt;
    Open(id, entity, tick);
    change = AlertState::kRaised;
  } else {
    change = JudgeOpen(open_[entity.alert], rule, value, tick);
  }
  if (change == AlertState::kCleared) {
    AlertCount& count = counts_[entity.rule];
    ++count.cleared;
    --count.active;
  } else {
    SetTimer(entity.alert, rule, tick);
  }
  return change;
}

void AlertBook::Open(uint32_t id, Entity& entity, int64_t tick) {
  if (free_.empty()) {
    entity.alert = static_cast<uint32_t>(open_.size());
    open_.emplace_back();
  } else {
    entity.alert = free_.back();
    free_.pop_back();
    open_[entity.alert] = OpenAlert{};
  }
  open_[entity.alert].entity = id;
  open_[entity.alert].last_report = tick;
  AlertCount& count = counts_[entity.rule];
  ++count.raised;
  ++count.active;
}

std::optional<AlertState> AlertBook::JudgeOpen(OpenAlert& alert, const config::Rule& rule,
                                               double value, int64_t tick) {
  if (value >= rule.clear) {
    alert.below_since = OpenAlert::kNotBelow;
  } else {
    alert.below_since = std::min(alert.below_since, tick);
    if (tick - alert.below_since >= rule.hold_seconds) return AlertState::kCleared;
  }
  if (!alert.news || tick - alert.last_report < update_seconds_) return std::nullopt;
  alert.news = false;
  alert.last_report = tick;
  return AlertState::kUpdated;
}

void AlertBook::SetTimer(uint32_t place, const config::Rule& rule, int64_t tick) {
  OpenAlert& alert = open_[place];
  int64_t next = INT64_MAX;
  if (alert.below_since != OpenAlert::kNotBelow) next = alert.below_since + rule.hold_seconds;
  if (alert.news) next = std::min(next, alert.last_report + update_seconds_);
  if (next == INT64_MAX) return;
  // An earlier timer that still runs will set this one when it ends.
  if (alert.timer > tick && alert.timer <= next) return;
  alert.timer = next;
  timers_.emplace(next, place);
}

std::vector<uint32_t> AlertBook::TakeDue(int64_t tick) {
  std::vector<uint32_t> entities;
  while (!timers_.empty() && timers_.top().first <= tick) {
    const auto [time, place] = timers_.top();
    timers_.pop();
    OpenAlert& alert = open_[place];
    if (alert.entity == kNone || alert.timer != time) continue;
    alert.timer = INT64_MAX;
    entities.push_back(alert.entity);
  }
  return entities;
}

void AlertBook::Close(Entity& entity) {
  open_[entity.alert].entity = kNone;
  free_.push_back(entity.alert);
  entity.alert = kNone;
}

}  // namespace mailtap::control

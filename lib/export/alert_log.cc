#include "lib/export/alert_log.h"

#include <algorithm>

namespace mailtap::exporting {

void AlertLog::Add(const control::Alert& alert) {
  const bool known = latest_.contains(alert.id);
  if (alert.state == control::AlertState::kRaised || !known) {
    latest_[alert.id] = alerts_.size();
    alerts_.push_back({alert, alert.time, 0, alert.value, 0});
    return;
  }
  AlertHistory& history = alerts_[latest_[alert.id]];
  if (alert.state == control::AlertState::kUpdated) {
    history.alert = alert;
    history.highest_value = std::max(history.highest_value, alert.value);
    ++history.updates;
    return;
  }
  history.cleared = alert.time;
  history.alert.state = alert.state;
  history.alert.time = alert.time;
  history.alert.value = alert.value;
  history.alert.last_seen = alert.last_seen;
}

}  // namespace mailtap::exporting

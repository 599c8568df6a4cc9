#include "lib/export/alert_log.h"

#include <algorithm>

namespace mailtap::exporting {

void AddPeaks(const std::vector<control::OpenPeak>& peaks, std::vector<AlertHistory>& alerts) {
  absl::flat_hash_map<absl::string_view, double> highest;
  for (const control::OpenPeak& peak : peaks) highest[peak.id] = peak.highest;
  for (AlertHistory& history : alerts) {
    const auto at = highest.find(history.alert.id);
    if (history.cleared != 0 || at == highest.end()) continue;
    history.highest_value = std::max(history.highest_value, at->second);
  }
}

void AlertLog::Add(const control::Alert& alert) {
  const bool known = latest_.contains(alert.id);
  if (alert.state == control::AlertState::kRaised || !known) {
    latest_[alert.id] = alerts_.size();
    alerts_.push_back({alert, alert.time, 0, std::max(alert.value, alert.highest), 0});
    return;
  }
  AlertHistory& history = alerts_[latest_[alert.id]];
  history.highest_value = std::max({history.highest_value, alert.value, alert.highest});
  if (alert.state == control::AlertState::kUpdated) {
    history.alert = alert;
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

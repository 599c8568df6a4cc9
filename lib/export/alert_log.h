// The alerts of a run, remembered for its report: one entry an alert, whatever its updates.
#ifndef MAILTAP_LIB_EXPORT_ALERT_LOG_H_
#define MAILTAP_LIB_EXPORT_ALERT_LOG_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/control/alert.h"

namespace mailtap::exporting {

// How one alert went.
struct AlertHistory {
  // The alert as it was last raised or updated, with that moment's evidence and sentence. When
  // it clears, state, time, value and last_seen move on; the rest stays, since a window that
  // has run empty says nothing of what the alert was about.
  control::Alert alert;
  UnixNanos raised = 0;
  UnixNanos cleared = 0;     // 0: still open
  double highest_value = 0;  // at the end of any second while it was open, in the metric's unit
  uint64_t updates = 0;
};

// Of those in `alerts` that are still open: how high they have come since they last reported.
void AddPeaks(const std::vector<control::OpenPeak>& peaks, std::vector<AlertHistory>& alerts);

// One thread at a time.
class AlertLog {
 public:
  void Add(const control::Alert& alert);
  // In the order in which the alerts were raised.
  const std::vector<AlertHistory>& alerts() const { return alerts_; }

 private:
  std::vector<AlertHistory> alerts_;
  absl::flat_hash_map<std::string, std::size_t> latest_;  // id to index, of the last raise
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_ALERT_LOG_H_

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
  control::Alert alert;   // as it stood last, except that `summary`, `threshold` and the
                          // evidence are those of its last raised or updated state
  UnixNanos raised = 0;   // when it was raised
  UnixNanos cleared = 0;  // when it cleared; 0: still open
  double highest_value = 0;
  uint64_t updates = 0;
};

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

#include "lib/export/sensor_status.h"

#include "absl/strings/str_cat.h"

namespace mailtap::exporting {

absl::Status CheckWorkersAlive(const std::vector<WorkerStatus>& workers, UnixNanos now,
                               int64_t limit_seconds) {
  for (const WorkerStatus& worker : workers) {
    if (worker.last_tick == 0) {
      return absl::UnavailableError(
          absl::StrCat("worker ", worker.worker, " has not reported yet"));
    }
    const int64_t silent = (now - worker.last_tick) / kNanosPerSecond;
    if (silent > limit_seconds) {
      return absl::UnavailableError(absl::StrCat(
          "worker ", worker.worker, " has not reported for ", FormatDuration(silent)));
    }
  }
  return absl::OkStatus();
}

}  // namespace mailtap::exporting

#include "lib/export/sensor_status.h"

#include "absl/strings/str_cat.h"
#include "lib/base/status.h"

namespace mailtap::exporting {

namespace {

// OK when `who` has closed a tick within the limit.
absl::Status CheckAlive(absl::string_view who, UnixNanos last_tick, UnixNanos now,
                        int64_t limit_seconds) {
  if (last_tick == 0) {
    return absl::UnavailableError(absl::StrCat(who, " has not reported yet"));
  }
  const int64_t silent = (now - last_tick) / kNanosPerSecond;
  if (silent > limit_seconds) {
    return absl::UnavailableError(
        absl::StrCat(who, " has not reported for ", FormatDuration(silent)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckWorkersAlive(const std::vector<WorkerStatus>& workers, UnixNanos now,
                               int64_t limit_seconds) {
  for (const WorkerStatus& worker : workers) {
    MAILTAP_RETURN_IF_ERROR(CheckAlive(absl::StrCat("worker ", worker.worker), worker.last_tick,
                                       now, limit_seconds));
  }
  return absl::OkStatus();
}

absl::Status CheckControlAlive(UnixNanos last_tick, UnixNanos now, int64_t limit_seconds) {
  return CheckAlive("the control core", last_tick, now, limit_seconds);
}

absl::Status CheckPortsThere(const std::vector<PortStatus>& ports) {
  for (const PortStatus& port : ports) {
    if (!port.gone) continue;
    return absl::UnavailableError(absl::StrCat(
        "port ", port.device,
        ": its interface was deleted; restart the sensor once there is one again"));
  }
  return absl::OkStatus();
}

}  // namespace mailtap::exporting

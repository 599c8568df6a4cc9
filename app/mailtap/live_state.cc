#include "app/mailtap/live_state.h"

#include <chrono>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"
#include "lib/base/status.h"

namespace mailtap::app {
namespace {

absl::StatusOr<std::unique_ptr<store::Database>> Open(const std::string& directory) {
  std::string warning;
  MAILTAP_ASSIGN_OR_RETURN(auto database, store::Database::OpenInAnyCase(directory, warning));
  if (!warning.empty()) LogError(warning);
  return database;
}

absl::Status WaitUntilAfter(int64_t tick, const std::function<UnixNanos()>& now,
                            const std::atomic<bool>& stop) {
  constexpr std::chrono::milliseconds kPollInterval(20);
  while (TickOf(now()) <= tick) {
    if (stop) return absl::CancelledError("stopped while waiting for the state's time");
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<store::Database>> OpenLiveState(
    const std::string& directory, const std::function<UnixNanos()>& now,
    const std::atomic<bool>& stop) {
  MAILTAP_ASSIGN_OR_RETURN(auto database, Open(directory));
  MAILTAP_RETURN_IF_ERROR(AwaitLiveState(directory, now, stop, database));
  return database;
}

absl::Status AwaitLiveState(const std::string& directory, const std::function<UnixNanos()>& now,
                            const std::atomic<bool>& stop,
                            std::unique_ptr<store::Database>& database) {
  MAILTAP_ASSIGN_OR_RETURN(const std::string source, database->Source());
  MAILTAP_ASSIGN_OR_RETURN(const std::optional<int64_t> tick, database->LatestTick());
  const int64_t ahead = tick.has_value() ? *tick - TickOf(now()) : -1;
  if (ahead < 0 || source != kLiveSource) return absl::OkStatus();
  std::string message =
      absl::StrCat(directory, "/state.db: goes up to ", FormatRfc3339(StartOfTick(*tick + 1)),
                   ", ahead of the clock's ", FormatRfc3339(now()));
  if (ahead <= kMostSecondsAhead) {
    // Most quick restarts wait for the next second: nothing is wrong then.
    const auto log = ahead == 0 ? LogInfo : LogWarning;
    log(absl::StrCat(message, "; waits ", FormatDuration(ahead + 1),
                     ", so that no second is counted twice"));
    return WaitUntilAfter(*tick, now, stop);
  }
  database.reset();
  MAILTAP_RETURN_IF_ERROR(store::Database::SetAside(directory, message));
  LogError(message);
  MAILTAP_ASSIGN_OR_RETURN(database, Open(directory));
  return absl::OkStatus();
}

}  // namespace mailtap::app

#include "app/mailtap/stored_state.h"

#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/base/log.h"
#include "lib/base/quoted.h"
#include "lib/base/status.h"
#include "lib/config/quantity.h"
#include "lib/export/hour_json.h"

namespace mailtap::app {

absl::StatusOr<StoredState> ReadState(const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        "there is no state: state.directory is empty, and no --state is given");
  }
  std::filesystem::path folder(path);
  std::error_code ignored;
  if (folder.filename() == "state.db" && !std::filesystem::is_directory(folder, ignored)) {
    folder = folder.has_parent_path() ? folder.parent_path() : ".";
  } else if (std::filesystem::exists(folder, ignored) &&
             !std::filesystem::is_directory(folder, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is neither a state folder nor a file state.db"));
  }
  StoredState state;
  state.folder = folder.string();
  auto database = store::Database::OpenToRead(folder.string());
  if (absl::IsNotFound(database.status())) {
    return absl::NotFoundError(
        absl::StrCat("there is no state: ", std::string(database.status().message())));
  }
  MAILTAP_RETURN_IF_ERROR(database.status());
  state.database = *std::move(database);
  MAILTAP_ASSIGN_OR_RETURN(auto checkpoint, state.database->Checkpoint());
  if (!checkpoint.has_value()) {
    return absl::NotFoundError(absl::StrCat(
        path, ": holds no checkpoint yet; one is taken each minute, and at the end"));
  }
  state.checkpoint = *std::move(checkpoint);
  MAILTAP_ASSIGN_OR_RETURN(state.source, state.database->Source());
  MAILTAP_ASSIGN_OR_RETURN(state.report, state.database->Report());
  return state;
}

namespace {

std::optional<absl::Time> ParseTime(const std::string& text, UnixNanos end) {
  if (const auto seconds = config::ParseDuration(text)) {
    return absl::FromUnixNanos(end) - absl::Seconds(*seconds);
  }
  for (const char* format : {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%Ez",
                             "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M:%E*S%Ez"}) {
    absl::Time time;
    std::string ignored;
    if (absl::ParseTime(format, text, absl::UTCTimeZone(), &time, &ignored)) return time;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<UnixNanos> TimeOf(absl::string_view option, const std::string& text,
                                 UnixNanos end) {
  const std::optional<absl::Time> time = ParseTime(text, end);
  if (!time.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(option),
                     " must be a time such as 2026-01-05, 2026-01-05T09:00 (UTC) "
                     "or 2026-01-05T09:00:00+01:00, or how long before the end such as 7d or "
                     "12h, not ",
                     Quoted(text)));
  }
  // Far from what UnixNanos can't hold, so that what is computed of it stays in bounds too.
  static const absl::Time kEnd = absl::FromCivil(absl::CivilYear(2200), absl::UTCTimeZone());
  if (*time < absl::UnixEpoch() || *time > kEnd) {
    return absl::InvalidArgumentError(absl::StrCat(
        std::string(option), " must lie from 1970 to 2200, and ", Quoted(text), " does not"));
  }
  return absl::ToUnixNanos(*time);
}

namespace {

void TellOfDamaged(std::size_t rows, absl::string_view what) {
  if (rows == 0) return;
  LogError(absl::StrCat("state.db: what ", rows, " of its rows of ", std::string(what),
                        rows == 1 ? " says" : " say", " is damaged, and left out"));
}

}  // namespace

absl::StatusOr<std::vector<control::Hour>> HoursOf(store::Database& database, UnixNanos since,
                                                   UnixNanos until) {
  constexpr UnixNanos kHour = control::kHourSeconds * kNanosPerSecond;
  std::vector<control::Hour> hours;
  std::size_t damaged = 0;
  const auto add = [&](const store::HourRow& row) {
    auto hour = exporting::ParseHour(row.json);
    if (hour.ok() && hour->hour == row.hour) {
      hours.push_back(*std::move(hour));
    } else {
      ++damaged;
    }
  };
  // A part of an hour counts as the hour.
  MAILTAP_RETURN_IF_ERROR(
      database.ForEachHour(since / kHour, (until + kHour - 1) / kHour, add));
  TellOfDamaged(damaged, "hours");
  return hours;
}

absl::StatusOr<std::vector<exporting::StoredAlert>> AlertsOf(store::Database& database,
                                                             UnixNanos until) {
  std::vector<exporting::StoredAlert> alerts;
  std::size_t damaged = 0;
  MAILTAP_RETURN_IF_ERROR(database.ForEachAlert(0, until, [&](const store::AlertRow& row) {
    alerts.push_back({row.time, row.id, row.state, row.json});
    if (row.state == exporting::kDroppedAlert || exporting::IsAlertLine(row.json, row.id)) {
      return;
    }
    alerts.back().json.clear();
    ++damaged;
  }));
  TellOfDamaged(damaged, "alerts");
  return alerts;
}

}  // namespace mailtap::app

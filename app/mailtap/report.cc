#include "app/mailtap/report.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "app/mailtap/stored_state.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/config/quantity.h"
#include "lib/export/file_writer.h"
#include "lib/export/hour_json.h"
#include "lib/export/period.h"
#include "lib/export/table.h"

namespace mailtap::app {
namespace {

constexpr UnixNanos kHour = control::kHourSeconds * kNanosPerSecond;

// A time as people write it: "2026-01-05", "2026-01-05T09:00" or "2026-01-05T09:00:00", all in
// UTC; RFC 3339 with its offset; or how long before `end`: "7d", "12h".
absl::StatusOr<UnixNanos> TimeOf(absl::string_view option, const std::string& text,
                                 UnixNanos end) {
  if (const auto seconds = config::ParseDuration(text)) {
    return end - *seconds * kNanosPerSecond;
  }
  for (const char* format :
       {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M:%E*S%Ez"}) {
    absl::Time time;
    std::string ignored;
    if (absl::ParseTime(format, text, absl::UTCTimeZone(), &time, &ignored)) {
      return absl::ToUnixNanos(time);
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(option),
                   " must be a time such as 2026-01-05, 2026-01-05T09:00 (UTC) "
                   "or 2026-01-05T09:00:00+01:00, or how long before the end such as 7d or "
                   "12h, not \"",
                   text, "\""));
}

absl::StatusOr<std::vector<control::Hour>> HoursOf(store::Database& database, int64_t since,
                                                   int64_t until) {
  std::vector<control::Hour> hours;
  absl::Status status;
  MAILTAP_RETURN_IF_ERROR(database.ForEachHour(since, until, [&](const store::HourRow& row) {
    auto hour = exporting::ParseHour(row.json);
    if (hour.ok()) {
      hours.push_back(*std::move(hour));
    } else {
      status.Update(hour.status());
    }
  }));
  MAILTAP_RETURN_IF_ERROR(status);
  return hours;
}

absl::StatusOr<exporting::Period> Gather(const ReportOptions& options) {
  MAILTAP_ASSIGN_OR_RETURN(StoredState state, ReadState(options.state));
  exporting::PeriodInput input;
  input.source = state.source;
  input.state_time = state.time();
  input.report = std::move(state.report);
  input.until = state.time();
  if (!options.until.empty()) {
    MAILTAP_ASSIGN_OR_RETURN(input.until, TimeOf("--until", options.until, state.time()));
  }
  if (!options.since.empty()) {
    MAILTAP_ASSIGN_OR_RETURN(input.since, TimeOf("--since", options.since, input.until));
  }
  // A part of an hour counts as the hour.
  MAILTAP_ASSIGN_OR_RETURN(input.hours, HoursOf(*state.database, input.since / kHour,
                                                (input.until + kHour - 1) / kHour));
  if (options.since.empty()) {
    input.since =
        input.hours.empty() ? input.until : StartOfTick(input.hours.front().first_tick);
  }
  if (input.since > input.until) {
    return absl::InvalidArgumentError(
        absl::StrCat("the period begins, at ", FormatRfc3339(input.since), ", after its end, ",
                     FormatRfc3339(input.until)));
  }
  MAILTAP_RETURN_IF_ERROR(
      state.database->ForEachAlert(0, input.until, [&](const store::AlertRow& row) {
        input.alerts.push_back({row.time, row.id, row.state, row.json});
      }));
  return exporting::GatherPeriod(input);
}

std::string InForm(const exporting::Period& period, const ReportOptions& options) {
  if (options.format == "json") return exporting::PeriodJson(period);
  if (options.format == "html") return exporting::PeriodHtml(period);
  // Only a terminal has an edge.
  constexpr std::size_t kNoEdge = 100'000;
  const bool terminal = options.output.empty() && isatty(STDOUT_FILENO) != 0;
  return exporting::PeriodText(period,
                               terminal ? exporting::StyleFor(STDOUT_FILENO).width : kNoEdge);
}

}  // namespace

int Report(const ReportOptions& options) {
  const auto fail = [](const absl::Status& status) {
    LogError(absl::string_view(status.message().data(), status.message().size()));
    return 1;
  };
  const auto period = Gather(options);
  if (!period.ok()) return fail(period.status());
  const std::string text = InForm(*period, options);
  if (!options.output.empty()) {
    const absl::Status written = exporting::WriteWholeFile(options.output, text);
    return written.ok() ? 0 : fail(written);
  }
  std::cout << text << std::flush;
  return std::cout.good() ? 0 : fail(absl::DataLossError("the report could not be written"));
}

}  // namespace mailtap::app

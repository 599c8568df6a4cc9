#include "app/mailtap/report.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/mailtap/overwriting.h"
#include "app/mailtap/stored_state.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/export/file_writer.h"
#include "lib/export/period.h"
#include "lib/export/table.h"

namespace mailtap::app {
namespace {

// An error where all that the state knows is later than `until`: a report of it would look like
// one of a time without mail.
absl::Status CheckEnd(store::Database& database, UnixNanos until, UnixNanos state_time) {
  MAILTAP_ASSIGN_OR_RETURN(const auto before, HoursOf(database, 0, until));
  if (!before.empty()) return absl::OkStatus();
  MAILTAP_ASSIGN_OR_RETURN(const auto all, HoursOf(database, 0, state_time));
  if (all.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the period ends, at ", FormatRfc3339(until), ", before the state begins, at ",
      FormatRfc3339(StartOfTick(all.front().first_tick))));
}

absl::StatusOr<exporting::Period> Gather(const ReportOptions& options) {
  MAILTAP_ASSIGN_OR_RETURN(StoredState state, ReadState(options.state));
  std::vector<NamedFile> inputs = StateFiles(state.folder);
  inputs.push_back({"the configuration", options.config});
  MAILTAP_RETURN_IF_ERROR(RefuseOverwriting(inputs, {{"--output", options.output}}));
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
  MAILTAP_ASSIGN_OR_RETURN(input.hours, HoursOf(*state.database, input.since, input.until));
  if (input.hours.empty()) {
    MAILTAP_RETURN_IF_ERROR(CheckEnd(*state.database, input.until, state.time()));
  }
  if (options.since.empty()) {
    input.since =
        input.hours.empty() ? input.until : StartOfTick(input.hours.front().first_tick);
  }
  if (input.since > input.until) {
    return absl::InvalidArgumentError(
        absl::StrCat("the period begins, at ", FormatRfc3339(input.since), ", after its end, ",
                     FormatRfc3339(input.until)));
  }
  MAILTAP_ASSIGN_OR_RETURN(input.alerts, AlertsOf(*state.database, input.until));
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
  std::cout << text;
  return 0;
}

}  // namespace mailtap::app

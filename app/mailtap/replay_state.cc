#include "app/mailtap/replay_state.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "app/mailtap/learning.h"
#include "app/mailtap/stored_state.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/export/json.h"

namespace mailtap::app {

absl::StatusOr<std::unique_ptr<ReplayState>> ReplayState::Open(const std::string& directory,
                                                               const CaptureMerge& captures) {
  std::unique_ptr<ReplayState> state(new ReplayState);
  state->directory_ = directory;
  // Whoever reads standard input can't read it again.
  state->source_ = "a replay of";
  for (const auto& capture : captures.captures()) {
    if (capture->path() == "-") {
      return absl::InvalidArgumentError("--state can't go with a capture from standard input");
    }
    absl::StrAppend(&state->source_, " ", capture->path(), " (", capture->size(), " B)");
  }
  MAILTAP_ASSIGN_OR_RETURN(state->lock_, store::StateLock::Take(directory));
  std::string warning;
  MAILTAP_ASSIGN_OR_RETURN(state->database_, store::Database::Open(directory, warning));
  if (!warning.empty()) LogError(warning);
  return state;
}

absl::StatusOr<Resumed> ReplayState::Begin(std::shared_ptr<const config::Config> config,
                                           exporting::ReplayOutput& output) {
  keeper_ = std::make_unique<StateKeeper>(output, config->sensor.name, Resumption::kReplay);
  MAILTAP_ASSIGN_OR_RETURN(Resumed resumed,
                           Resume(directory_, source_, Resumption::kReplay, database_, [&] {
                             return std::make_unique<control::Control>(config, *keeper_);
                           }));
  MAILTAP_ASSIGN_OR_RETURN(const auto earlier, Alerts());
  for (const exporting::StoredAlert& alert : earlier) {
    const bool in_file = alert.state != Name(control::AlertState::kSuppressed) &&
                         alert.state != exporting::kDroppedAlert;
    if (in_file && !alert.json.empty()) output.AddEarlierAlert(alert.json);
  }
  return resumed;
}

void ReplayState::EndTick(int64_t tick, control::Control& control, bool last,
                          const std::function<std::string()>& report) {
  // The report tells of the batch's alerts, too.
  const auto with_alerts = [&] {
    keeper_->Release()();
    return report();
  };
  const auto batch = keeper_->EndTick(
      tick, control, last, [](int64_t) { return true; }, with_alerts);
  if (batch.has_value() && status_.ok()) status_ = database_->Store(*batch);
}

absl::StatusOr<std::vector<exporting::StoredAlert>> ReplayState::Alerts() {
  return AlertsOf(*database_, INT64_MAX);
}

absl::StatusOr<std::vector<control::Hour>> ReplayState::Hours() {
  return HoursOf(*database_, 0, INT64_MAX / 2);
}

namespace {

// The alerts of a replay that keeps no state.
std::vector<exporting::StoredAlert> AlertsOf(const exporting::ReplayOutput& output,
                                             const std::string& sensor) {
  std::vector<exporting::StoredAlert> rows;
  const auto add = [&](const control::Alert& alert, UnixNanos time, control::AlertState state) {
    rows.push_back(
        {time, alert.id, std::string(Name(state)), exporting::ToJsonLine(alert, sensor)});
  };
  for (const exporting::AlertHistory& history : output.alerts()) {
    add(history.alert, history.raised, control::AlertState::kRaised);
    if (history.cleared == 0) continue;
    add(history.alert, history.cleared, control::AlertState::kCleared);
  }
  for (const control::Alert& alert : output.suppressed()) add(alert, alert.time, alert.state);
  return rows;
}

}  // namespace

absl::Status LearnFromReplay(const ReplayLearning& learning,
                             std::optional<exporting::LearningStatus>& status) {
  const config::Config& config = learning.config;
  if (!config.learning.on()) return absl::OkStatus();
  std::vector<control::Hour> hours;
  std::vector<exporting::StoredAlert> alerts = AlertsOf(learning.output, config.sensor.name);
  if (learning.state != nullptr) {
    MAILTAP_ASSIGN_OR_RETURN(hours, learning.state->Hours());
    MAILTAP_ASSIGN_OR_RETURN(alerts, learning.state->Alerts());
  }
  const std::vector<control::Hour> newer = learning.control.TakeHours();
  while (!newer.empty() && !hours.empty() && hours.back().hour >= newer.front().hour) {
    hours.pop_back();
  }
  hours.insert(hours.end(), newer.begin(), newer.end());
  // state.directory is a live sensor's, so without learning.file it is --state's that counts.
  const std::string path = ProposalsPath(config.learning, learning.state_directory);
  const LearningResult result = WriteProposals(config, hours, alerts, path);
  status = {.seconds = result.seconds, .after_seconds = config.learning.after_seconds};
  if (!result.status.ok()) {
    status->errors = 1;
    return result.status;
  }
  if (result.proposed.empty()) {
    LogInfo(absl::StrCat("nothing is proposed: the captures hold ",
                         ProgressText(config.learning, result.seconds),
                         " of traffic that [learning] asks for"));
    return absl::OkStatus();
  }
  status->written = 1;
  status->last_written = result.until;
  LogInfo(absl::StrCat(path, ": ", result.proposed, " proposed, to review"));
  return absl::OkStatus();
}

}  // namespace mailtap::app

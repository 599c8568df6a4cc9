#include "app/mailtap/state_keeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/base/time.h"
#include "lib/control/hour_summary.h"
#include "lib/export/hour_json.h"
#include "lib/export/json.h"
#include "lib/export/period.h"

namespace mailtap::app {

std::optional<store::Batch> StateKeeper::EndTick(int64_t tick, control::Control& control,
                                                 bool last, const CheckpointNow& checkpoint_now,
                                                 const std::function<std::string()>& report) {
  constexpr int64_t kEvery = 60;
  const int64_t minute = tick / kEvery;
  const bool checkpoint = last || (minute != last_minute_ && checkpoint_now(minute));
  if (!checkpoint && (alerts_.empty() || how_ == Resumption::kReplay)) return std::nullopt;
  store::Batch batch;
  for (const control::Alert& alert : alerts_) {
    batch.alerts.push_back({tick, alert.time, alert.id, std::string(Name(alert.state)),
                            exporting::ToJsonLine(alert, sensor_)});
  }
  for (const std::string& id : control.TakeLostAlerts()) {
    batch.alerts.push_back({tick, StartOfTick(tick), id, std::string(exporting::kDroppedAlert),
                            absl::StrCat(R"({"id":")", id, R"(","state":"dropped"})")});
  }
  batch.open_alerts = {tick, control.SaveOpenAlerts()};
  if (checkpoint) {
    last_minute_ = minute;
    for (const control::Hour& hour : control.TakeHours()) {
      batch.hours.push_back(
          {hour.hour, exporting::HourJson(hour), exporting::HourJson(control::CutDown(hour))});
    }
    batch.checkpoint = {tick, control.Save()};
    batch.report = report();
  }
  return batch;
}

std::function<void()> StateKeeper::Release() {
  return [this, alerts = std::exchange(alerts_, {})] {
    for (const control::Alert& alert : alerts) {
      if (alert.state == control::AlertState::kSuppressed) {
        next_.OnSuppressed(alert);
      } else {
        next_.OnAlert(alert);
      }
    }
  };
}

namespace {

// Whether `control` took over what is stored. DataLoss where that makes no sense.
absl::StatusOr<std::optional<int64_t>> TakeOver(store::Database& database, Resumption how,
                                                control::Control& control) {
  MAILTAP_ASSIGN_OR_RETURN(const auto checkpoint, database.Checkpoint());
  const bool replay = how == Resumption::kReplay;
  if (checkpoint.has_value()) {
    MAILTAP_ASSIGN_OR_RETURN(const auto open,
                             replay ? database.AlertsOfCheckpoint() : database.OpenAlerts());
    if (!open.has_value()) return absl::DataLossError("open alerts are missing");
    MAILTAP_RETURN_IF_ERROR(control.Restore(checkpoint->bytes, open->bytes, replay));
  }
  // Not before it is sure that the state can be gone on from: else it is kept as it was.
  if (replay) {
    MAILTAP_RETURN_IF_ERROR(
        database.RollBack(checkpoint.has_value() ? checkpoint->tick : INT64_MIN));
  }
  if (!checkpoint.has_value()) return std::nullopt;
  return checkpoint->tick;
}

}  // namespace

absl::StatusOr<Resumed> Resume(const std::string& directory, const std::string& source,
                               Resumption how, std::unique_ptr<store::Database>& database,
                               const std::function<std::unique_ptr<control::Control>()>& make) {
  MAILTAP_ASSIGN_OR_RETURN(const std::string known, database->Source());
  if (!known.empty() && known != source) {
    return absl::FailedPreconditionError(absl::StrCat(directory, ": holds the state of ", known,
                                                      ", not of ", source,
                                                      "; give another folder"));
  }
  Resumed resumed{make(), std::nullopt};
  auto tick = TakeOver(*database, how, *resumed.control);
  if (tick.ok()) {
    resumed.tick = *tick;
  } else if (absl::IsDataLoss(tick.status())) {
    std::string warning =
        absl::StrCat(directory, "/state.db: ", std::string(tick.status().message()));
    database.reset();
    MAILTAP_RETURN_IF_ERROR(store::Database::SetAside(directory, warning));
    LogError(warning);
    std::string again;
    const auto open =
        how == Resumption::kLive ? store::Database::OpenInAnyCase : store::Database::Open;
    MAILTAP_ASSIGN_OR_RETURN(database, open(directory, again));
    if (!again.empty()) LogError(again);
    resumed.control = make();
  } else {
    return tick.status();
  }
  if (how == Resumption::kLive) {
    database->SetSourceLater(source);
  } else {
    MAILTAP_RETURN_IF_ERROR(database->SetSource(source));
  }
  if (resumed.tick.has_value()) {
    LogInfo(absl::StrCat("goes on from the state of ",
                         FormatRfc3339(StartOfTick(*resumed.tick + 1))));
  }
  return resumed;
}

}  // namespace mailtap::app

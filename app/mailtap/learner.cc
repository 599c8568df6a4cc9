#include "app/mailtap/learner.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/mailtap/stored_state.h"
#include "lib/base/log.h"
#include "lib/base/status.h"

namespace mailtap::app {
namespace {

constexpr int64_t kMinute = 60;  // between checkpoints
constexpr int64_t kHour = 3'600;
constexpr int64_t kDay = 86'400;

absl::StatusOr<LearningResult> Look(const config::Config& config, const std::string& path) {
  const auto state = ReadState(config.state.directory);
  if (absl::IsNotFound(state.status())) return LearningResult{};
  MAILTAP_RETURN_IF_ERROR(state.status());
  const UnixNanos until = state->time();
  MAILTAP_ASSIGN_OR_RETURN(
      const auto hours, HoursOf(*state->database, LearnSince(config.learning, until), until));
  MAILTAP_ASSIGN_OR_RETURN(const auto alerts, AlertsOf(*state->database, until));
  return WriteProposals(config, hours, alerts, path);
}

}  // namespace

void Learner::EndTick(int64_t tick, const std::shared_ptr<const config::Config>& config) {
  if (looking_.valid() &&
      looking_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    Finish(tick, looking_.get());
    if (std::exchange(outdated_, false)) next_look_ = INT64_MIN;
  }
  const bool changed = config->learning.after_seconds != learning_.after_seconds ||
                       config->learning.file != learning_.file;
  {
    const std::lock_guard lock(mutex_);
    last_tick_ = tick;
    if (!config->learning.on()) status_.reset();
    if (config->learning.on() && !status_.has_value()) {
      status_.emplace();
      known_at_ = tick;
    }
    if (status_.has_value()) status_->after_seconds = config->learning.after_seconds;
  }
  if (changed) {
    next_look_ = INT64_MIN;
    outdated_ = looking_.valid();
    said_ = false;
  }
  learning_ = config->learning;
  if (config->learning.on() && !looking_.valid() && tick >= next_look_) Begin(config);
}

void Learner::Begin(std::shared_ptr<const config::Config> config) {
  path_ = ProposalsPath(config->learning, config->state.directory);
  looking_ = std::async(std::launch::async, [config = std::move(config), path = path_] {
    auto result = Look(*config, path);
    if (result.ok()) return *std::move(result);
    LearningResult failed;
    failed.status = result.status();
    return failed;
  });
}

void Learner::Finish(int64_t tick, const LearningResult& result) {
  if (!Record(tick, result)) return;  // turned off meanwhile
  if (!result.status.ok()) {
    next_look_ = tick + kHour;
    LogError(absl::StrCat("no proposals: ", std::string(result.status.message()),
                          "; tried again in an hour"));
    return;
  }
  if (!result.proposed.empty()) {
    next_look_ = tick + kDay;
    LogInfo(absl::StrCat(path_, ": ", result.proposed, " proposed from ",
                         FormatDuration(result.seconds),
                         " of traffic, to review; nothing of it is in force"));
    return;
  }
  next_look_ = tick + std::max(kMinute, learning_.after_seconds - result.seconds);
  if (std::exchange(said_, true)) return;
  LogInfo(absl::StrCat("learning: ", ProgressText(learning_, result.seconds),
                       " of traffic are known; proposals come after that"));
}

bool Learner::Record(int64_t tick, const LearningResult& result) {
  const std::lock_guard lock(mutex_);
  if (!status_.has_value()) return false;
  if (!result.status.ok()) {
    ++status_->errors;
    return true;
  }
  status_->seconds = result.seconds;
  known_at_ = tick;
  if (!result.proposed.empty()) {
    ++status_->written;
    status_->last_written = result.until;
  }
  return true;
}

std::optional<exporting::LearningStatus> Learner::status() const {
  const std::lock_guard lock(mutex_);
  std::optional<exporting::LearningStatus> status = status_;
  // Every second of a live sensor is learnt from.
  if (status.has_value()) status->seconds += last_tick_ - known_at_;
  return status;
}

}  // namespace mailtap::app

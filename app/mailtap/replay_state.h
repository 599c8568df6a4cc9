// What a replay leaves behind while it runs, and finds of one that was stopped.
#ifndef MAILTAP_APP_MAILTAP_REPLAY_STATE_H_
#define MAILTAP_APP_MAILTAP_REPLAY_STATE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/mailtap/capture_reader.h"
#include "app/mailtap/state_keeper.h"
#include "lib/control/control.h"
#include "lib/export/period.h"
#include "lib/export/replay_output.h"
#include "lib/export/sensor_status.h"
#include "lib/store/database.h"
#include "lib/store/state_lock.h"

namespace mailtap::app {

// One thread.
class ReplayState {
 public:
  // `directory`: of --state; made where it is missing.
  static absl::StatusOr<std::unique_ptr<ReplayState>> Open(const std::string& directory,
                                                           const CaptureMerge& captures);

  // The control core, from where it was. Alerts of before go into `output`'s file.
  absl::StatusOr<Resumed> Begin(std::shared_ptr<const config::Config> config,
                                exporting::ReplayOutput& output);

  // `last`: no tick comes after it, so that the checkpoint tells of all.
  void EndTick(int64_t tick, control::Control& control, bool last,
               const std::function<std::string()>& report);

  // What is stored of alerts, and of hours as of the last checkpoint.
  absl::StatusOr<std::vector<exporting::StoredAlert>> Alerts();
  absl::StatusOr<std::vector<control::Hour>> Hours();

  // The first error; from then on nothing was stored.
  const absl::Status& status() const { return status_; }

 private:
  ReplayState() = default;

  std::string directory_, source_;
  std::unique_ptr<store::StateLock> lock_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<StateKeeper> keeper_;
  absl::Status status_;
};

// What [learning] has to go by at a replay's end.
struct ReplayLearning {
  std::string state_directory;  // of --state, or empty
  const config::Config& config;
  control::Control& control;
  const exporting::ReplayOutput& output;
  ReplayState* state;  // null without --state
};

// Writes the proposals, if the captures are long enough; else the log says how much is lacking.
// `status` is left alone where [learning] is off. Any error is of the proposals alone.
absl::Status LearnFromReplay(const ReplayLearning& learning,
                             std::optional<exporting::LearningStatus>& status);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_REPLAY_STATE_H_

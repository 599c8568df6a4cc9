// Between the control core and the outside: what is put out is stored first.
#ifndef MAILTAP_APP_MAILTAP_STATE_KEEPER_H_
#define MAILTAP_APP_MAILTAP_STATE_KEEPER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/control/control.h"
#include "lib/control/output.h"
#include "lib/store/database.h"

namespace mailtap::app {

enum class Resumption {
  kReplay,  // the same packets again: at the checkpoint, and what came after it is forgotten
  kLive,    // other packets: with the alerts that are open now
};

// Gathers a tick's alerts. With the tick's end they become a batch, with the alerts that are
// open then; once a minute, by the ticks' own time, with a checkpoint too. A replay's wait for
// that. The control core's thread.
class StateKeeper : public control::Output {
 public:
  // Whether the checkpoint of this minute, which is due, may be taken now. While it may not, it
  // is asked again each tick.
  using CheckpointNow = std::function<bool(int64_t minute)>;

  // `next` outlives this object. `sensor` is the name in the alerts' lines; `how` it will be
  // gone on from what is stored.
  StateKeeper(control::Output& next, std::string sensor, Resumption how)
      : next_(next), sensor_(std::move(sensor)), how_(how) {}

  void OnAlert(const control::Alert& alert) override { alerts_.push_back(alert); }
  void OnSuppressed(const control::Alert& alert) override { alerts_.push_back(alert); }
  void OnSession(const control::JudgedSession& session) override { next_.OnSession(session); }

  // What is due at the end of `tick`, if anything. `report`: what goes with a checkpoint. After
  // the `last` one nothing comes, so a checkpoint is due and isn't asked for.
  std::optional<store::Batch> EndTick(int64_t tick, control::Control& control, bool last,
                                      const CheckpointNow& checkpoint_now,
                                      const std::function<std::string()>& report);
  // What lets the alerts of the last batch go on; any thread, once.
  std::function<void()> Release();

 private:
  control::Output& next_;
  const std::string sensor_;
  const Resumption how_;
  std::vector<control::Alert> alerts_;
  int64_t last_minute_ = INT64_MIN;  // of the last checkpoint
};

// A control core and where it begins.
struct Resumed {
  std::unique_ptr<control::Control> control;
  std::optional<int64_t> tick;  // of the checkpoint that it goes on from
};

// A control core that goes on from what `database` holds, where it holds something. State that
// can't be understood is set aside like a damaged file, with a warning in the log; `database`
// is then a new one. FailedPrecondition where the state is of another source.
absl::StatusOr<Resumed> Resume(const std::string& directory, const std::string& source,
                               Resumption how, std::unique_ptr<store::Database>& database,
                               const std::function<std::unique_ptr<control::Control>()>& make);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_STATE_KEEPER_H_

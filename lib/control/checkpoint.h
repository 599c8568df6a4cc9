// The control core's memory as bytes that outlive the process.
#ifndef MAILTAP_LIB_CONTROL_CHECKPOINT_H_
#define MAILTAP_LIB_CONTROL_CHECKPOINT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/control/approvals.h"
#include "lib/control/blind_spots.h"
#include "lib/control/intake.h"
#include "lib/control/state.h"

namespace mailtap::control {

// A checkpoint holds hosts, conversations, windows, evidence, names, relay use, totals and
// blind spots, each by name or address and none by number: it may come back under another
// configuration, and then counts for what is there by the same name, metric and window. Open
// alerts are bytes of their own, since they have to be kept at once, and all else only now and
// then. Control thread only, between ticks.
std::string SaveCheckpoint(const State& state, const Approvals& approvals,
                           const BlindSpots& blind_spots);
std::string SaveOpenAlerts(const State& state, const Approvals& approvals,
                           const BlindSpots& blind_spots);

// Where a checkpoint goes.
struct CheckpointTarget {
  State& state;
  Intake& intake;
  Approvals& approvals;
  BlindSpots& blind_spots;
};

// Into a control core that has seen nothing yet. `alerts` are as new as the checkpoint, or
// newer. `same_capture`: the capture goes on where it was, with its counters; else another one
// begins, of which the counters start at 0. DataLoss where the bytes aren't those of a
// checkpoint of this version; then the state must not be used.
absl::Status RestoreCheckpoint(absl::string_view checkpoint, absl::string_view alerts,
                               bool same_capture, const CheckpointTarget& target);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CHECKPOINT_H_

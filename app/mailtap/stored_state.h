// The state that a sensor or a replay left behind, for commands that only read it.
#ifndef MAILTAP_APP_MAILTAP_STORED_STATE_H_
#define MAILTAP_APP_MAILTAP_STORED_STATE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/base/time.h"
#include "lib/store/database.h"

namespace mailtap::app {

struct StoredState {
  std::unique_ptr<store::Database> database;
  store::Blob checkpoint;
  std::string source;  // whose it is
  std::string report;  // ReportJson() as of the checkpoint
  UnixNanos time() const { return StartOfTick(checkpoint.tick + 1); }
};

// `path`: the folder, or the file state.db in it. NotFound where there is no state, or none
// with a checkpoint yet. A sensor may be running by it.
absl::StatusOr<StoredState> ReadState(const std::string& path);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_STORED_STATE_H_

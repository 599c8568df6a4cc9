// The state that a sensor or a replay left behind, for commands that only read it.
#ifndef MAILTAP_APP_MAILTAP_STORED_STATE_H_
#define MAILTAP_APP_MAILTAP_STORED_STATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/time.h"
#include "lib/control/hour.h"
#include "lib/export/period.h"
#include "lib/store/database.h"

namespace mailtap::app {

struct StoredState {
  std::string folder;
  std::unique_ptr<store::Database> database;
  store::Blob checkpoint;
  std::string source;  // whose it is
  std::string report;  // ReportJson() as of the checkpoint
  UnixNanos time() const { return StartOfTick(checkpoint.tick + 1); }
};

// `path`: the folder, or the file state.db in it. NotFound where there is no state, or none
// with a checkpoint yet. A sensor may be running by it.
absl::StatusOr<StoredState> ReadState(const std::string& path);

// The hours that have a part in [since, until), the earliest first. The alerts of all seconds
// up to `until`, in their order. What a damaged row says is left out, with an error in the log.
absl::StatusOr<std::vector<control::Hour>> HoursOf(store::Database& database, UnixNanos since,
                                                   UnixNanos until);
absl::StatusOr<std::vector<exporting::StoredAlert>> AlertsOf(store::Database& database,
                                                             UnixNanos until);

// A time as people write it: "2026-01-05", "2026-01-05T09:00" or "2026-01-05T09:00:00", all in
// UTC; RFC 3339 with its offset; or how long before `end`: "7d", "12h". InvalidArgument, which
// names `option`, for anything else, and for times outside 1970 to 2200.
absl::StatusOr<UnixNanos> TimeOf(absl::string_view option, const std::string& text,
                                 UnixNanos end);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_STORED_STATE_H_

// The state that a live sensor goes on from.
#ifndef MAILTAP_APP_MAILTAP_LIVE_STATE_H_
#define MAILTAP_APP_MAILTAP_LIVE_STATE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/base/time.h"
#include "lib/store/database.h"

namespace mailtap::app {

inline constexpr char kLiveSource[] = "a live sensor";

// Ticks have to grow, and a clock that was set back, or a restart within the second, would stop
// them. So a state that is ahead of `now` by at most this is waited for; one further ahead is
// set aside like a damaged one: the sensor must not stay blind.
inline constexpr int64_t kMostSecondsAhead = 60;

// Opens the state in `directory`, and waits until all ticks in it are before `now`, or sets it
// aside; one of another source is opened as it is. Blocks its thread, any one, until then. A
// full disk and a lock keep no sensor from starting (see store::Database::OpenInAnyCase).
// Cancelled where `stop` was set while it waited; otherwise an error of store::Database's.
absl::StatusOr<std::unique_ptr<store::Database>> OpenLiveState(
    const std::string& directory, const std::function<UnixNanos()>& now,
    const std::atomic<bool>& stop);

// The same of a state that is open: by another clock, or as the clock may have been set.
// `database` is another one where it was set aside.
absl::Status AwaitLiveState(const std::string& directory, const std::function<UnixNanos()>& now,
                            const std::atomic<bool>& stop,
                            std::unique_ptr<store::Database>& database);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_LIVE_STATE_H_

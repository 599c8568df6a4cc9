// The state that outlives a sensor, in one SQLite file.
#ifndef MAILTAP_LIB_STORE_DATABASE_H_
#define MAILTAP_LIB_STORE_DATABASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/base/time.h"

struct sqlite3;

namespace mailtap::store {

// One state change of an alert.
struct AlertRow {
  int64_t tick = 0;    // at whose end it happened
  UnixNanos time = 0;  // of the change
  std::string id;
  std::string state;  // "raised", "updated", "cleared"; "suppressed", "dropped": nowhere else
  std::string json;   // the line of the alert file; of "dropped" the id alone
};

// What one hour held, so far.
struct HourRow {
  int64_t hour = 0;  // hours since 1970 (UTC)
  std::string json;
  std::string short_json;  // in its place where too much waits for a disk that is full
};

// What the control core saved at the end of `tick`; lib/store doesn't look into it.
struct Blob {
  int64_t tick = 0;
  std::string bytes;
};

// What a tick leaves behind: stored whole or not at all.
struct Batch {
  std::vector<AlertRow> alerts;
  std::optional<Blob> open_alerts;
  std::optional<Blob> checkpoint;  // comes with open_alerts
  std::string report;              // as JSON, with a checkpoint: what was known at that time
  std::vector<HourRow> hours;      // in place of what is known of them
};

// One thread at a time. The file is in WAL mode: a process that is killed loses at most what
// was not stored yet, and readers hold nothing up.
class Database {
 public:
  // Written into the file: a file of a newer one is not touched.
  static constexpr int kSchema = 2;
  // Alerts and hours older than this are dropped at a checkpoint.
  static constexpr int64_t kKeepSeconds = 400 * 86'400;
  // A blob is stored in parts of this size.
  static constexpr std::size_t kPartBytes = 8 << 20;

  // Opens DIRECTORY/state.db, made where it is missing. A file that is damaged, of a newer
  // schema, or of something else is renamed to state.db.set-aside-N, never written to;
  // `warning` then says so, and a fresh one is begun.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& directory,
                                                        std::string& warning);
  // As Open(), for who must not stay blind: where the disk is full, or another process has the
  // file locked for longer than fifteen seconds, it is stood in for. Then `warning` says so,
  // what a sensor goes on from is there as far as it can be read, and Store() opens the file
  // first. Where that wasn't read, what is stored takes its place; alerts and hours stay.
  static absl::StatusOr<std::unique_ptr<Database>> OpenInAnyCase(const std::string& directory,
                                                                 std::string& warning);
  // As it is, to read, also by who may write nothing. NotFound where there is none; an error
  // where it can't be read.
  static absl::StatusOr<std::unique_ptr<Database>> OpenToRead(const std::string& directory);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Whether the file is stood in for.
  bool awaits_file() const { return !awaited_directory_.empty(); }

  // Aborted where another process has the file locked for longer than five seconds,
  // ResourceExhausted where the disk is full. Nothing of the batch is stored after an error. A
  // file that somebody has removed or renamed is NotFound, once: the next call makes another.
  absl::Status Store(const Batch& batch);

  // Whose state it is: "a live sensor", or "a replay of" its captures. Empty before
  // it is set.
  absl::StatusOr<std::string> Source();
  absl::Status SetSource(absl::string_view source);
  // Does so with the next batch: nobody waits for a lock, nor for room.
  void SetSourceLater(std::string source) { source_ = std::move(source); }

  absl::StatusOr<std::optional<Blob>> Checkpoint() { return LoadBlob("checkpoint"); }
  absl::StatusOr<std::optional<Blob>> OpenAlerts() { return LoadBlob("open_alerts"); }
  // The alerts that were open at the checkpoint.
  absl::StatusOr<std::optional<Blob>> AlertsOfCheckpoint() {
    return LoadBlob("checkpoint_alerts");
  }
  // The latest tick at whose end something was saved, if anything was.
  absl::StatusOr<std::optional<int64_t>> LatestTick();
  absl::StatusOr<std::string> Report();
  // Calls visit(row) for each alert change of the seconds from `since` to `until`, in the order
  // in which they came. The time of a change is its second's end: it lies after `since`, and
  // may be `until`.
  absl::Status ForEachAlert(UnixNanos since, UnixNanos until,
                            const std::function<void(const AlertRow&)>& visit);
  // Calls visit(row) for each hour within [since, until), the earliest first.
  absl::Status ForEachHour(int64_t since, int64_t until,
                           const std::function<void(const HourRow&)>& visit);
  // Forgets all that came after `tick`, as it will come again.
  absl::Status RollBack(int64_t tick);

  // Renames state.db, with its -wal and -shm, to state.db.set-aside-N, and appends to `warning`
  // that it is kept there. The file must not be open. Unavailable where it can't be renamed.
  static absl::Status SetAside(const std::string& directory, std::string& warning);

 private:
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  // `name`: a path or a URI; an error says `what` and names `path`.
  static absl::StatusOr<std::unique_ptr<Database>> OpenHandle(const std::string& name,
                                                              int flags,
                                                              const std::string& path,
                                                              absl::string_view what);
  static absl::StatusOr<std::unique_ptr<Database>> StandIn(const std::string& directory,
                                                           std::string& warning);
  absl::Status CopyFrom(const std::string& directory);
  absl::Status OpenAwaited();
  bool HasMoved() const;
  absl::Status AwaitAnother();
  absl::Status Prepare();
  absl::Status Execute(const char* sql);
  absl::Status Failed(absl::string_view what) const;
  absl::Status StoreAll(const Batch& batch);
  absl::StatusOr<std::optional<Blob>> LoadBlob(absl::string_view name);
  absl::Status StoreBlob(absl::string_view name, const Blob& blob);
  absl::Status Prune(int64_t tick);
  absl::StatusOr<std::string> LoadText(absl::string_view name);
  absl::Status StoreText(absl::string_view name, absl::string_view text);

  sqlite3* handle_;
  const std::string path_;
  std::string awaited_directory_;  // of the file that this stands in for; else empty
  std::string source_;             // to be stored with the next batch; else empty
};

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_DATABASE_H_

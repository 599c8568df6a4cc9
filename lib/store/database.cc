#include "lib/store/database.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/base/status.h"
#include "lib/store/statement.h"

namespace mailtap::store {
namespace {

// SQLite calls it an I/O error where it is its log's index that finds no room.
bool IsForRoom(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

}  // namespace

absl::Status Database::Failed(absl::string_view what) const {
  const int code = sqlite3_errcode(handle_);
  if (code == SQLITE_FULL ||
      (code == SQLITE_IOERR && IsForRoom(sqlite3_system_errno(handle_)))) {
    return absl::ResourceExhaustedError(absl::StrCat(path_, ": ", what, ": the disk is full"));
  }
  const std::string text = absl::StrCat(path_, ": ", what, ": ", sqlite3_errmsg(handle_));
  if (code == SQLITE_BUSY) return absl::AbortedError(text);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return absl::DataLossError(text);
  return absl::UnavailableError(text);
}

absl::Status Database::Execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return Failed("can't be written");
}

Database::~Database() { sqlite3_close(handle_); }

absl::Status Database::Store(const Batch& batch) {
  if (awaits_file()) {
    MAILTAP_RETURN_IF_ERROR(OpenAwaited());
  } else if (HasMoved()) {
    return AwaitAnother();
  }
  MAILTAP_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  absl::Status stored = StoreAll(batch);
  if (stored.ok()) stored = Execute("COMMIT");
  if (!stored.ok()) Execute("ROLLBACK").IgnoreError();
  if (stored.ok()) source_.clear();
  return stored;
}

absl::Status Database::StoreAll(const Batch& batch) {
  if (!source_.empty()) MAILTAP_RETURN_IF_ERROR(SetSource(source_));
  for (const AlertRow& alert : batch.alerts) {
    Statement insert(handle_,
                     "INSERT INTO alerts (tick, time, id, state, json) VALUES (?,?,?,?,?)");
    insert.Bind(alert.tick);
    insert.Bind(alert.time);
    insert.BindText(alert.id);
    insert.BindText(alert.state);
    insert.BindText(alert.json);
    if (!insert.Done()) return Failed("an alert can't be stored");
  }
  for (const HourRow& hour : batch.hours) {
    Statement insert(handle_, "INSERT OR REPLACE INTO hours (hour, json) VALUES (?,?)");
    insert.Bind(hour.hour);
    insert.BindText(hour.json);
    if (!insert.Done()) return Failed("an hour can't be stored");
  }
  if (batch.open_alerts) MAILTAP_RETURN_IF_ERROR(StoreBlob("open_alerts", *batch.open_alerts));
  if (!batch.checkpoint) return absl::OkStatus();
  MAILTAP_RETURN_IF_ERROR(StoreBlob("checkpoint", *batch.checkpoint));
  if (batch.open_alerts) {
    MAILTAP_RETURN_IF_ERROR(StoreBlob("checkpoint_alerts", *batch.open_alerts));
  }
  MAILTAP_RETURN_IF_ERROR(StoreText("report", batch.report));
  return Prune(batch.checkpoint->tick - kKeepSeconds);
}

absl::Status Database::Prune(int64_t tick) {
  constexpr int64_t kHour = 3'600;
  Statement alerts(handle_, "DELETE FROM alerts WHERE time < ?");
  alerts.Bind(StartOfTick(tick));
  if (!alerts.Done()) return Failed("old alerts can't be dropped");
  Statement hours(handle_, "DELETE FROM hours WHERE hour < ?");
  hours.Bind(tick / kHour);
  return hours.Done() ? absl::OkStatus() : Failed("old hours can't be dropped");
}

// SQLite takes a billion bytes at once, and a checkpoint of full tables may have more: what is
// behind the first part is in rows "NAME 0001", "NAME 0002", ...
absl::Status Database::StoreBlob(absl::string_view name, const Blob& blob) {
  Statement old(handle_, "DELETE FROM blobs WHERE name > ?1 || ' ' AND name < ?1 || '!'");
  old.BindText(name);
  if (!old.Done()) return Failed(absl::StrCat(name, " can't be replaced"));
  absl::string_view rest = blob.bytes;
  for (int part = 0; part == 0 || !rest.empty(); ++part) {
    const std::string row =
        part == 0 ? std::string(name) : absl::StrFormat("%s %04d", name, part);
    Statement insert(handle_,
                     "INSERT OR REPLACE INTO blobs (name, tick, bytes) VALUES (?,?,?)");
    insert.BindText(row);
    insert.Bind(blob.tick);
    insert.BindBlob(rest.substr(0, kPartBytes));
    if (!insert.Done()) return Failed(absl::StrCat(name, " can't be stored"));
    rest.remove_prefix(std::min(rest.size(), kPartBytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Blob>> Database::LoadBlob(absl::string_view name) {
  Statement select(handle_,
                   "SELECT tick, bytes FROM blobs WHERE name = ?1 OR (name > ?1 || ' ' AND "
                   "name < ?1 || '!') ORDER BY name");
  select.BindText(name);
  std::optional<Blob> blob;
  while (select.Row()) {
    if (!blob.has_value()) blob.emplace();
    blob->tick = select.Integer(0);
    blob->bytes += select.Bytes(1);
  }
  if (!select.Done()) return Failed(absl::StrCat(name, " can't be read"));
  return blob;
}

absl::StatusOr<std::optional<int64_t>> Database::LatestTick() {
  Statement select(handle_, "SELECT tick FROM blobs ORDER BY tick DESC LIMIT 1");
  if (select.Row()) return select.Integer(0);
  if (!select.Done()) return Failed("ticks can't be read");
  return std::nullopt;
}

absl::StatusOr<std::string> Database::LoadText(absl::string_view name) {
  Statement select(handle_, "SELECT text FROM texts WHERE name = ?");
  select.BindText(name);
  if (select.Row()) return select.Bytes(0);
  if (!select.Done()) return Failed(absl::StrCat(name, " can't be read"));
  return std::string();
}

absl::Status Database::StoreText(absl::string_view name, absl::string_view text) {
  Statement insert(handle_, "INSERT OR REPLACE INTO texts (name, text) VALUES (?,?)");
  insert.BindText(name);
  insert.BindText(text);
  return insert.Done() ? absl::OkStatus() : Failed(absl::StrCat(name, " can't be stored"));
}

absl::StatusOr<std::string> Database::Source() { return LoadText("source"); }
absl::Status Database::SetSource(absl::string_view source) {
  return StoreText("source", source);
}
absl::StatusOr<std::string> Database::Report() { return LoadText("report"); }

absl::Status Database::ForEachAlert(UnixNanos since, UnixNanos until,
                                    const std::function<void(const AlertRow&)>& visit) {
  Statement select(handle_,
                   "SELECT tick, time, id, state, json FROM alerts WHERE time > ? AND time <= ?"
                   " ORDER BY time, seq");
  select.Bind(since);
  select.Bind(until);
  while (select.Row()) {
    visit({select.Integer(0), select.Integer(1), select.Bytes(2), select.Bytes(3),
           select.Bytes(4)});
  }
  return select.Done() ? absl::OkStatus() : Failed("alerts can't be read");
}

absl::Status Database::ForEachHour(int64_t since, int64_t until,
                                   const std::function<void(const HourRow&)>& visit) {
  Statement select(handle_,
                   "SELECT hour, json FROM hours WHERE hour >= ? AND hour < ? ORDER BY hour");
  select.Bind(since);
  select.Bind(until);
  while (select.Row()) visit({select.Integer(0), select.Bytes(1)});
  return select.Done() ? absl::OkStatus() : Failed("hours can't be read");
}

absl::Status Database::RollBack(int64_t tick) {
  Statement forget(handle_, "DELETE FROM alerts WHERE tick > ?");
  forget.Bind(tick);
  return forget.Done() ? absl::OkStatus() : Failed("alerts can't be dropped");
}

}  // namespace mailtap::store

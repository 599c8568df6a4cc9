#include "lib/store/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/directory.h"
#include "lib/base/status.h"
#include "lib/store/read_uri.h"
#include "lib/store/statement.h"

namespace mailtap::store {
namespace {

constexpr int kApplicationId = 0x6d61696c;  // "mail": the file says whose it is (SQLite, 1.3)
constexpr char kSchemaSql[] =
    "BEGIN;"
    "CREATE TABLE alerts (seq INTEGER PRIMARY KEY, tick INTEGER NOT NULL, time INTEGER NOT "
    "NULL,"
    " id TEXT NOT NULL, state TEXT NOT NULL, json TEXT NOT NULL);"
    "CREATE INDEX alerts_by_time ON alerts (time);"
    "CREATE TABLE blobs (name TEXT PRIMARY KEY, tick INTEGER NOT NULL, bytes BLOB NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE hours (hour INTEGER PRIMARY KEY, json TEXT NOT NULL);"
    "CREATE TABLE texts (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;";

std::string PathIn(const std::string& directory) {
  return absl::StrCat(directory, "/state.db");
}

}  // namespace

absl::Status Database::Failed(absl::string_view what) const {
  const int code = sqlite3_errcode(handle_);
  const std::string text = absl::StrCat(path_, ": ", what, ": ", sqlite3_errmsg(handle_));
  if (code == SQLITE_BUSY) return absl::AbortedError(text);
  if (code == SQLITE_FULL) return absl::ResourceExhaustedError(text);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return absl::DataLossError(text);
  return absl::UnavailableError(text);
}

absl::Status Database::Execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return Failed("can't be written");
}

// DataLoss for a file that is not ours, not whole, or not of a schema that this version knows.
absl::Status Database::Prepare() {
  sqlite3_busy_timeout(handle_, 5'000);
  const auto number = [this](const char* pragma, int64_t& value) {
    Statement statement(handle_, pragma);
    const bool found = statement.Row();
    value = found ? statement.Integer(0) : 0;
    return found;
  };
  int64_t id = 0, schema = 0, tables = 0;
  if (!number("PRAGMA application_id", id) || !number("PRAGMA user_version", schema) ||
      !number("SELECT count(*) FROM sqlite_master", tables)) {
    return Failed("can't be read");
  }
  if (tables == 0 && id == 0 && schema == 0) return absl::NotFoundError(path_);
  if (id != kApplicationId) {
    return absl::DataLossError(absl::StrCat(path_, ": is a database of another program"));
  }
  if (schema != kSchema) {
    return absl::DataLossError(
        absl::StrCat(path_, ": has schema ", schema, ", and this version knows ", kSchema));
  }
  Statement check(handle_, "PRAGMA quick_check(1)");
  if (!check.Row()) return Failed("can't be checked");
  if (const std::string verdict = check.Bytes(0); verdict != "ok") {
    return absl::DataLossError(absl::StrCat(path_, ": is damaged: ", verdict));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenToRead(const std::string& directory) {
  const std::string path = PathIn(directory);
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  sqlite3* handle = nullptr;
  const std::string uri = UriToRead(path);
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI;
  const int result = sqlite3_open_v2(uri.c_str(), &handle, kFlags, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (result != SQLITE_OK) return database->Failed("can't be opened");
  MAILTAP_RETURN_IF_ERROR(database->Prepare());
  return database;
}

absl::Status Database::SetAside(const std::string& directory, std::string& warning) {
  const std::string path = PathIn(directory);
  std::string aside;
  for (int n = 1; aside.empty() || std::filesystem::exists(aside); ++n) {
    aside = absl::StrCat(path, ".set-aside-", n);
  }
  for (const char* part : {"", "-wal", "-shm"}) {
    if (!std::filesystem::exists(path + part)) continue;
    if (std::rename((path + part).c_str(), (aside + part).c_str()) != 0) {
      return absl::UnavailableError(absl::StrCat(path, part, ": can't be renamed to ", aside,
                                                 part, ": ", std::strerror(errno)));
    }
  }
  absl::StrAppend(&warning, "; it is kept as ", aside, ", and a new one begun");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& directory,
                                                         std::string& warning) {
  MAILTAP_RETURN_IF_ERROR(MakeDirectory(directory));
  {
    auto known = OpenToRead(directory);
    if (known.ok()) {
      MAILTAP_RETURN_IF_ERROR(
          (*known)->Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
      return known;
    }
    if (known.status().code() == absl::StatusCode::kDataLoss) {
      warning = std::string(known.status().message());
      MAILTAP_RETURN_IF_ERROR(SetAside(directory, warning));
    } else if (!absl::IsNotFound(known.status())) {
      return known.status();
    }
  }
  sqlite3* handle = nullptr;
  const std::string path = PathIn(directory);
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int result = sqlite3_open_v2(path.c_str(), &handle, kFlags, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (result != SQLITE_OK) return database->Failed("can't be made");
  sqlite3_busy_timeout(handle, 5'000);
  const std::string numbers = absl::StrCat("PRAGMA application_id = ", kApplicationId,
                                           "; PRAGMA user_version = ", kSchema, "; COMMIT");
  MAILTAP_RETURN_IF_ERROR(
      database->Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
  MAILTAP_RETURN_IF_ERROR(database->Execute(kSchemaSql));
  MAILTAP_RETURN_IF_ERROR(database->Execute(numbers.c_str()));
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

absl::Status Database::Store(const Batch& batch) {
  MAILTAP_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  absl::Status stored = StoreAll(batch);
  if (stored.ok()) stored = Execute("COMMIT");
  if (!stored.ok()) Execute("ROLLBACK").IgnoreError();
  return stored;
}

absl::Status Database::StoreAll(const Batch& batch) {
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

absl::Status Database::StoreBlob(absl::string_view name, const Blob& blob) {
  Statement insert(handle_, "INSERT OR REPLACE INTO blobs (name, tick, bytes) VALUES (?,?,?)");
  insert.BindText(name);
  insert.Bind(blob.tick);
  insert.BindBlob(blob.bytes);
  return insert.Done() ? absl::OkStatus() : Failed(absl::StrCat(name, " can't be stored"));
}

absl::StatusOr<std::optional<Blob>> Database::LoadBlob(absl::string_view name) {
  Statement select(handle_, "SELECT tick, bytes FROM blobs WHERE name = ?");
  select.BindText(name);
  if (select.Row()) return Blob{select.Integer(0), select.Bytes(1)};
  if (!select.Done()) return Failed(absl::StrCat(name, " can't be read"));
  return std::nullopt;
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

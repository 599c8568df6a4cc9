// How a state's file comes to be open, or is stood in for.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/base/directory.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/store/database.h"
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
    return absl::DataLossError(
        absl::StrCat(path_, ": is damaged: ", absl::StrReplaceAll(verdict, {{"\n", ": "}})));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenHandle(const std::string& name,
                                                               int flags,
                                                               const std::string& path,
                                                               absl::string_view what) {
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (result != SQLITE_OK) return database->Failed(what);
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenToRead(const std::string& directory) {
  const std::string path = PathIn(directory);
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI;
  MAILTAP_ASSIGN_OR_RETURN(auto database,
                           OpenHandle(UriToRead(path), kFlags, path, "can't be opened"));
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
  const std::string path = PathIn(directory);
  // It tells who talks to whom: as other outputs it is not for everybody, wherever it lies.
  if (const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640); made >= 0) {
    ::close(made);
  }
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  MAILTAP_ASSIGN_OR_RETURN(auto database, OpenHandle(path, kFlags, path, "can't be made"));
  sqlite3_busy_timeout(database->handle_, 5'000);
  const std::string numbers = absl::StrCat("PRAGMA application_id = ", kApplicationId,
                                           "; PRAGMA user_version = ", kSchema, "; COMMIT");
  MAILTAP_RETURN_IF_ERROR(
      database->Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
  MAILTAP_RETURN_IF_ERROR(database->Execute(kSchemaSql));
  MAILTAP_RETURN_IF_ERROR(database->Execute(numbers.c_str()));
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenInAnyCase(const std::string& directory,
                                                                  std::string& warning) {
  auto opened = Open(directory, warning);
  // Who has it locked may be about to end: SQLite waits anew.
  if (absl::IsAborted(opened.status())) opened = Open(directory, warning);
  const bool for_now =
      absl::IsAborted(opened.status()) || absl::IsResourceExhausted(opened.status());
  if (!for_now) return opened;
  absl::StrAppend(&warning, warning.empty() ? "" : "; ", opened.status().message());
  return StandIn(directory, warning);
}

// In memory, with what a sensor goes on from.
absl::StatusOr<std::unique_ptr<Database>> Database::StandIn(const std::string& directory,
                                                            std::string& warning) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;  // sqlite3_open()'s
  MAILTAP_ASSIGN_OR_RETURN(auto database, OpenHandle(":memory:", kFlags, PathIn(directory),
                                                     "can't be stood in for"));
  MAILTAP_RETURN_IF_ERROR(database->Execute(kSchemaSql));
  MAILTAP_RETURN_IF_ERROR(database->Execute("COMMIT"));
  const absl::Status copied = database->CopyFrom(directory);
  if (copied.ok()) {
    absl::StrAppend(&warning, "; the state was read all the same");
  } else if (absl::IsNotFound(copied)) {
    absl::StrAppend(&warning, "; there is no earlier state");
  } else {
    absl::StrAppend(&warning, "; the earlier state can't be read: ", copied.message());
  }
  absl::StrAppend(&warning, "; the sensor runs, and stores as soon as that is possible");
  database->awaited_directory_ = directory;
  return database;
}

absl::Status Database::CopyFrom(const std::string& directory) {
  const std::string path = PathIn(directory);
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return absl::NotFoundError(path);
  MAILTAP_ASSIGN_OR_RETURN(const auto opened,
                           OpenHandle(path, SQLITE_OPEN_READWRITE, path, "can't be opened"));
  Database& file = *opened;
  // Who has it alone keeps the index of the log in memory, and needs no room for it on the disk
  // (SQLite, "Use of WAL Without Shared-Memory").
  sqlite3_db_config(file.handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  MAILTAP_RETURN_IF_ERROR(file.Execute("PRAGMA locking_mode = EXCLUSIVE"));
  MAILTAP_RETURN_IF_ERROR(file.Prepare());
  for (const char* name : {"checkpoint", "open_alerts", "checkpoint_alerts"}) {
    MAILTAP_ASSIGN_OR_RETURN(const auto blob, file.LoadBlob(name));
    if (blob.has_value()) MAILTAP_RETURN_IF_ERROR(StoreBlob(name, *blob));
  }
  for (const char* name : {"source", "report"}) {
    MAILTAP_ASSIGN_OR_RETURN(const std::string text, file.LoadText(name));
    MAILTAP_RETURN_IF_ERROR(StoreText(name, text));
  }
  return absl::OkStatus();
}

// What is stored into a file that has no name any more is lost with the process.
bool Database::HasMoved() const {
  int moved = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

absl::Status Database::AwaitAnother() {
  MAILTAP_ASSIGN_OR_RETURN(source_, Source());
  awaited_directory_ = std::filesystem::path(path_).parent_path();
  return absl::NotFoundError(absl::StrCat(
      path_, ": was removed or renamed; another one is begun, without what it held"));
}

absl::Status Database::OpenAwaited() {
  std::string warning;
  auto opened = Open(awaited_directory_, warning);
  if (!warning.empty()) LogError(warning);
  if (!opened.ok()) return opened.status();
  MAILTAP_ASSIGN_OR_RETURN(const std::string source, (*opened)->Source());
  if (!source.empty() && !source_.empty() && source != source_) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": holds the state of ", source, ", not of ", source_));
  }
  std::swap(handle_, (*opened)->handle_);
  awaited_directory_.clear();
  return absl::OkStatus();
}

}  // namespace mailtap::store

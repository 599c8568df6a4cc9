// SQLite's prepared statements, as the database uses them.
#ifndef MAILTAP_LIB_STORE_STATEMENT_H_
#define MAILTAP_LIB_STORE_STATEMENT_H_

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace mailtap::store {

// One statement, run once.
class Statement {
 public:
  Statement(sqlite3* handle, const char* sql) {
    sqlite3_prepare_v2(handle, sql, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // What can't be bound fails the statement: NULL would take its place.
  void Bind(int64_t value) { Bound(sqlite3_bind_int64(statement_, ++bound_, value)); }
  // `text` outlives the statement.
  void BindText(absl::string_view text) {
    Bound(sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_STATIC,
                              SQLITE_UTF8));
  }
  void BindBlob(absl::string_view bytes) {
    Bound(sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC));
  }
  bool Row() {
    if (result_ == SQLITE_OK || result_ == SQLITE_ROW) result_ = sqlite3_step(statement_);
    return result_ == SQLITE_ROW;
  }
  bool Done() {
    if (result_ == SQLITE_OK || result_ == SQLITE_ROW) Row();
    return result_ == SQLITE_DONE;
  }
  int64_t Integer(int column) { return sqlite3_column_int64(statement_, column); }
  std::string Bytes(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return data == nullptr ? "" : std::string(static_cast<const char*>(data), size);
  }

 private:
  void Bound(int result) {
    if (result != SQLITE_OK) result_ = result;
  }

  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  int result_ = SQLITE_OK;
};

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_STATEMENT_H_

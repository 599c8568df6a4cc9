#include "lib/config/csv.h"

#include <csv.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/config/findings.h"

namespace mailtap::config {
namespace {

// Rows as libcsv gives them, with the lines on which they start.
class Rows {
 public:
  Rows() { csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI); }
  ~Rows() { csv_free(&parser_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // False where a quote is out of place or not closed; line() then tells where, or where its
  // row begins. Fed line by line, since the library counts none.
  bool Read(absl::string_view text) {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      const absl::string_view line =
          text.substr(0, end == absl::string_view::npos ? end : end + 1);
      const absl::string_view content = absl::StripAsciiWhitespace(line);
      // Quotes in a comment mean nothing.
      if (!between_ || (!content.empty() && content[0] != '#')) {
        between_ = false;
        if (csv_parse(&parser_, line.data(), line.size(), OnField, OnRow, this) !=
            line.size()) {
          row_.line = line_;
          return false;
        }
      }
      text.remove_prefix(line.size());
      ++line_;
      if (between_) row_.line = line_;
    }
    return csv_fini(&parser_, OnField, OnRow, this) == 0;
  }
  int line() const { return row_.line; }
  std::vector<CsvRow> Take() { return std::move(rows_); }

 private:
  static void OnField(void* text, size_t size, void* self) {
    auto* rows = static_cast<Rows*>(self);
    rows->row_.fields.emplace_back(static_cast<const char*>(text), size);
  }
  static void OnRow(int, void* self) {
    auto* rows = static_cast<Rows*>(self);
    std::vector<std::string>& fields = rows->row_.fields;
    const bool blank = fields.size() == 1 && fields[0].empty();
    if (!fields.empty() && !blank) rows->rows_.push_back(rows->row_);
    fields.clear();
    rows->between_ = true;
  }

  csv_parser parser_;
  int line_ = 1;
  bool between_ = true;  // rows, not within one
  CsvRow row_;
  std::vector<CsvRow> rows_;
};

// Whether all of them are in order.
bool CheckColumns(const CsvTable& table, int line, absl::string_view file,
                  const std::vector<std::string>& known, std::vector<Fault>& faults) {
  const std::size_t before = faults.size();
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i];
    const auto here = table.columns.begin() + static_cast<ptrdiff_t>(i);
    if (std::find(known.begin(), known.end(), column) == known.end()) {
      faults.push_back(
          {std::string(file), line, 1,
           absl::StrCat("unknown column ", Quoted(column), Suggestion(column, known))});
    } else if (std::find(table.columns.begin(), here, column) != here) {
      faults.push_back(
          {std::string(file), line, 1, absl::StrCat("column ", column, " stands there twice")});
    }
  }
  return faults.size() == before;
}

}  // namespace

CsvTable ParseCsv(absl::string_view text, absl::string_view file,
                  const std::vector<std::string>& known, std::vector<Fault>& faults) {
  CsvTable table;
  const auto fault = [&](int line, std::string message) {
    faults.push_back({std::string(file), line, 1, std::move(message)});
  };
  Rows reader;
  if (!reader.Read(text)) {
    fault(reader.line(), "not valid CSV: a quote is out of place or not closed");
    return table;
  }
  std::vector<CsvRow> rows = reader.Take();
  if (rows.empty()) {
    fault(1, "no row of column names");
    return table;
  }
  for (std::string& column : rows[0].fields) {
    table.columns.push_back(absl::AsciiStrToLower(absl::StripAsciiWhitespace(column)));
  }
  if (!CheckColumns(table, rows[0].line, file, known, faults)) return table;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].fields.size() == table.columns.size()) {
      table.rows.push_back(std::move(rows[i]));
    } else {
      fault(rows[i].line, absl::StrCat("the row has ", rows[i].fields.size(), " fields, but ",
                                       table.columns.size(), " columns are named"));
    }
  }
  return table;
}

}  // namespace mailtap::config

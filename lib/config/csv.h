// A CSV file (RFC 4180) whose first row names the columns. Rows that are empty or start with #
// are passed over.
#ifndef MAILTAP_LIB_CONFIG_CSV_H_
#define MAILTAP_LIB_CONFIG_CSV_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/config/parse.h"

namespace mailtap::config {

struct CsvRow {
  int line = 1;                     // on which it starts, from 1
  std::vector<std::string> fields;  // as many as there are columns
};

struct CsvTable {
  std::vector<std::string> columns;  // lower case, each once
  std::vector<CsvRow> rows;          // none where the columns are faulty
};

// Reads `text`. Faults (`file` is for their messages) are: a quote out of place, no row of
// columns, a column that is not among `known` or stands there twice, and a row with more or
// fewer fields than there are columns.
CsvTable ParseCsv(absl::string_view text, absl::string_view file,
                  const std::vector<std::string>& known, std::vector<Fault>& faults);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_CSV_H_

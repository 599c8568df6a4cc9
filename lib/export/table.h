// Text for people: aligned columns, wrapped lines, colour where it is wanted.
#ifndef MAILTAP_LIB_EXPORT_TABLE_H_
#define MAILTAP_LIB_EXPORT_TABLE_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mailtap::exporting {

// How to write to a stream.
struct TextStyle {
  std::size_t width = 100;  // columns
  bool color = false;       // ANSI escapes
};

// The terminal's width, with colour unless NO_COLOR is set (https://no-color.org), or the
// default where `fd` is no terminal.
TextStyle StyleFor(int fd);

// `text` with control characters replaced by '?': names come off the wire, and a terminal obeys
// escape sequences. Invalid UTF-8 becomes U+FFFD.
std::string Printable(absl::string_view text);

// Columns that `text` takes, one for each code point.
std::size_t DisplayWidth(absl::string_view text);

// The words of `text` over lines of at most `width` columns, each behind `indent` spaces, the
// first where the cursor is. A word that is longer stays whole. Ends with a newline.
void WriteWrapped(std::ostream& out, absl::string_view text, std::size_t indent,
                  std::size_t width);

// Rows of cells under a heading, two spaces apart. Where the width does not do, the widest
// left-aligned column is cut, with "...".
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string heading;
    Align align = Align::kRight;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns; they are made printable here.
  void Add(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }
  void Write(std::ostream& out, const TextStyle& style) const;

 private:
  std::vector<std::size_t> Widths(std::size_t available) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_TABLE_H_

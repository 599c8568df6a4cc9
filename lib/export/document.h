// A document of headed sections with tables, as text or as one HTML page.
#ifndef MAILTAP_LIB_EXPORT_DOCUMENT_H_
#define MAILTAP_LIB_EXPORT_DOCUMENT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/export/table.h"

namespace mailtap::exporting {

// Plain text throughout; nothing in it is mark-up.
struct DocumentTable {
  std::vector<Table::Column> columns;
  std::vector<std::vector<std::string>> rows;  // as many cells as there are columns
};

struct DocumentSection {
  std::string heading;
  std::string note;  // what it is about, or empty
  DocumentTable table;
  std::string if_empty = "None.";       // in place of a table without rows
  std::vector<std::string> paragraphs;  // behind the table
};

struct Document {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // name, text
  std::vector<DocumentSection> sections;
};

// Aligned text; control characters become '?'. Any thread, as the next.
std::string DocumentText(const Document& document, std::size_t width);

// One page for the screen and for paper. It loads nothing, holds no script and forbids both to
// the browser; it is well-formed XML, and text from outside is escaped.
std::string DocumentHtml(const Document& document);

// `text` as it may stand in HTML, between tags or as an attribute: control characters become
// '?', invalid UTF-8 U+FFFD.
std::string EscapeHtml(absl::string_view text);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_DOCUMENT_H_

#include "lib/export/document.h"

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace mailtap::exporting {
namespace {

constexpr char kHead[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
    "<meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\"/>\n";

constexpr char kStyle[] =
    "<style>\n"
    "body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; "
    "padding: 0 1rem; color: #1a1a1a; background: #fff; }\n"
    "h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }\n"
    "dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }\n"
    "dt { font-weight: 600; } dd { margin: 0; }\n"
    "table { border-collapse: collapse; width: 100%; font-size: .9rem; }\n"
    "th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px "
    "solid #ccc; overflow-wrap: anywhere; }\n"
    "th { border-bottom: 2px solid #666; }\n"
    ".right { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }\n"
    "@media print { body { margin: 0; max-width: none; font-size: 10px; } "
    "thead { display: table-header-group; } tr { break-inside: avoid; } "
    "h2 { break-after: avoid; } }\n"
    "@page { size: A4 landscape; margin: 12mm; }\n"
    "</style>\n";

const char* ClassOf(const Table::Column& column) {
  return column.align == Table::Align::kRight ? " class=\"right\"" : "";
}

void AppendTable(const DocumentTable& table, std::string& html) {
  absl::StrAppend(&html, "<table>\n<thead><tr>");
  for (const Table::Column& column : table.columns) {
    absl::StrAppend(&html, "<th", ClassOf(column), ">", EscapeHtml(column.heading), "</th>");
  }
  absl::StrAppend(&html, "</tr></thead>\n<tbody>\n");
  for (const auto& row : table.rows) {
    absl::StrAppend(&html, "<tr>");
    for (std::size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(&html, "<td", ClassOf(table.columns[c]), ">", EscapeHtml(row[c]),
                      "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  absl::StrAppend(&html, "</tbody>\n</table>\n");
}

void AppendParagraph(const std::string& text, std::string& html) {
  if (!text.empty()) absl::StrAppend(&html, "<p>", EscapeHtml(text), "</p>\n");
}

void WriteParagraph(std::ostream& out, const std::string& text, std::size_t width) {
  if (text.empty()) return;
  out << "  ";
  WriteWrapped(out, Printable(text), 2, width);
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      Printable(text),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string DocumentText(const Document& document, std::size_t width) {
  std::ostringstream out;
  out << Printable(document.title) << "\n\n";
  std::size_t widest = 0;
  for (const auto& [name, text] : document.facts) widest = std::max(widest, name.size());
  for (const auto& [name, text] : document.facts) {
    out << absl::StrFormat("%-*s  ", static_cast<int>(widest), name);
    WriteWrapped(out, Printable(text), widest + 2, width);
  }
  for (const DocumentSection& section : document.sections) {
    out << '\n' << Printable(section.heading) << '\n';
    WriteParagraph(out, section.note, width);
    if (!section.table.rows.empty()) {
      Table table(section.table.columns);
      for (const auto& row : section.table.rows) table.Add(row);
      table.Write(out, {.width = width});
    } else if (!section.table.columns.empty()) {
      WriteParagraph(out, section.if_empty, width);
    }
    for (const std::string& paragraph : section.paragraphs) {
      WriteParagraph(out, paragraph, width);
    }
  }
  return out.str();
}

std::string DocumentHtml(const Document& document) {
  const std::string title = EscapeHtml(document.title);
  std::string html = absl::StrCat(kHead, "<title>", title, "</title>\n", kStyle,
                                  "</head>\n<body>\n<h1>", title, "</h1>\n<dl>\n");
  for (const auto& [name, text] : document.facts) {
    absl::StrAppend(&html, "<dt>", EscapeHtml(name), "</dt><dd>", EscapeHtml(text), "</dd>\n");
  }
  absl::StrAppend(&html, "</dl>\n");
  for (const DocumentSection& section : document.sections) {
    absl::StrAppend(&html, "<section>\n<h2>", EscapeHtml(section.heading), "</h2>\n");
    AppendParagraph(section.note, html);
    if (!section.table.rows.empty()) {
      AppendTable(section.table, html);
    } else if (!section.table.columns.empty()) {
      AppendParagraph(section.if_empty, html);
    }
    for (const std::string& paragraph : section.paragraphs) AppendParagraph(paragraph, html);
    absl::StrAppend(&html, "</section>\n");
  }
  absl::StrAppend(&html, "</body>\n</html>\n");
  return html;
}

}  // namespace mailtap::exporting

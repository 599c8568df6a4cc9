#include "lib/export/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/export/json.h"

namespace mailtap::exporting {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowestCut = 12;  // a cut column keeps so much

bool StartsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// The first `width` columns of `text`, the last three of them dots where something was cut.
std::string Cut(const std::string& text, std::size_t width) {
  if (DisplayWidth(text) <= width) return text;
  std::size_t columns = 0, end = 0;
  while (end < text.size()) {
    if (StartsCodePoint(text[end]) && ++columns > width - 3) break;
    ++end;
  }
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace

TextStyle StyleFor(int fd) {
  TextStyle style;
  if (isatty(fd) == 0) return style;
  struct winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  const char* no_color = std::getenv("NO_COLOR");
  style.color = no_color == nullptr || *no_color == '\0';
  return style;
}

std::string Printable(absl::string_view text) {
  std::string out = ValidUtf8(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if (byte < 0x20 || byte == 0x7f) out[i] = '?';
    // U+0080 to U+009F are control characters too, two bytes long: C2 80 to C2 9F.
    if (byte == 0xc2 && static_cast<unsigned char>(out[i + 1]) < 0xa0)
      out.replace(i, 2, 1, '?');
  }
  return out;
}

std::size_t DisplayWidth(absl::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), StartsCodePoint));
}

void WriteWrapped(std::ostream& out, absl::string_view text, std::size_t indent,
                  std::size_t width) {
  std::size_t column = indent;
  bool first = true;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::size_t size = DisplayWidth(word);
    if (!first && column + 1 + size > width) {
      out << '\n' << std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out << ' ';
      ++column;
    }
    out << std::string(word);
    column += size;
    first = false;
  }
  out << '\n';
}

void Table::Add(const std::vector<std::string>& cells) {
  std::vector<std::string>& row = rows_.emplace_back();
  for (const std::string& cell : cells) row.push_back(Printable(cell));
}

std::vector<std::size_t> Table::Widths(std::size_t available) const {
  std::vector<std::size_t> widths;
  std::size_t total = kIndent;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = DisplayWidth(columns_[c].heading);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[c]));
    widths.push_back(width);
    total += width + (c == 0 ? 0 : kGap);
  }
  std::size_t widest = columns_.size();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].align != Align::kLeft) continue;
    if (widest == columns_.size() || widths[c] > widths[widest]) widest = c;
  }
  if (total > available && widest < columns_.size()) {
    const std::size_t excess = total - available;
    const std::size_t narrow =
        std::max(kNarrowestCut, widths[widest] - std::min(widths[widest], excess));
    widths[widest] = std::min(widths[widest], narrow);
  }
  return widths;
}

void Table::Write(std::ostream& out, const TextStyle& style) const {
  const std::vector<std::size_t> widths = Widths(style.width);
  const auto write_row = [&](const auto& cell_of) {
    std::string line(kIndent, ' ');
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string cell = Cut(cell_of(c), widths[c]);
      const std::string padding(widths[c] - DisplayWidth(cell), ' ');
      if (c > 0) line.append(kGap, ' ');
      const bool left = columns_[c].align == Align::kLeft;
      absl::StrAppend(&line, left ? cell : padding, left ? padding : cell);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  const std::string heading = write_row([&](std::size_t c) { return columns_[c].heading; });
  out << (style.color ? absl::StrCat("\033[2m", heading, "\033[0m") : heading) << '\n';
  for (const auto& row : rows_) out << write_row([&](std::size_t c) { return row[c]; }) << '\n';
}

}  // namespace mailtap::exporting

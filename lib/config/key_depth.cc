#include "lib/config/key_depth.h"

#include <algorithm>

namespace mailtap::config {
namespace {

// The offset behind the string that opens at `at`, whatever its kind (TOML 1.0, "String"). Ends
// at the text's end where the string isn't closed, which toml++ reports.
size_t SkipString(absl::string_view text, size_t at) {
  const char quote = text[at];
  const bool has_escapes = quote == '"';
  const bool is_long = at + 2 < text.size() && text[at + 1] == quote && text[at + 2] == quote;
  const absl::string_view end = text.substr(at, is_long ? 3 : 1);
  for (size_t i = at + end.size(); i < text.size(); ++i) {
    if (has_escapes && text[i] == '\\') {
      ++i;
    } else if (!is_long && text[i] == '\n') {
      return i;
    } else if (text.substr(i, end.size()) == end) {
      return i + end.size();
    }
  }
  return text.size();
}

}  // namespace

std::optional<size_t> FindTooDeepKey(absl::string_view text) {
  int dots = 0;
  for (size_t i = 0; i < text.size();) {
    switch (text[i]) {
      case '"':
      case '\'':
        i = SkipString(text, i);
        continue;
      case '#':
        i = std::min(text.find('\n', i), text.size());
        continue;
      case '.':
        if (++dots >= kMostKeyParts) return i;
        break;
      case '=':
      case ',':
      case '[':
      case '{':
      case '\n':
        dots = 0;
        break;
      default:
        break;
    }
    ++i;
  }
  return std::nullopt;
}

}  // namespace mailtap::config

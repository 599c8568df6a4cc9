#include "lib/config/name_pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/quoted.h"

namespace mailtap::config {

absl::StatusOr<std::string> NormalizePattern(absl::string_view text) {
  constexpr size_t kLongest = 253;  // RFC 1035, 2.3.4, as text
  std::string pattern = absl::AsciiStrToLower(text);
  if (absl::EndsWith(pattern, ".")) pattern.pop_back();
  const auto allowed = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '*' || c == '?';
  };
  if (pattern.empty() || pattern.size() > kLongest || pattern.front() == '.' ||
      absl::StrContains(pattern, "..") ||
      !std::all_of(pattern.begin(), pattern.end(), allowed)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text.substr(0, kLongest)),
                     " is not a host name or a pattern of host names such as "
                     "\"*.mail.example.com\" (names in other scripts as \"xn--...\")"));
  }
  return pattern;
}

// On a mismatch the last * takes one character more: time in proportion to the product of the
// lengths at most.
bool Fits(absl::string_view pattern, absl::string_view name) {
  size_t p = 0, n = 0, star = absl::string_view::npos, resumed = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resumed = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      n = ++resumed;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == absl::string_view::npos;
}

}  // namespace mailtap::config

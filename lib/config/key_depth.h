// A guard ahead of toml++.
#ifndef MAILTAP_LIB_CONFIG_KEY_DEPTH_H_
#define MAILTAP_LIB_CONFIG_KEY_DEPTH_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace mailtap::config {

inline constexpr int kMostKeyParts = 16;

// Where in `text` (an offset) a dotted key such as a.b.c has more than kMostKeyParts parts, or
// nothing. toml++ makes a table of each part and takes them down by recursion, so that a long
// enough key would overflow the stack; nested values it bounds itself. Any thread.
std::optional<size_t> FindTooDeepKey(absl::string_view text);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_KEY_DEPTH_H_

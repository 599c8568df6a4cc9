// Patterns of host names, as relay entries list them: "*.protection.outlook.com".
#ifndef MAILTAP_LIB_CONFIG_NAME_PATTERN_H_
#define MAILTAP_LIB_CONFIG_NAME_PATTERN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mailtap::config {

// Lower case and without the root's dot. A * stands for any number of characters, dots
// included, and a ? for one. InvalidArgument where `text` is no pattern of host names: other
// characters than letters, digits, hyphens and underscores, an empty label, more than 253.
absl::StatusOr<std::string> NormalizePattern(absl::string_view text);

// Whether `pattern`, normalised, fits the whole of `name`, which is in lower case.
bool Fits(absl::string_view pattern, absl::string_view name);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_NAME_PATTERN_H_

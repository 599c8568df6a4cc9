// Texts of others, as messages quote them.
#ifndef MAILTAP_LIB_BASE_QUOTED_H_
#define MAILTAP_LIB_BASE_QUOTED_H_

#include <string>

#include "absl/strings/string_view.h"

namespace mailtap {

// `text` in double quotes with TOML's escapes: a valid TOML string, and nothing that a terminal
// would obey.
std::string Quoted(absl::string_view text);

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_QUOTED_H_

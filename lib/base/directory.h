// Folders that mailtap makes for itself.
#ifndef MAILTAP_LIB_BASE_DIRECTORY_H_
#define MAILTAP_LIB_BASE_DIRECTORY_H_

#include <string>

#include "absl/status/status.h"

namespace mailtap {

// Makes `path`, with mode 0750, and what it lies in, where they are missing. Unavailable, and
// why, where that can't be.
absl::Status MakeDirectory(const std::string& path);

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_DIRECTORY_H_

// Reading a whole file of text.
#ifndef MAILTAP_LIB_CONFIG_TEXT_FILE_H_
#define MAILTAP_LIB_CONFIG_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace mailtap::config {

// The file's bytes. The error says, without naming the file, why it can't be read: not there,
// no regular file, larger than 64 MiB.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_TEXT_FILE_H_

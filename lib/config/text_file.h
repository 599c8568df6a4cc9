// Reading a whole file of text.
#ifndef MAILTAP_LIB_CONFIG_TEXT_FILE_H_
#define MAILTAP_LIB_CONFIG_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mailtap::config {

// The file's bytes. The error says, without naming the file, why it can't be read: not there,
// no regular file, larger than 64 MiB.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

// The same; the error also says that `key` in `line` of the configuration names the file.
absl::StatusOr<std::string> ReadReferredFile(const std::string& path, absl::string_view key,
                                             int line);

// The first line of `text`, from 1, that is not valid UTF-8; 0 where there is none.
int LineOfInvalidUtf8(absl::string_view text);

// `text` without the mark with which some editors begin UTF-8.
absl::string_view SkipByteOrderMark(absl::string_view text);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_TEXT_FILE_H_

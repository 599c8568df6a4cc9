#include "lib/config/text_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/config/quantity.h"

namespace mailtap::config {
namespace {

constexpr int64_t kLargestFile = 64 << 20;

absl::Status Unreadable() {
  return absl::UnavailableError(absl::StrCat("can't be read: ", std::strerror(errno)));
}

bool IsUtf8(absl::string_view text) {
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  // Looked at before it is opened: opening a FIFO would wait for a writer.
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return Unreadable();
  if (!S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(S_ISDIR(status.st_mode) ? "is a directory, not a file"
                                                                 : "is not a regular file");
  }
  if (status.st_size > kLargestFile) {
    return absl::FailedPreconditionError(
        absl::StrCat("is larger than ", FormatSize(kLargestFile)));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return Unreadable();
  std::string text(static_cast<size_t>(status.st_size), '\0');
  in.read(text.data(), status.st_size);
  if (in.bad()) return Unreadable();
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

absl::StatusOr<std::string> ReadReferredFile(const std::string& path, absl::string_view key,
                                             int line) {
  auto text = ReadTextFile(path);
  if (text.ok()) return text;
  return absl::Status(text.status().code(),
                      absl::StrCat(text.status().message(), "; ", key, " in line ", line,
                                   " of the configuration names it"));
}

int LineOfInvalidUtf8(absl::string_view text) {
  if (IsUtf8(text)) return 0;
  int line = 1;
  for (const absl::string_view each : absl::StrSplit(text, '\n')) {
    if (!IsUtf8(each)) break;
    ++line;
  }
  return line;
}

absl::string_view SkipByteOrderMark(absl::string_view text) {
  if (absl::StartsWith(text, "\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

}  // namespace mailtap::config

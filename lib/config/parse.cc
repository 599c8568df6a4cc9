#include "lib/config/parse.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "lib/config/findings.h"
#include "lib/config/key_depth.h"
#include "lib/config/quantity.h"
#include "lib/config/sections.h"
#include "lib/config/table_reader.h"
#include "lib/config/version.h"

namespace mailtap::config {
namespace {

constexpr int64_t kLargestFile = 64 << 20;

ParseResult OneFault(absl::string_view file, std::string message, int line = 1,
                     int column = 1) {
  return {std::nullopt, {{std::string(file), line, column, std::move(message)}}, {}};
}

ParseResult TooDeep(absl::string_view text, absl::string_view file, size_t offset) {
  const absl::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return OneFault(file, absl::StrCat("a key has more than ", kMostKeyParts, " parts"),
                  static_cast<int>(lines) + 1, static_cast<int>(offset - start) + 1);
}

}  // namespace

std::string ToString(const Fault& fault) {
  return absl::StrCat(fault.file, ":", fault.line, ":", fault.column, ": ", fault.message);
}

ParseResult Parse(absl::string_view text, absl::string_view file) {
  if (const auto offset = FindTooDeepKey(text)) return TooDeep(text, file, *offset);
  Findings findings(file);
  Config config;
  try {
    const toml::table root = toml::parse(ToStd(text));
    TableReader reader(root, "", findings);
    ReadSettings(reader, findings, config);
    ReadPolicy(reader, findings, config);
    reader.Finish();
    Validate(root, findings, config);
  } catch (const toml::parse_error& error) {
    findings.Error(error.source(),
                   absl::StrCat("not valid TOML: ", ToAbsl(error.description())));
  }
  ParseResult result{std::nullopt, findings.TakeErrors(), findings.TakeWarnings()};
  if (result.faults.empty()) {
    config.version = VersionOf(config);
    result.config = std::move(config);
  }
  return result;
}

ParseResult ParseFile(const std::string& path) {
  // Looked at before it is opened: opening a FIFO would wait for a writer.
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) {
    return OneFault(path, absl::StrCat("can't be read: ", std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    return OneFault(
        path, S_ISDIR(status.st_mode) ? "is a directory, not a file" : "is not a regular file");
  }
  if (status.st_size > kLargestFile) {
    return OneFault(path, absl::StrCat("is larger than ", FormatSize(kLargestFile)));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return OneFault(path, absl::StrCat("can't be read: ", std::strerror(errno)));
  std::string text(static_cast<size_t>(status.st_size), '\0');
  in.read(text.data(), status.st_size);
  if (in.bad()) return OneFault(path, absl::StrCat("can't be read: ", std::strerror(errno)));
  text.resize(static_cast<size_t>(in.gcount()));
  return Parse(text, path);
}

}  // namespace mailtap::config

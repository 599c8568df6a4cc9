#include "app/mailtap-gen/outputs.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace mailtap::gen {
namespace {

namespace fs = std::filesystem;

struct NamedFile {
  const char* name;
  const std::string& path;  // empty: none
};

// Pipes and devices take several outputs, and are not to be opened before their time.
bool IsFile(const std::string& path) {
  std::error_code ignored;
  return !fs::exists(path, ignored) || fs::is_regular_file(path, ignored);
}

bool SameFile(const std::string& a, const std::string& b) {
  std::error_code unknown;
  if (fs::equivalent(a, b, unknown)) return true;
  // Of files that are yet to be made only absolute names can be told.
  const auto name = [&](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, unknown), unknown);
  };
  return name(a) == name(b);
}

absl::Status CheckWritable(const std::string& path) {
  std::error_code ignored;
  // A link that leads nowhere yet is there.
  const bool is_new = !fs::exists(fs::symlink_status(path, ignored));
  errno = 0;
  if (!std::ofstream(path, std::ios::app)) {
    return absl::UnavailableError(path + ": " + std::strerror(errno));
  }
  if (is_new) fs::remove(path, ignored);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOutputs(const Options& options) {
  const std::string none;
  const NamedFile files[] = {{"the recipe", options.recipe_file},
                             {"--out", options.out == "-" ? none : options.out},
                             {"--truth", options.truth},
                             {"--summary", options.summary}};
  for (const NamedFile& file : files) {
    if (file.path == "-") {
      return absl::InvalidArgumentError(std::string(file.name) +
                                        ": only --out can be standard output");
    }
    if (file.path.empty() || !IsFile(file.path)) continue;
    for (const NamedFile* other = files; other != &file; ++other) {
      if (other->path.empty() || !SameFile(other->path, file.path)) continue;
      return absl::InvalidArgumentError(file.path + ": " + file.name + " would overwrite " +
                                        other->name + "; give another file");
    }
  }
  for (const std::string* path : {&options.truth, &options.summary}) {
    if (path->empty() || !IsFile(*path)) continue;
    if (absl::Status status = CheckWritable(*path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace mailtap::gen

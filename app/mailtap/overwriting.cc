#include "app/mailtap/overwriting.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace mailtap::app {
namespace {

// The same for every path to a regular file, be it there or to be made.
std::optional<std::string> IdentityOf(const std::string& path) {
  struct stat file = {};
  if (::stat(path.c_str(), &file) == 0) {
    if (!S_ISREG(file.st_mode)) return std::nullopt;
    return absl::StrCat(file.st_dev, ":", file.st_ino);
  }
  // Of what is yet to be made only absolute names can be told.
  std::error_code ignored;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored)
      .string();
}

}  // namespace

std::vector<NamedFile> FilesOf(const std::string& path, const config::Config& config) {
  std::vector<NamedFile> files = {{"the configuration", path},
                                  {"assets.file", config.assets.file}};
  for (const config::RelayFile& file : config.relay_files) {
    files.push_back({"a relay file", file.path});
  }
  return files;
}

std::vector<NamedFile> StateFiles(const std::string& folder) {
  std::vector<NamedFile> files;
  if (folder.empty()) return files;
  for (const char* file : {"/state.db", "/state.db-wal", "/state.db-shm"}) {
    files.push_back({"the state", folder + file});
  }
  return files;
}

absl::Status RefuseOverwriting(const std::vector<NamedFile>& inputs,
                               const std::vector<NamedFile>& outputs) {
  std::map<std::string, std::string> taken;  // names by identity
  for (const NamedFile& input : inputs) {
    if (input.path.empty()) continue;
    if (const auto identity = IdentityOf(input.path)) taken.emplace(*identity, input.name);
  }
  for (const NamedFile& output : outputs) {
    if (output.path.empty()) continue;
    const auto identity = IdentityOf(output.path);
    if (!identity.has_value()) continue;
    const auto [other, is_new] = taken.emplace(*identity, output.name);
    if (is_new) continue;
    return absl::InvalidArgumentError(absl::StrCat(output.path, ": ", output.name,
                                                   " would overwrite ", other->second,
                                                   "; give another file"));
  }
  return absl::OkStatus();
}

}  // namespace mailtap::app

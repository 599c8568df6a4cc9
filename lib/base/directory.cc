#include "lib/base/directory.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace mailtap {

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat(path, ": the directory can't be made: ", error.message()));
  }
  if (made) ::chmod(path.c_str(), 0750);
  return absl::OkStatus();
}

}  // namespace mailtap

#include "lib/store/read_uri.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_replace.h"

namespace mailtap::store {

std::string UriToRead(const std::string& path) {
  const std::string uri =
      "file:" + absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}});
  std::error_code ignored;
  const bool has_log = std::filesystem::exists(path + "-wal", ignored);
  const std::string folder = std::filesystem::path(path).parent_path();
  const bool writable = ::faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) == 0;
  return writable || has_log ? uri : uri + "?mode=ro&immutable=1";
}

}  // namespace mailtap::store

#include "lib/store/state_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/directory.h"
#include "lib/base/status.h"

namespace mailtap::store {
namespace {

std::string PathIn(const std::string& directory) {
  return absl::StrCat(directory, "/sensor.lock");
}

struct flock WholeFile() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

absl::Status Failed(const std::string& path, absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat(path, ": can't be ", what, ": ", std::strerror(errno)));
}

// More than Say() writes: a path has at most PATH_MAX bytes, of which each may be escaped.
constexpr std::size_t kMostBytes = 32 * 1024;

// What Say() wrote. False for nothing.
bool Parse(absl::string_view text, RunningSensor& sensor) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.size() < 4) return false;
  const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  if (words.size() != 4 || !absl::SimpleAtoi(words[0], &sensor.reloads_begun) ||
      !absl::SimpleAtoi(words[1], &sensor.reloads)) {
    return false;
  }
  sensor.last_reload_ok = words[2] == "ok";
  sensor.config_version = words[3];
  sensor.awaits_restart = std::string(lines[2]);
  return absl::CUnescape(lines[1], &sensor.config_path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateLock>> StateLock::Take(const std::string& directory) {
  MAILTAP_RETURN_IF_ERROR(MakeDirectory(directory));
  const std::string path = PathIn(directory);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (file < 0) return Failed(path, "opened");
  std::unique_ptr<StateLock> taken(new StateLock(file, path));
  struct flock lock = WholeFile();
  if (::fcntl(file, F_SETLK, &lock) == 0) {
    // What the last holder said doesn't hold for this one.
    if (::ftruncate(file, 0) != 0) return Failed(path, "written");
    return taken;
  }
  if (errno != EACCES && errno != EAGAIN) return Failed(path, "locked");
  if (::fcntl(file, F_GETLK, &lock) != 0) return Failed(path, "locked");
  return absl::FailedPreconditionError(absl::StrCat(
      directory, ": process ", lock.l_pid,
      " runs on this state already; give each sensor a state.directory of its own"));
}

StateLock::~StateLock() { ::close(file_); }

absl::Status StateLock::Say(const RunningSensor& sensor) {
  const std::string text =
      absl::StrCat(sensor.reloads_begun, " ", sensor.reloads, " ",
                   sensor.last_reload_ok ? "ok" : "failed", " ", sensor.config_version, "\n",
                   absl::CEscape(sensor.config_path), "\n", sensor.awaits_restart, "\n");
  // One write: a reader finds the old lines or the new ones, and may find the end of longer old
  // ones behind these.
  const auto size = static_cast<ssize_t>(text.size());
  if (::pwrite(file_, text.data(), text.size(), 0) != size || ::ftruncate(file_, size) != 0) {
    return Failed(path_, "written");
  }
  return absl::OkStatus();
}

absl::StatusOr<RunningSensor> FindSensor(const std::string& directory) {
  const std::string path = PathIn(directory);
  const auto nobody = [&] {
    return absl::NotFoundError(absl::StrCat("no sensor runs on the state in ", directory));
  };
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return errno == ENOENT ? nobody() : Failed(path, "opened");
  struct flock lock = WholeFile();
  std::string text(kMostBytes, '\0');
  const bool asked = ::fcntl(file, F_GETLK, &lock) == 0;
  const ssize_t size = ::pread(file, text.data(), text.size(), 0);
  ::close(file);
  if (!asked || size < 0) return Failed(path, "read");
  if (lock.l_type == F_UNLCK) return nobody();
  text.resize(static_cast<std::size_t>(size));
  RunningSensor sensor;
  sensor.pid = lock.l_pid;
  if (!Parse(text, sensor)) {
    return absl::UnavailableError(absl::StrCat(
        path, ": process ", sensor.pid,
        " has not said yet what it runs: it is still starting, or the disk is full"));
  }
  return sensor;
}

}  // namespace mailtap::store

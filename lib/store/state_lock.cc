#include "lib/store/state_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

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
      absl::StrCat(sensor.reloads, " ", sensor.last_reload_ok ? "ok" : "failed", " ",
                   sensor.config_version, "\n");
  // One write: a reader finds the old line or the new one. (Counts grow, so the new one covers
  // it.)
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
  char text[256] = {};
  const bool asked = ::fcntl(file, F_GETLK, &lock) == 0;
  const ssize_t size = ::pread(file, text, sizeof(text) - 1, 0);
  ::close(file);
  if (!asked || size < 0) return Failed(path, "read");
  if (lock.l_type == F_UNLCK) return nobody();
  RunningSensor sensor;
  sensor.pid = lock.l_pid;
  const std::vector<std::string> words =
      absl::StrSplit(absl::string_view(text), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &sensor.reloads)) {
    return absl::UnavailableError(absl::StrCat(path, ": the sensor is still starting"));
  }
  sensor.last_reload_ok = words[1] == "ok";
  sensor.config_version = words[2];
  return sensor;
}

}  // namespace mailtap::store

// Which sensor a state directory belongs to, and which configuration that one has in force.
#ifndef MAILTAP_LIB_STORE_STATE_LOCK_H_
#define MAILTAP_LIB_STORE_STATE_LOCK_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mailtap::store {

// What a running sensor says of itself in its directory.
struct RunningSensor {
  pid_t pid = 0;
  uint64_t reloads_begun = 0;  // since its start
  uint64_t reloads = 0;        // attempts that have ended
  bool last_reload_ok = true;  // the last of them
  std::string config_version;  // in force
  std::string config_path;     // of the file that it reads, absolute
  std::string
      awaits_restart;  // keys of it that only a restart puts in force: "[http], [limits]"

  friend bool operator==(const RunningSensor&, const RunningSensor&) = default;
};

// Held by a sensor for as long as it runs. A record lock (fcntl(2)) on DIRECTORY/sensor.lock:
// the kernel lets go of it when the process ends, however it ends, and names its holder, so
// that a stale file misleads nobody. One thread at a time.
class StateLock {
 public:
  // Makes the directory (mode 0750) where it is missing. FailedPrecondition, naming the holder,
  // where another process holds it. FindSensor() is Unavailable until the first Say().
  static absl::StatusOr<std::unique_ptr<StateLock>> Take(const std::string& directory);
  ~StateLock();
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

  // Tells FindSensor() what holds now; all but the pid.
  absl::Status Say(const RunningSensor& sensor);

 private:
  StateLock(int file, std::string path) : file_(file), path_(std::move(path)) {}

  const int file_;
  const std::string path_;
};

// The sensor that holds `directory`. NotFound where none does. Never call it in the process
// that does: closing a file lets go of the process's locks on it.
absl::StatusOr<RunningSensor> FindSensor(const std::string& directory);

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_STATE_LOCK_H_

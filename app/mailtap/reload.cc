#include "app/mailtap/reload.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lib/base/log.h"
#include "lib/store/state_lock.h"

namespace mailtap::app {
namespace {

int Fail(absl::string_view why) {
  LogError(why);
  return 1;
}

// Whether the sensor reads another file than this one, as far as that can be told: its file may
// be out of sight (in a container).
bool ReadsAnotherFile(const store::RunningSensor& sensor, const std::string& path) {
  std::error_code unknown;
  const bool same = std::filesystem::equivalent(path, sensor.config_path, unknown);
  if (unknown) {
    LogWarning(absl::StrCat("the sensor reads ", sensor.config_path, ", which can't be found (",
                            unknown.message(), "); whether ", path,
                            " is the same is not known"));
    return false;
  }
  return !same;
}

int Succeed(const store::RunningSensor& sensor, const std::string& version_before) {
  const std::string& waiting = sensor.awaits_restart;
  const bool as_before = !waiting.empty() && sensor.config_version == version_before;
  std::cout << "configuration " << sensor.config_version
            << (as_before ? " stays in force" : " is in force");
  if (!waiting.empty()) {
    std::cout << "; only a restart changes " << waiting << ": kept as they were";
  }
  std::cout << '\n';
  return 0;
}

}  // namespace

int Reload(const config::Config& config, const std::string& path) {
  const std::string& directory = config.state.directory;
  if (directory.empty()) {
    return Fail("state.directory is empty, so the sensor can't be found: send it SIGHUP");
  }
  auto sensor = store::FindSensor(directory);
  if (absl::IsNotFound(sensor.status())) {
    return Fail(absl::StrCat(sensor.status().message(),
                             ". One that was started before state.directory was changed keeps "
                             "its folder until a restart; SIGHUP has it reload the rest"));
  }
  if (!sensor.ok()) return Fail(sensor.status().message());
  if (ReadsAnotherFile(*sensor, path)) {
    return Fail(absl::StrCat("nothing is reloaded: the sensor reads ", sensor->config_path,
                             ", not ", path));
  }
  const store::RunningSensor before = *sensor;
  if (::kill(sensor->pid, SIGHUP) != 0) {
    return Fail(
        absl::StrCat("process ", sensor->pid, " can't be signalled: ", std::strerror(errno)));
  }
  constexpr int kPatienceSeconds = 30;
  for (int i = 0; i < kPatienceSeconds * 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    sensor = store::FindSensor(directory);
    if (!sensor.ok()) return Fail(sensor.status().message());
    // One that was under way may have read the file before it was changed.
    if (sensor->reloads <= before.reloads_begun) continue;
    if (!sensor->last_reload_ok) {
      return Fail(absl::StrCat("the sensor refused its file (its log and /readyz say why); ",
                               "configuration ", sensor->config_version, " stays in force"));
    }
    return Succeed(*sensor, before.config_version);
  }
  return Fail(absl::StrCat("process ", sensor->pid, " has not answered within ",
                           kPatienceSeconds, " s"));
}

}  // namespace mailtap::app

#include "app/mailtap/reload.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
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

}  // namespace

int Reload(const config::Config& config) {
  const std::string& directory = config.state.directory;
  if (directory.empty()) {
    return Fail("state.directory is empty, so the sensor can't be found: send it SIGHUP");
  }
  auto sensor = store::FindSensor(directory);
  if (!sensor.ok()) return Fail(sensor.status().message());
  const uint64_t before = sensor->reloads;
  if (::kill(sensor->pid, SIGHUP) != 0) {
    return Fail(
        absl::StrCat("process ", sensor->pid, " can't be signalled: ", std::strerror(errno)));
  }
  constexpr int kPatienceSeconds = 30;
  for (int i = 0; i < kPatienceSeconds * 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    sensor = store::FindSensor(directory);
    if (!sensor.ok()) return Fail(sensor.status().message());
    if (sensor->reloads == before) continue;
    if (!sensor->last_reload_ok) {
      return Fail(absl::StrCat("the sensor refused its file (its log and /readyz say why); ",
                               "configuration ", sensor->config_version, " stays in force"));
    }
    std::cout << "configuration " << sensor->config_version << " is in force\n";
    return 0;
  }
  return Fail(absl::StrCat("process ", sensor->pid, " has not answered within ",
                           kPatienceSeconds, " s"));
}

}  // namespace mailtap::app

#include "app/mailtap/run.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <sstream>

#include "app/mailtap/live_sensor.h"
#include "app/mailtap/patient_output.h"
#include "lib/base/background_log.h"
#include "lib/base/log.h"
#include "lib/export/summary.h"

namespace mailtap::app {
namespace {

// Of the end, with whoever doesn't read what is written to him.
constexpr std::chrono::milliseconds kPatience(2'000);

// Lock-free, so a signal handler may set it.
std::atomic<bool> g_stop{false};
std::atomic<bool> g_reload{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void OnSignal(int) { g_stop = true; }
void OnHangup(int) { g_reload = true; }

}  // namespace

int Run(const std::vector<std::string>& eal_arguments, const std::string& config_path,
        std::shared_ptr<const config::Config> config) {
  const auto fail = [](const absl::Status& status) {
    LogError(absl::string_view(status.message().data(), status.message().size()));
    return 1;
  };
  // Before any thread, and before EAL binds this one to a core.
  LogInBackground();
  // Before the sensor holds its lock: whoever finds it by that may signal it.
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGHUP, OnHangup);
  // What rotates logs may send these, and would end it without a checkpoint.
  std::signal(SIGUSR1, SIG_IGN);
  std::signal(SIGUSR2, SIG_IGN);
  auto sensor = LiveSensor::Start(eal_arguments, config_path, std::move(config), g_stop);
  if (absl::IsCancelled(sensor.status())) {
    LogInfo("ended while starting, by a signal");
    return 0;
  }
  if (!sensor.ok()) return fail(sensor.status());
  LogInfo("running; SIGHUP reloads the configuration, SIGINT or SIGTERM ends it");
  if (const absl::Status status = (*sensor)->Run(g_stop, g_reload); !status.ok())
    return fail(status);
  LogInfo("ended, by a signal");

  exporting::SummaryInput summary;
  summary.report = (*sensor)->Report();
  summary.seconds =
      static_cast<double>(summary.report.last_packet - summary.report.first_packet) /
      kNanosPerSecond;
  std::ostringstream text;
  exporting::WriteSummary(text, summary, exporting::StyleFor(STDOUT_FILENO));
  FlushLog(kPatience);  // the summary comes last
  if (WritePatiently(STDOUT_FILENO, text.str(), kPatience)) return 0;
  LogError("standard output could not be written");
  return 1;
}

}  // namespace mailtap::app

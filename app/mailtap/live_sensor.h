// Everything that a live run consists of, wired together.
#ifndef MAILTAP_APP_MAILTAP_LIVE_SENSOR_H_
#define MAILTAP_APP_MAILTAP_LIVE_SENSOR_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "app/mailtap/clock_watch.h"
#include "app/mailtap/learner.h"
#include "app/mailtap/link_watch.h"
#include "app/mailtap/reloader.h"
#include "app/mailtap/state_keeper.h"
#include "app/mailtap/tick_collector.h"
#include "lib/config/config.h"
#include "lib/control/control.h"
#include "lib/dataplane/clock.h"
#include "lib/dataplane/eal.h"
#include "lib/dataplane/lcore.h"
#include "lib/dataplane/port.h"
#include "lib/exchange/known_servers.h"
#include "lib/export/http_server.h"
#include "lib/export/live_output.h"
#include "lib/export/report.h"
#include "lib/export/sensor_routes.h"
#include "lib/export/sensor_status.h"
#include "lib/export/snapshot_board.h"
#include "lib/store/state_lock.h"
#include "lib/store/writer.h"

namespace mailtap::app {

class LiveSensor {
 public:
  // Starts EAL, workers, sinks and the web server; no packet is received yet. Cancelled where
  // `stop` was set meanwhile. Main thread.
  static absl::StatusOr<std::unique_ptr<LiveSensor>> Start(
      const std::vector<std::string>& eal_arguments, const std::string& config_path,
      std::shared_ptr<const config::Config> config, const std::atomic<bool>& stop);
  ~LiveSensor();

  // Starts the ports, launches the lcores and runs the control core in the calling thread until
  // `stop` is set; then lets the workers finish and closes the last tick. Each time `reload` is
  // set, the configuration's file is read anew and put in force between two ticks; `reload` is
  // reset.
  absl::Status Run(const std::atomic<bool>& stop, std::atomic<bool>& reload);

  // What was seen, after Run().
  exporting::ReportInput Report() const;

 private:
  struct Lane {
    std::unique_ptr<exchange::RecordRing> ring;
    std::unique_ptr<pipeline::Worker> worker;
    std::unique_ptr<dataplane::LcoreLoop> loop;
  };

  LiveSensor(const std::string& config_path, std::shared_ptr<const config::Config> config)
      : config_path_(config_path), config_(config), reloader_(config_path, std::move(config)) {}
  absl::Status OpenState(const std::atomic<bool>& stop);
  absl::Status AwaitState(const std::atomic<bool>& stop);
  absl::Status ConfigurePorts();
  absl::Status StartWorkers();
  absl::Status StartOutputs();
  absl::Status StartControl();
  void KeepState(bool last);
  absl::Status LaunchLcores(const std::atomic<bool>& stop);
  void WatchLinks();
  void Reload();
  void Tell();
  void Publish();
  control::CaptureSample Sample() const;
  // Any thread.
  exporting::SensorStatus Status() const;
  std::vector<exporting::DropCount> Drops() const;
  std::vector<exporting::PortStatus> PortStatuses() const;
  std::vector<exporting::WorkerStatus> WorkerStatuses() const;
  exporting::ReadyState Ready() const;

  const std::string config_path_;
  const std::shared_ptr<const config::Config> config_;  // as of the start
  Reloader reloader_;
  std::shared_ptr<const config::Config> next_config_;  // read, to be put in force
  exporting::ReloadStatus in_force_;                   // as of the last tick
  store::RunningSensor said_;                          // what lock_ tells
  bool say_failed_ = false;
  std::unique_ptr<store::StateLock> lock_;  // null without a state directory
  // In the order in which they need each other; destroyed in the opposite one.
  std::unique_ptr<dataplane::Eal> eal_;
  std::unique_ptr<dataplane::TscClock> clock_;
  std::vector<unsigned> lcores_;  // one a queue
  std::vector<std::unique_ptr<dataplane::Port>> ports_;
  exchange::KnownServers known_servers_;
  std::vector<Lane> lanes_;
  std::unique_ptr<exporting::LiveOutput> output_;
  std::unique_ptr<store::Database> database_;  // until writer_ has it
  std::unique_ptr<StateKeeper> keeper_;        // null without a state directory, as the next
  std::unique_ptr<store::Writer> writer_;
  std::unique_ptr<control::Control> control_;
  Learner learner_;
  LinkWatch links_;
  ClockWatch clock_watch_;
  exporting::SnapshotBoard board_;
  UnixNanos start_time_ = 0;
  std::atomic<bool> running_{false};  // main writes, HTTP reads
  std::unique_ptr<exporting::HttpServer> http_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_LIVE_SENSOR_H_

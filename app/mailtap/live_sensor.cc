#include "app/mailtap/live_sensor.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "app/mailtap/live_state.h"
#include "app/mailtap/worker_status.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/export/alert_file_sink.h"
#include "lib/export/metrics.h"
#include "lib/export/undecodable.h"
#include "lib/net/hash.h"

namespace mailtap::app {
namespace {

constexpr std::chrono::milliseconds kPollInterval(1);

absl::Status StoppedWhileStarting() { return absl::CancelledError("stopped while starting"); }

}  // namespace

absl::StatusOr<std::unique_ptr<LiveSensor>> LiveSensor::Start(
    const std::vector<std::string>& eal_arguments, const std::string& config_path,
    std::shared_ptr<const config::Config> config, const std::atomic<bool>& stop) {
  net::SetHashKey(net::RandomHashKey());  // who sends what this looks at may mean it ill
  // Absolute, for who asks for a reload from another directory.
  std::unique_ptr<LiveSensor> sensor(
      new LiveSensor(std::filesystem::absolute(config_path), std::move(config)));
  const std::string& state = sensor->config_->state.directory;
  if (!state.empty()) {
    MAILTAP_ASSIGN_OR_RETURN(sensor->lock_, store::StateLock::Take(state));
  }
  MAILTAP_RETURN_IF_ERROR(sensor->OpenState(stop));
  if (stop) return StoppedWhileStarting();
  MAILTAP_ASSIGN_OR_RETURN(sensor->eal_, dataplane::Eal::Start(eal_arguments));
  sensor->clock_ = std::make_unique<dataplane::TscClock>();
  sensor->start_time_ = sensor->clock_->Now();
  MAILTAP_RETURN_IF_ERROR(sensor->AwaitState(stop));
  for (const auto step :
       {&LiveSensor::ConfigurePorts, &LiveSensor::StartWorkers, &LiveSensor::StartOutputs}) {
    if (stop) return StoppedWhileStarting();
    MAILTAP_RETURN_IF_ERROR((*sensor.*step)());
  }
  return sensor;
}

LiveSensor::~LiveSensor() {
  http_.reset();  // before what its handlers look at
  // Where Run() ended by an error (memory that ran out), its lcores go on until they are told.
  for (const Lane& lane : lanes_) {
    if (lane.loop == nullptr) continue;
    lane.loop->Abandon();
    while (lane.loop->runs()) lane.ring->Drain([](const auto&) {});
  }
  if (writer_ != nullptr) writer_->Stop();
  if (output_ != nullptr) output_->Stop();
}

// Before EAL, since some ports (net_af_packet) take packets from when it makes them: none pile
// up while this waits, to be stamped with the time at which they are read.
absl::Status LiveSensor::OpenState(const std::atomic<bool>& stop) {
  const std::string& directory = config_->state.directory;
  if (directory.empty()) return absl::OkStatus();
  MAILTAP_ASSIGN_OR_RETURN(database_,
                           OpenLiveState(directory, absl::GetCurrentTimeNanos, stop));
  return absl::OkStatus();
}

// Waits only where the system's clock was set back while EAL started.
absl::Status LiveSensor::AwaitState(const std::atomic<bool>& stop) {
  if (database_ == nullptr) return absl::OkStatus();
  return AwaitLiveState(
      config_->state.directory, [this] { return clock_->Now(); }, stop, database_);
}

absl::Status LiveSensor::ConfigurePorts() {
  lcores_ = eal_->worker_lcores();
  if (lcores_.empty()) {
    return absl::FailedPreconditionError(
        "no lcore for a worker: EAL has the main lcore only. Give it at least two, for example "
        "-- -l 0,1 (the control core runs on the first)");
  }
  const std::vector<uint16_t> ids = dataplane::Port::Available();
  if (ids.empty()) {
    return absl::FailedPreconditionError(
        "no DPDK port. Bind a NIC with dpdk-devbind.py (Debian: dpdk), or name a virtual one, "
        "for example -- --vdev=net_af_packet0,iface=eth1");
  }
  // Every port gets as many queues as the others: a connection whose directions come in on two
  // ports then meets itself at one worker.
  std::size_t queues = lcores_.size();
  for (const uint16_t id : ids) {
    MAILTAP_ASSIGN_OR_RETURN(const uint16_t most, dataplane::Port::MaxQueues(id));
    queues = std::min<std::size_t>(queues, most);
  }
  if (queues < lcores_.size()) {
    LogWarning(absl::StrCat(lcores_.size() - queues, " of ", lcores_.size(),
                            " worker lcores stay idle: the ports have ", queues,
                            " receive queues"));
    lcores_.resize(queues);
  }
  for (const uint16_t id : ids) {
    MAILTAP_ASSIGN_OR_RETURN(
        auto port,
        dataplane::Port::Configure(id, static_cast<uint16_t>(queues), config_->dataplane));
    LogInfo(absl::StrCat("port ", id, " (", port->name(), "): ", queues, " receive queues"));
    ports_.push_back(std::move(port));
  }
  return absl::OkStatus();
}

absl::Status LiveSensor::StartWorkers() {
  MAILTAP_ASSIGN_OR_RETURN(const auto patterns, classify::PatternDatabase::Load());
  for (std::size_t i = 0; i < lcores_.size(); ++i) {
    Lane lane;
    lane.ring = std::make_unique<exchange::RecordRing>(
        static_cast<std::size_t>(config_->limits.ring_bytes));
    MAILTAP_ASSIGN_OR_RETURN(
        lane.worker, pipeline::Worker::Create(*config_, patterns, *lane.ring, &known_servers_));
    lanes_.push_back(std::move(lane));
  }
  LogInfo(absl::StrCat("workers: ", lanes_.size(), ", each with room for ",
                       config_->limits.sessions, " mail sessions in ",
                       lanes_.front().worker->session_bytes() >> 20, " MiB"));
  // A page of a table costs time when it is first used, and when it has been swapped out.
  if (::mlockall(MCL_CURRENT) != 0) {
    LogWarning(absl::StrCat("memory can't be locked: ", std::strerror(errno),
                            "; packets may wait for pages at first (needs CAP_IPC_LOCK)"));
  }
  return absl::OkStatus();
}

absl::Status LiveSensor::StartOutputs() {
  std::vector<std::unique_ptr<exporting::AlertSink>> sinks;
  if (!config_->alerts.file.empty()) {
    const std::string& state = config_->state.directory;
    MAILTAP_ASSIGN_OR_RETURN(
        auto sink, exporting::AlertFileSink::Start(
                       config_->alerts.file, config_->sensor.name,
                       exporting::AlertFileSink::kDefaultCapacity,
                       state.empty() ? "" : absl::StrCat(state, "/undelivered-alerts.jsonl")));
    sinks.push_back(std::move(sink));
  }
  output_ = std::make_unique<exporting::LiveOutput>(std::move(sinks));
  MAILTAP_RETURN_IF_ERROR(StartControl());
  control_->Tell(known_servers_);
  auto metrics = std::make_shared<exporting::MetricsCollector>(
      [this] { return board_.Latest(); }, [this] { return Status(); },
      control_->MakeSnapshot(/*every_relay=*/true));
  MAILTAP_ASSIGN_OR_RETURN(
      http_,
      exporting::HttpServer::Start(config_->http, exporting::SensorRoutes(
                                                      std::move(metrics),
                                                      [this] {
                                                        const auto snapshot = board_.Latest();
                                                        return exporting::UndecodableJson(
                                                            snapshot.get(), Drops());
                                                      },
                                                      [this] { return Ready(); })));
  const std::string& address = config_->http.address;
  const bool v6 = absl::StrContains(address, ':');
  LogInfo(absl::StrCat("metrics on http://", v6 ? absl::StrCat("[", address, "]") : address,
                       ":", http_->port(), "/metrics"));
  return absl::OkStatus();
}

absl::Status LiveSensor::StartControl() {
  const std::string& directory = config_->state.directory;
  if (directory.empty()) {
    control_ = std::make_unique<control::Control>(config_, *output_);
    return absl::OkStatus();
  }
  keeper_ = std::make_unique<StateKeeper>(*output_, config_->sensor.name, Resumption::kLive);
  const auto make = [this] { return std::make_unique<control::Control>(config_, *keeper_); };
  MAILTAP_ASSIGN_OR_RETURN(Resumed resumed,
                           Resume(directory, kLiveSource, Resumption::kLive, database_, make));
  control_ = std::move(resumed.control);
  if (resumed.tick.has_value()) {
    for (Lane& lane : lanes_) {
      lane.worker->ResumeSessions(clock_->Now() +
                                  config_->timeouts.established * kNanosPerSecond);
    }
  }
  writer_ = std::make_unique<store::Writer>(std::move(database_));
  return absl::OkStatus();
}

// What the tick that has just ended leaves behind.
void LiveSensor::KeepState(bool last) {
  if (keeper_ == nullptr) return;
  const int64_t tick = TickOf(board_.Latest()->time) - 1;
  auto batch = keeper_->EndTick(
      tick, *control_, last,
      [this](int64_t minute) { return writer_->ReadyForCheckpoint(minute); },
      [this] {
        constexpr std::size_t kMostHosts = 1000;  // in the report that is kept
        exporting::ReportInput report = Report();
        report.hosts.resize(std::min(report.hosts.size(), kMostHosts));
        return exporting::ReportJson(report);
      });
  if (batch.has_value()) writer_->Submit(*std::move(batch), keeper_->Release());
}

// Ports are started last of all: a mirror's packets come whether anybody takes them or not, and
// what overflows meanwhile would look like a sensor that is too slow.
absl::Status LiveSensor::LaunchLcores(const std::atomic<bool>& stop) {
  std::vector<uint16_t> ids;
  for (const auto& port : ports_) {
    MAILTAP_RETURN_IF_ERROR(port->Start());
    ids.push_back(port->id());
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i].loop = std::make_unique<dataplane::LcoreLoop>(
        *lanes_[i].worker, ids, static_cast<uint16_t>(i), config_->dataplane, *clock_, stop);
    MAILTAP_RETURN_IF_ERROR(lanes_[i].loop->Launch(lcores_[i]));
  }
  const auto polls = [](const Lane& lane) { return lane.loop->polls(); };
  while (!std::all_of(lanes_.begin(), lanes_.end(), polls)) {
    std::this_thread::sleep_for(kPollInterval);
  }
  for (const auto& port : ports_) port->BeginCounting();
  if (const int64_t micros = config_->dataplane.idle_sleep_us; micros > 0) {
    LogInfo(absl::StrCat("idle workers ",
                         lanes_[0].loop->wakes_by_packet() ? "wait for a packet in a low-power "
                                                             "state, "
                                                           : "sleep ",
                         "for at most ", micros, " us"));
  }
  return absl::OkStatus();
}

absl::Status LiveSensor::Run(const std::atomic<bool>& stop, std::atomic<bool>& reload) {
  std::vector<exchange::RecordRing*> rings;
  for (const Lane& lane : lanes_) rings.push_back(lane.ring.get());
  TickCollector collector(
      rings, *control_, [this] { return Sample(); }, TickOf(clock_->Now()));
  MAILTAP_RETURN_IF_ERROR(LaunchLcores(stop));
  running_ = true;

  Reload();
  while (!stop) {
    const uint64_t begun = reloader_.begun();
    if (auto next = reloader_.Poll(reload, clock_->Now())) next_config_ = std::move(next);
    if (reloader_.begun() != begun) Tell();
    if (collector.Poll(clock_->Now())) {
      clock_watch_.Check(clock_->Follow());
      Reload();
      Publish();
      WatchLinks();
      KeepState(/*last=*/false);
      learner_.EndTick(TickOf(board_.Latest()->time) - 1, reloader_.running());
    } else {
      std::this_thread::sleep_for(kPollInterval);
    }
  }
  running_ = false;
  const auto done = [](const Lane& lane) { return lane.loop->done(); };
  while (!std::all_of(lanes_.begin(), lanes_.end(), done)) {
    collector.DrainAll();
    std::this_thread::sleep_for(kPollInterval);
  }
  collector.DrainAll();
  collector.Finish();
  Publish();
  KeepState(/*last=*/true);
  if (writer_ != nullptr) writer_->Stop();
  return absl::OkStatus();
}

// Between two ticks: puts in force what has been read, and says what is.
void LiveSensor::Reload() {
  if (next_config_ != nullptr) control_->Reload(std::exchange(next_config_, nullptr));
  in_force_ = reloader_.status();
  Tell();
}

// Who asks for a reload waits for one that begins after that.
void LiveSensor::Tell() {
  if (lock_ == nullptr) return;
  store::RunningSensor now = {.reloads_begun = reloader_.begun(),
                              .reloads = in_force_.attempts,
                              .last_reload_ok = in_force_.fault.empty(),
                              .config_version = in_force_.config_version,
                              .config_path = config_path_,
                              .awaits_restart = absl::StrJoin(in_force_.awaits_restart, ", ")};
  if (now == said_) return;
  const absl::Status said = lock_->Say(now);
  if (said.ok()) said_ = std::move(now);
  // Each tick again, as there may be room then; logged once.
  if (!std::exchange(say_failed_, !said.ok()) && !said.ok()) LogError(said.message());
}

void LiveSensor::WatchLinks() {
  for (const auto& port : ports_) {
    const dataplane::PortStats stats = port->stats();
    links_.Look(port->name(), stats.gone      ? Link::kGone
                              : stats.link_up ? Link::kUp
                                              : Link::kDown);
  }
}

void LiveSensor::Publish() { board_.Publish(control_->MakeSnapshot()); }

}  // namespace mailtap::app

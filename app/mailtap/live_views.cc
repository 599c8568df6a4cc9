// How a live sensor shows itself: to the control core, to HTTP, and in the report.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/mailtap/live_sensor.h"
#include "app/mailtap/worker_status.h"

namespace mailtap::app {

control::CaptureSample LiveSensor::Sample() const {
  control::CaptureSample sample;
  for (const auto& port : ports_) {
    const dataplane::PortStats stats = port->stats();
    sample.ports.push_back({.name = port->name(),
                            .packets = stats.packets,
                            .dropped = stats.missed + stats.errors + stats.no_mbuf});
  }
  for (const Lane& lane : lanes_) {
    const pipeline::WorkerCounters& counters = lane.worker->counters();
    sample.packets += counters.packets.value();
    sample.snapped += counters.snapped.value();
    AddTo(counters, sample);
  }
  return sample;
}

std::vector<exporting::WorkerStatus> LiveSensor::WorkerStatuses() const {
  std::vector<exporting::WorkerStatus> statuses;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    statuses.push_back(StatusOf(static_cast<int>(i), lanes_[i].worker->counters(),
                                *lanes_[i].ring, config_->limits));
  }
  return statuses;
}

std::vector<exporting::PortStatus> LiveSensor::PortStatuses() const {
  std::vector<exporting::PortStatus> statuses;
  for (const auto& port : ports_) {
    const dataplane::PortStats stats = port->stats();
    exporting::PortStatus out = {.port = port->id(),
                                 .device = port->name(),
                                 .packets = stats.packets,
                                 .bytes = stats.bytes,
                                 .missed = stats.missed,
                                 .missed_at_start = stats.missed_at_start,
                                 .no_mbuf = stats.no_mbuf,
                                 .errors = stats.errors,
                                 .link_up = stats.link_up,
                                 .gone = stats.gone};
    for (std::size_t q = 0; q < stats.queues.size(); ++q) {
      out.queues.push_back({.queue = static_cast<int>(q),
                            .packets = stats.queues[q].packets,
                            .bytes = stats.queues[q].bytes,
                            .dropped = stats.queues[q].errors});
    }
    statuses.push_back(std::move(out));
  }
  return statuses;
}

exporting::SensorStatus LiveSensor::Status() const {
  exporting::SensorStatus status = BuildStatus();
  status.start_time = start_time_;
  status.clock_offset = clock_->offset();
  status.ports = PortStatuses();
  status.workers = WorkerStatuses();
  status.sinks = output_->sink_status();
  if (writer_ != nullptr) {
    const store::WriterStatus state = writer_->status();
    status.state = {.stored = state.stored,
                    .errors = state.errors,
                    .late = state.late,
                    .skipped = state.skipped,
                    .dropped_checkpoints = state.dropped_checkpoints,
                    .dropped_alerts = state.dropped_alerts,
                    .queued = state.queued,
                    .hours_cut = state.hours_cut};
  }
  status.learning = learner_.status();
  status.reload = reloader_.status();
  if (status.reload->last_success == 0) status.reload->last_success = start_time_;
  return status;
}

std::vector<exporting::DropCount> LiveSensor::Drops() const {
  std::vector<exporting::DropCount> drops;
  for (const exporting::WorkerStatus& worker : WorkerStatuses()) AddDrops(worker.drops, drops);
  return drops;
}

exporting::ReadyState LiveSensor::Ready() const {
  if (!running_) return absl::UnavailableError("starting or stopping");
  const exporting::ReloadStatus reload = reloader_.status();
  std::string notice;
  if (!reload.fault.empty()) {
    notice = absl::StrCat("the last reload failed, configuration ", reload.config_version,
                          " is still in force: ", reload.fault);
  } else if (!reload.relay_fault.empty()) {
    notice = absl::StrCat("a relay file is faulty, and what it held before is still in force: ",
                          reload.relay_fault);
  }
  constexpr int64_t kStallSeconds = 5;
  const UnixNanos now = clock_->Now();
  absl::Status alive = exporting::CheckWorkersAlive(WorkerStatuses(), now, kStallSeconds);
  if (alive.ok()) {
    const auto snapshot = board_.Latest();
    alive = exporting::CheckControlAlive(snapshot == nullptr ? 0 : snapshot->time, now,
                                         kStallSeconds);
  }
  if (alive.ok()) alive = exporting::CheckPortsThere(PortStatuses());
  return {std::move(alive), std::move(notice)};
}

exporting::ReportInput LiveSensor::Report() const {
  exporting::ReportInput report;
  const exporting::SensorStatus status = Status();
  for (const exporting::PortStatus& port : status.ports) {
    report.captures.push_back(
        {.path = port.device, .packets = port.packets, .bytes = port.bytes});
    report.missed += port.missed + port.no_mbuf + port.errors;
    report.drops.push_back({absl::StrCat(port.device, ": missed by the port"), port.missed});
    report.drops.push_back(
        {absl::StrCat(port.device, ": missed while starting"), port.missed_at_start});
    report.drops.push_back({absl::StrCat(port.device, ": no mbuf"), port.no_mbuf});
    report.drops.push_back({absl::StrCat(port.device, ": damaged frames"), port.errors});
  }
  for (const exporting::WorkerStatus& worker : status.workers) {
    report.packets += worker.packets;
    report.bytes += worker.bytes;
  }
  const std::vector<exporting::DropCount> drops = Drops();
  report.drops.insert(report.drops.end(), drops.begin(), drops.end());
  report.first_packet = start_time_;
  report.last_packet = clock_->Now();
  report.snapshot = board_.Latest();
  report.hosts = control_->RankedHosts();
  report.relays = control_->RelayUses();
  report.relay_notes = control_->ReviewRelays();
  report.suppressions = control_->SuppressionUses();
  report.open_peaks = control_->OpenPeaks();
  return report;
}

}  // namespace mailtap::app

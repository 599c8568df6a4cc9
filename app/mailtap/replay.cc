#include "app/mailtap/replay.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "app/mailtap/capture_reader.h"
#include "app/mailtap/learning.h"
#include "app/mailtap/overwriting.h"
#include "app/mailtap/replay_state.h"
#include "app/mailtap/replay_workers.h"
#include "app/mailtap/worker_status.h"
#include "lib/base/log.h"
#include "lib/base/status.h"
#include "lib/control/control.h"
#include "lib/export/file_writer.h"
#include "lib/export/metrics.h"
#include "lib/export/progress_bar.h"
#include "lib/export/replay_output.h"
#include "lib/export/report.h"
#include "lib/export/summary.h"

namespace mailtap::app {
namespace {

constexpr int kNothingDone = 1;
constexpr int kIncomplete = 2;

// What a replay works with, all of it Replay()'s.
struct Parts {
  const config::Config& config;
  CaptureMerge& captures;
  exporting::ReplayOutput& output;
  ReplayState* state;  // null without --state
  control::Control& control;
  ReplayWorkers& workers;
  UnixNanos first_packet = 0;  // the time of those read so far
  UnixNanos last_packet = 0;
};

// That no file of `options` overwrites what is read or another one, and that those can be
// written of which the content is known at the end only.
absl::Status CheckFiles(const ReplayOptions& options, const config::Config& config) {
  std::vector<NamedFile> inputs = FilesOf(options.config, config);
  for (const std::string& path : options.captures) {
    inputs.push_back({"a capture", path == "-" ? "/dev/stdin" : path});
  }
  for (NamedFile& file : StateFiles(options.state)) inputs.push_back(std::move(file));
  std::vector<NamedFile> outputs = {{"--flows", options.flows},
                                    {"--alerts", options.alerts},
                                    {"--report", options.report},
                                    {"--metrics", options.metrics}};
  if (config.learning.on()) {
    outputs.push_back({"learning.file", ProposalsPath(config.learning, options.state)});
  }
  MAILTAP_RETURN_IF_ERROR(RefuseOverwriting(inputs, outputs));
  for (const std::string& path : {options.report, options.metrics}) {
    if (!path.empty()) MAILTAP_RETURN_IF_ERROR(exporting::CheckWholeFile(path));
  }
  // Often a live sensor's, that a replay by the same configuration has no use for.
  if (config.learning.on() && !config.learning.file.empty()) {
    const absl::Status proposals = exporting::CheckWholeFile(config.learning.file);
    if (!proposals.ok()) {
      LogWarning(absl::StrCat("proposals could not be written: ", proposals.message()));
    }
  }
  return absl::OkStatus();
}

// Ends ticks up to, not including, `tick`. Idle ticks are skipped: only those at which a worker
// or the control core has something to do are ended.
void AdvanceTo(int64_t tick, int64_t current, ReplayWorkers& workers,
               const control::Control& control, const control::CaptureSample& sample) {
  while (current < tick) {
    workers.EndTick(current, sample);
    current = std::max(current + 1, std::min(workers.NextEventTick(), control.NextEventTick()));
  }
}

// What the packets processed so far say of the captures. A reader's own counts are ahead of
// them: it holds its next packet already.
class CaptureCounts {
 public:
  explicit CaptureCounts(const CaptureMerge& captures) : captures_(captures) {
    for (const auto& capture : captures.captures()) {
      sample_.ports.push_back({.name = capture->path()});
    }
  }
  void Count(const pipeline::PacketView& packet) {
    ++sample_.packets;
    ++sample_.ports[packet.port].packets;
    if (packet.captured < packet.wire_length) ++sample_.snapped;
  }
  const control::CaptureSample& Sample() {
    for (std::size_t i = 0; i < sample_.ports.size(); ++i) {
      sample_.ports[i].ended = captures_.captures()[i]->ended();
    }
    return sample_;
  }

 private:
  const CaptureMerge& captures_;
  control::CaptureSample sample_;
};

void ReadAll(Parts& parts, exporting::ProgressBar& progress) {
  constexpr uint64_t kPacketsPerUpdate = 4096;
  uint64_t packets = 0;
  int64_t tick = 0;
  CaptureCounts counts(parts.captures);
  while (const pipeline::PacketView* packet = parts.captures.Next()) {
    const int64_t at = TickOf(packet->time);
    if (packets == 0) {
      parts.first_packet = packet->time;
      tick = at;
    }
    parts.last_packet = packet->time;
    if (at > tick) {
      AdvanceTo(at, tick, parts.workers, parts.control, counts.Sample());
      tick = at;
    }
    parts.workers.Process(*packet, parts.captures.piece());
    counts.Count(*packet);
    if (++packets % kPacketsPerUpdate == 0) progress.Update(packets, parts.captures.position());
  }
  if (packets != 0) parts.workers.Finish(tick, counts.Sample());
}

exporting::ReportInput Gather(const Parts& parts) {
  exporting::ReportInput report;
  report.first_packet = parts.first_packet;
  report.last_packet = parts.last_packet;
  for (const auto& capture : parts.captures.captures()) {
    report.captures.push_back({capture->path(), capture->packets(), capture->bytes(),
                               capture->snapped(), capture->damage(), capture->clock_faults()});
    report.packets += capture->packets();
    report.bytes += capture->bytes();
  }
  for (const exporting::WorkerStatus& worker : parts.workers.Statuses(parts.config.limits)) {
    AddDrops(worker.drops, report.drops);
    report.cut_packets += worker.cut_packets;
  }
  report.snapshot = parts.control.MakeSnapshot();
  report.hosts = parts.control.RankedHosts();
  report.relays = parts.control.RelayUses();
  report.relay_notes = parts.control.ReviewRelays();
  report.suppressions = parts.control.SuppressionUses();
  report.alerts = parts.output.alerts();
  report.open_peaks = parts.control.OpenPeaks();
  exporting::AddPeaks(report.open_peaks, report.alerts);
  report.suppressed = parts.output.suppressed();
  return report;
}

absl::Status WriteMetricsFile(const std::string& path, const Parts& parts,
                              const exporting::ReportInput& report,
                              const std::optional<exporting::LearningStatus>& learning) {
  const auto status = [&] {
    exporting::SensorStatus sensor = BuildStatus();
    for (std::size_t i = 0; i < report.captures.size(); ++i) {
      const exporting::CaptureRead& capture = report.captures[i];
      sensor.ports.push_back({.port = static_cast<int>(i),
                              .device = capture.path,
                              .packets = capture.packets,
                              .bytes = capture.bytes});
    }
    sensor.workers = parts.workers.Statuses(parts.config.limits);
    sensor.learning = learning;
    return sensor;
  };
  return exporting::WriteMetrics(
      path, exporting::MetricsCollector([&] { return report.snapshot; }, status));
}

// Closes and writes the files of `options`. What went wrong, the alerts first.
std::vector<absl::Status> WriteFiles(const ReplayOptions& options, const Parts& parts,
                                     const exporting::ReportInput& report) {
  std::vector<absl::Status> failures = parts.output.Finish();
  const auto add = [&failures](absl::Status status) {
    if (!status.ok()) failures.push_back(std::move(status));
  };
  std::optional<exporting::LearningStatus> learning;
  add(LearnFromReplay({options.state, parts.config, parts.control, parts.output, parts.state},
                      learning));
  if (!options.report.empty()) add(exporting::WriteReport(options.report, report));
  if (!options.metrics.empty()) {
    add(WriteMetricsFile(options.metrics, parts, report, learning));
  }
  if (parts.state != nullptr) add(parts.state->status());
  return failures;
}

// What went wrong without stopping the replay; the summary itself tells of the captures. The
// log has it too: the summary may go to the disk that is full.
std::vector<std::string> Warnings(const std::vector<absl::Status>& failures) {
  std::vector<std::string> warnings;
  for (const absl::Status& failure : failures) {
    LogError(failure.message());
    warnings.emplace_back(failure.message());
  }
  return warnings;
}

}  // namespace

int Replay(const ReplayOptions& options, std::shared_ptr<const config::Config> config) {
  const auto fail = [](const absl::Status& status) {
    LogError(absl::string_view(status.message().data(), status.message().size()));
    return kNothingDone;
  };
  if (const absl::Status files = CheckFiles(options, *config); !files.ok()) return fail(files);
  auto captures = CaptureMerge::Open(options.captures);
  if (!captures.ok()) return fail(captures.status());
  auto output =
      exporting::ReplayOutput::Open({options.flows, options.alerts}, config->sensor.name);
  if (!output.ok()) return fail(output.status());
  std::unique_ptr<ReplayState> state;
  Resumed resumed;
  if (options.state.empty()) {
    resumed.control = std::make_unique<control::Control>(config, **output);
  } else {
    auto opened = ReplayState::Open(options.state, *captures);
    if (!opened.ok()) return fail(opened.status());
    state = *std::move(opened);
    auto begun = state->Begin(config, **output);
    if (!begun.ok()) return fail(begun.status());
    resumed = *std::move(begun);
  }
  control::Control& control = *resumed.control;
  auto workers = ReplayWorkers::Create(*config, options.workers, control);
  if (!workers.ok()) return fail(workers.status());
  if (resumed.tick.has_value()) (*workers)->SkipUntil(*resumed.tick);

  const auto start = std::chrono::steady_clock::now();
  Parts parts{*config, *captures, **output, state.get(), control, **workers};
  if (state != nullptr) {
    (*workers)->OnTick([&](int64_t tick, bool last) {
      state->EndTick(tick, control, last, [&] { return exporting::ReportJson(Gather(parts)); });
    });
  }
  auto progress = exporting::ProgressBar::OnStderr(options.progress, captures->size());
  ReadAll(parts, progress);
  progress.Finish();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

  exporting::SummaryInput summary;
  summary.report = Gather(parts);
  summary.seconds = elapsed.count();
  summary.warnings = Warnings(WriteFiles(options, parts, summary.report));
  exporting::WriteSummary(std::cout, summary, exporting::StyleFor(STDOUT_FILENO));
  const auto whole = [](const auto& capture) { return capture->damage().empty(); };
  const bool complete =
      summary.warnings.empty() &&
      std::all_of(captures->captures().begin(), captures->captures().end(), whole);
  return complete ? 0 : kIncomplete;
}

}  // namespace mailtap::app

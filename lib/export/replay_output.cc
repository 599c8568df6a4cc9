#include "lib/export/replay_output.h"

#include <utility>

#include "lib/base/status.h"
#include "lib/export/json.h"

namespace mailtap::exporting {
namespace {

absl::StatusOr<std::unique_ptr<FileWriter>> OpenIfWanted(const std::string& path) {
  if (path.empty()) return nullptr;
  return FileWriter::Open(path, FileWriter::Mode::kReplace);
}

}  // namespace

ReplayOutput::ReplayOutput(std::string sensor) : sensor_(std::move(sensor)) {}

absl::StatusOr<std::unique_ptr<ReplayOutput>> ReplayOutput::Open(const Files& files,
                                                                 std::string sensor) {
  std::unique_ptr<ReplayOutput> output(new ReplayOutput(std::move(sensor)));
  MAILTAP_ASSIGN_OR_RETURN(output->flows_file_, OpenIfWanted(files.flows));
  MAILTAP_ASSIGN_OR_RETURN(output->alerts_file_, OpenIfWanted(files.alerts));
  return output;
}

void ReplayOutput::AddEarlierAlert(absl::string_view line) {
  if (alerts_file_ != nullptr) alerts_file_->Write(line);
}

void ReplayOutput::OnAlert(const control::Alert& alert) {
  log_.Add(alert);
  if (alerts_file_ != nullptr) alerts_file_->Write(ToJsonLine(alert, sensor_));
}

void ReplayOutput::OnSession(const control::JudgedSession& session) {
  ++sessions_;
  if (flows_file_ != nullptr) flows_file_->Write(ToJsonLine(session));
}

std::vector<absl::Status> ReplayOutput::Finish() {
  std::vector<absl::Status> losses;
  for (FileWriter* file : {alerts_file_.get(), flows_file_.get()}) {
    if (file == nullptr) continue;
    if (absl::Status closed = file->Close(); !closed.ok()) losses.push_back(std::move(closed));
  }
  return losses;
}

}  // namespace mailtap::exporting

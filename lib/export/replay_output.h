// What a replay puts out while it runs.
#ifndef MAILTAP_LIB_EXPORT_REPLAY_OUTPUT_H_
#define MAILTAP_LIB_EXPORT_REPLAY_OUTPUT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/control/output.h"
#include "lib/export/alert_log.h"
#include "lib/export/file_writer.h"

namespace mailtap::exporting {

// Writes sessions and alerts to their files as they come, in the caller's order, and remembers
// the alerts for the report. All calls from one thread.
class ReplayOutput : public control::Output {
 public:
  struct Files {
    std::string flows;   // path of --flows; empty: none
    std::string alerts;  // path of --alerts; empty: none
  };

  // Creates or empties the files; fails where one can't be opened. `sensor` is this sensor's
  // name in each alert.
  static absl::StatusOr<std::unique_ptr<ReplayOutput>> Open(const Files& files,
                                                            std::string sensor);

  // A line of the alert file that an earlier run of this replay had written.
  void AddEarlierAlert(absl::string_view line);

  void OnAlert(const control::Alert& alert) override;
  void OnSuppressed(const control::Alert& alert) override { suppressed_.push_back(alert); }
  void OnSession(const control::JudgedSession& session) override;

  // Writes out what is buffered and closes the files. A DataLoss for each of which a line was
  // lost, alerts first.
  std::vector<absl::Status> Finish();

  // Valid while this object lives; grows with OnAlert().
  const std::vector<AlertHistory>& alerts() const { return log_.alerts(); }
  // Those that were suppressed, in their order.
  const std::vector<control::Alert>& suppressed() const { return suppressed_; }
  // Sessions given so far, written or not.
  uint64_t sessions() const { return sessions_; }

 private:
  explicit ReplayOutput(std::string sensor);

  const std::string sensor_;
  std::unique_ptr<FileWriter> flows_file_;   // null: not wanted
  std::unique_ptr<FileWriter> alerts_file_;  // null: not wanted
  AlertLog log_;
  std::vector<control::Alert> suppressed_;
  uint64_t sessions_ = 0;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_REPLAY_OUTPUT_H_

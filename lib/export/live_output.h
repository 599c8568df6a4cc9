// What a live sensor puts out while it runs.
#ifndef MAILTAP_LIB_EXPORT_LIVE_OUTPUT_H_
#define MAILTAP_LIB_EXPORT_LIVE_OUTPUT_H_

#include <memory>
#include <utility>
#include <vector>

#include "lib/control/output.h"
#include "lib/export/alert_sink.h"

namespace mailtap::exporting {

// Hands every alert to every sink. Called by one thread at a time, the control core's or, where
// state is kept, the store's (see store::Writer); never blocks.
class LiveOutput : public control::Output {
 public:
  explicit LiveOutput(std::vector<std::unique_ptr<AlertSink>> sinks)
      : sinks_(std::move(sinks)) {}

  void OnAlert(const control::Alert& alert) override {
    for (const auto& sink : sinks_) sink->Submit(alert);
  }
  // A live sensor keeps no list of sessions; they are in the metrics' totals.
  void OnSession(const control::JudgedSession&) override {}

  // Any thread, until Stop().
  std::vector<SinkStatus> sink_status() const {
    std::vector<SinkStatus> status;
    for (const auto& sink : sinks_) status.push_back(sink->status());
    return status;
  }

  // Stops the sinks, each after what it has queued. After the last alert.
  void Stop() {
    for (const auto& sink : sinks_) sink->Stop();
  }

 private:
  const std::vector<std::unique_ptr<AlertSink>> sinks_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_LIVE_OUTPUT_H_

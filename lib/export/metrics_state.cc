// Families of what outlives a tick: the configuration, the state, and what is learnt from it.
#include "lib/export/metrics.h"

namespace mailtap::exporting {
namespace {

void AddReload(const SensorStatus& s, MetricFamilies& f) {
  if (!s.reload.has_value()) return;
  f.Gauge("mailtap_config_last_reload_successful",
          "1 unless the last attempt to reload the configuration failed.")
      .Add({}, s.reload->fault.empty() ? 1.0 : 0.0);
  f.Gauge("mailtap_config_last_reload_success_timestamp_seconds",
          "When the configuration in force was read, in seconds since 1970.")
      .Add({}, static_cast<double>(s.reload->last_success) / kNanosPerSecond);
  auto family = f.Counter("mailtap_config_reloads_total",
                          "Attempts to reload the configuration, by result.");
  family.Add({MetricLabel("result", "success")}, s.reload->attempts - s.reload->failures);
  family.Add({MetricLabel("result", "failure")}, s.reload->failures);
  f.Gauge("mailtap_relay_files_successful",
          "1 unless a relay file was faulty when it was last read; its entries are then those "
          "it held before.")
      .Add({}, s.reload->relay_fault.empty() ? 1.0 : 0.0);
  auto reads = f.Counter("mailtap_relay_file_reads_total",
                         "Times that the relay files were read because one had changed, by "
                         "result.");
  reads.Add({MetricLabel("result", "success")},
            s.reload->relay_reads - s.reload->relay_failures);
  reads.Add({MetricLabel("result", "failure")}, s.reload->relay_failures);
}

void AddState(const SensorStatus& s, MetricFamilies& f) {
  if (!s.state.has_value()) return;
  f.Counter("mailtap_state_stored_total",
            "Batches of state that were stored: a second's alerts, or a checkpoint.")
      .Add({}, s.state->stored);
  f.Counter("mailtap_state_errors_total",
            "Failed attempts to store a batch of state; its alerts went out all the same.")
      .Add({}, s.state->errors);
  f.Counter(
       "mailtap_state_late_total",
       "Batches of alerts that went out before they were stored, since that took too long.")
      .Add({}, s.state->late);
  f.Counter("mailtap_state_checkpoints_skipped_total",
            "Checkpoints not taken when due because the one before was still being stored.")
      .Add({}, s.state->skipped);
  auto dropped =
      f.Counter("mailtap_state_dropped_total",
                "What was never stored because too much was waiting, by kind; alerts "
                "went out all the same.");
  dropped.Add({MetricLabel("kind", "checkpoint")}, s.state->dropped_checkpoints);
  dropped.Add({MetricLabel("kind", "alert")}, s.state->dropped_alerts);
  f.Gauge("mailtap_state_queue_length", "Batches of state waiting to be stored.")
      .Add({}, s.state->queued);
  f.Counter("mailtap_state_hourly_records_cut_total",
            "Hours of which reports know only sums, as state could not be stored for too long.")
      .Add({}, s.state->hours_cut);
}

void AddLearning(const SensorStatus& s, MetricFamilies& f) {
  if (!s.learning.has_value()) return;
  f.Gauge("mailtap_learning_seconds", "Traffic that the learning mode has learnt from.")
      .Add({}, static_cast<double>(s.learning->seconds));
  f.Gauge("mailtap_learning_after_seconds",
          "Traffic that it takes before anything is proposed (see [learning]).")
      .Add({}, static_cast<double>(s.learning->after_seconds));
  f.Counter("mailtap_learning_proposals_written_total",
            "Times that proposals for the configuration were written.")
      .Add({}, s.learning->written);
  f.Counter("mailtap_learning_errors_total",
            "Times that proposals could not be made or written.")
      .Add({}, s.learning->errors);
  if (s.learning->last_written == 0) return;
  f.Gauge("mailtap_learning_proposals_timestamp_seconds",
          "End of the traffic that the last proposals were made from, in seconds since 1970.")
      .Add({}, static_cast<double>(s.learning->last_written) / kNanosPerSecond);
}

}  // namespace

void AddStateFamilies(const SensorStatus& status, MetricFamilies& families) {
  AddReload(status, families);
  AddState(status, families);
  AddLearning(status, families);
}

}  // namespace mailtap::exporting

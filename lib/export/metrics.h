// The sensor's metrics in Prometheus' text format.
//
// Built anew for each scrape from an immutable snapshot of the control core and from counters
// that others own; nothing here counts by itself, so a scrape costs the data plane nothing.
#ifndef MAILTAP_LIB_EXPORT_METRICS_H_
#define MAILTAP_LIB_EXPORT_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "lib/control/snapshot.h"
#include "lib/export/metric_families.h"
#include "lib/export/sensor_status.h"

namespace mailtap::exporting {

// Content-Type of MetricsText().
inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

class MetricsCollector : public prometheus::Collectable {
 public:
  using SnapshotSource = std::function<std::shared_ptr<const control::Snapshot>()>;
  using StatusSource = std::function<SensorStatus()>;

  // Both are called once a scrape, from whichever thread scrapes. The snapshot may be null
  // before the first tick: families of the control core are left out then. Counters are told
  // as since `start` (see GrowthSince), where there is one.
  MetricsCollector(SnapshotSource snapshot, StatusSource status,
                   std::shared_ptr<const control::Snapshot> start = nullptr)
      : snapshot_(std::move(snapshot)), status_(std::move(status)), start_(std::move(start)) {}

  // Any thread, also several at once if the sources allow it.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const SnapshotSource snapshot_;
  const StatusSource status_;
  const std::shared_ptr<const control::Snapshot> start_;
};

// All families in text format 0.0.4.
std::string MetricsText(const prometheus::Collectable& source);

// The same text into a file, replaced as one (see WriteWholeFile), as node_exporter's textfile
// collector wants it.
absl::Status WriteMetrics(const std::string& path, const prometheus::Collectable& source);

// The parts of Collect(): what the traffic is, what the control core made of it, and how the
// sensor does.
void AddTrafficFamilies(const control::Snapshot& snapshot, MetricFamilies& families);
void AddControlFamilies(const control::Snapshot& snapshot, MetricFamilies& families);
void AddSensorFamilies(const SensorStatus& status, MetricFamilies& families);
// Of these, those of configuration, state and learning.
void AddStateFamilies(const SensorStatus& status, MetricFamilies& families);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_METRICS_H_

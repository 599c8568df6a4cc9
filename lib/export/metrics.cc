#include "lib/export/metrics.h"

#include <prometheus/text_serializer.h>

#include "lib/export/file_writer.h"
#include "lib/export/growth.h"

namespace mailtap::exporting {

std::vector<prometheus::MetricFamily> MetricsCollector::Collect() const {
  MetricFamilies families;
  AddSensorFamilies(status_(), families);
  if (auto snapshot = snapshot_()) {
    if (start_ != nullptr) {
      snapshot = std::make_shared<const control::Snapshot>(GrowthSince(*start_, *snapshot));
    }
    AddTrafficFamilies(*snapshot, families);
    AddControlFamilies(*snapshot, families);
  }
  return families.Take();
}

std::string MetricsText(const prometheus::Collectable& source) {
  return prometheus::TextSerializer().Serialize(source.Collect());
}

absl::Status WriteMetrics(const std::string& path, const prometheus::Collectable& source) {
  return WriteWholeFile(path, MetricsText(source));
}

}  // namespace mailtap::exporting

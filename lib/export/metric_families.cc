#include "lib/export/metric_families.h"

#include "lib/export/json.h"

namespace mailtap::exporting {

prometheus::ClientMetric::Label MetricLabel(std::string name, absl::string_view value) {
  return {std::move(name), ValidUtf8(value)};
}

MetricFamilyBuilder::MetricFamilyBuilder(std::vector<prometheus::MetricFamily>& families,
                                         prometheus::MetricType type, std::string name,
                                         std::string help)
    : families_(families), family_{std::move(name), std::move(help), type, {}} {}

MetricFamilyBuilder::~MetricFamilyBuilder() {
  if (!family_.metric.empty()) families_.push_back(std::move(family_));
}

void MetricFamilyBuilder::Add(MetricLabels labels, double value) {
  prometheus::ClientMetric& metric = family_.metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = value;  // the serializer reads the one that fits the family's type
  metric.gauge.value = value;
}

void MetricFamilyBuilder::AddSummary(MetricLabels labels, uint64_t count, double sum) {
  prometheus::ClientMetric& metric = family_.metric.emplace_back();
  metric.label = std::move(labels);
  metric.summary.sample_count = count;
  metric.summary.sample_sum = sum;
}

}  // namespace mailtap::exporting

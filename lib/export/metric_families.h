// Builds prometheus-cpp's families, in the order in which they are to be shown.
#ifndef MAILTAP_LIB_EXPORT_METRIC_FAMILIES_H_
#define MAILTAP_LIB_EXPORT_METRIC_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace mailtap::exporting {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

// A label with its value; invalid UTF-8, which would make Prometheus refuse the whole scrape,
// is replaced.
prometheus::ClientMetric::Label MetricLabel(std::string name, absl::string_view value);

// One family that is being filled. Families that stay empty are left out of the scrape.
class MetricFamilyBuilder {
 public:
  // `families` must outlive this object; the family is added to it on destruction.
  MetricFamilyBuilder(std::vector<prometheus::MetricFamily>& families,
                      prometheus::MetricType type, std::string name, std::string help);
  ~MetricFamilyBuilder();
  MetricFamilyBuilder(const MetricFamilyBuilder&) = delete;
  MetricFamilyBuilder& operator=(const MetricFamilyBuilder&) = delete;

  // A sample of a counter or gauge.
  void Add(MetricLabels labels, double value);
  void Add(MetricLabels labels, uint64_t value) {
    Add(std::move(labels), static_cast<double>(value));
  }
  // A sample of a summary without quantiles.
  void AddSummary(MetricLabels labels, uint64_t count, double sum);

 private:
  std::vector<prometheus::MetricFamily>& families_;
  prometheus::MetricFamily family_;
};

// Shorthands that make a list of families readable.
class MetricFamilies {
 public:
  MetricFamilyBuilder Counter(std::string name, std::string help) {
    return {families_, prometheus::MetricType::Counter, std::move(name), std::move(help)};
  }
  MetricFamilyBuilder Gauge(std::string name, std::string help) {
    return {families_, prometheus::MetricType::Gauge, std::move(name), std::move(help)};
  }
  MetricFamilyBuilder Summary(std::string name, std::string help) {
    return {families_, prometheus::MetricType::Summary, std::move(name), std::move(help)};
  }
  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_METRIC_FAMILIES_H_

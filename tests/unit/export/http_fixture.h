// An HTTP server with the sensor's pages, or others, on a port that is free.
#ifndef MAILTAP_TESTS_UNIT_EXPORT_HTTP_FIXTURE_H_
#define MAILTAP_TESTS_UNIT_EXPORT_HTTP_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/export/http_server.h"
#include "lib/export/metrics.h"
#include "lib/export/sensor_routes.h"
#include "lib/export/undecodable.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {

inline config::Http AnyPort() {
  config::Http http;
  http.port = 0;
  return http;
}

inline std::shared_ptr<const prometheus::Collectable> SampleMetrics(
    std::shared_ptr<const control::Snapshot> snapshot = SampleSnapshot()) {
  return std::make_shared<MetricsCollector>([snapshot] { return snapshot; },
                                            [] { return SampleStatus(); });
}

inline nlohmann::ordered_json NoUndecodable() { return UndecodableJson(nullptr, {}); }

class HttpTest : public testing::Test {
 protected:
  void Start(HttpRoutes routes, const config::Http& config = AnyPort()) {
    auto server = HttpServer::Start(config, std::move(routes));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void StartSensor(const config::Http& config = AnyPort()) {
    Start(SensorRoutes(SampleMetrics(), NoUndecodable, [this] { return readiness_; }), config);
  }
  std::string Url(const std::string& path) const {
    return absl::StrCat("http://127.0.0.1:", server_->port(), path);
  }

  ReadyState readiness_{absl::OkStatus()};
  std::unique_ptr<HttpServer> server_;
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_TESTS_UNIT_EXPORT_HTTP_FIXTURE_H_

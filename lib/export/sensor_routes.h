// The sensor's pages: /metrics, /undecodable, /healthz, /readyz and an index.
#ifndef MAILTAP_LIB_EXPORT_SENSOR_ROUTES_H_
#define MAILTAP_LIB_EXPORT_SENSOR_ROUTES_H_

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "lib/export/http_server.h"

namespace mailtap::exporting {

// What /readyz says.
struct ReadyState {
  ReadyState(absl::Status s, std::string n = "")  // NOLINT: a status alone says it all, mostly
      : status(std::move(s)), notice(std::move(n)) {}
  // OK, or why the sensor is not doing its work: still starting, a worker has stalled.
  absl::Status status;
  // What an operator should see to although the sensor works; may be empty.
  std::string notice;
};
using Readiness = std::function<ReadyState()>;

// JSON as UndecodableJson gives it.
using UndecodableSource = std::function<nlohmann::ordered_json()>;

// /metrics serialises `metrics` at each request, /undecodable what its source gives. /healthz
// is 200 while the process can answer at all. /readyz is 200, with the notice if there is one,
// or 503 with the reason. All callbacks are called on the server's thread.
HttpRoutes SensorRoutes(std::shared_ptr<const prometheus::Collectable> metrics,
                        UndecodableSource undecodable, Readiness readiness);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_SENSOR_ROUTES_H_

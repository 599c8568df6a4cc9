// The sensor's pages: /metrics, /undecodable, /healthz, /readyz and an index.
#ifndef MAILTAP_LIB_EXPORT_SENSOR_ROUTES_H_
#define MAILTAP_LIB_EXPORT_SENSOR_ROUTES_H_

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "lib/export/http_server.h"

namespace mailtap::exporting {

// OK, or why the sensor is not doing its work: still starting, a worker has stalled.
using Readiness = std::function<absl::Status()>;

// JSON as UndecodableJson gives it.
using UndecodableSource = std::function<nlohmann::ordered_json()>;

// /metrics serialises `metrics` at each request, /undecodable what its source gives. /healthz
// is 200 while the process can answer at all. /readyz is 200, or 503 with the reason. All
// callbacks are called on the server's thread.
HttpRoutes SensorRoutes(std::shared_ptr<const prometheus::Collectable> metrics,
                        UndecodableSource undecodable, Readiness readiness);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_SENSOR_ROUTES_H_

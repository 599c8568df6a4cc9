#include "lib/export/sensor_routes.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/export/json.h"
#include "lib/export/metrics.h"

namespace mailtap::exporting {
namespace {

constexpr char kIndex[] = R"(<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>mailtap</title></head>
<body>
<h1>mailtap</h1>
<ul>
<li><a href="/metrics">/metrics</a>: everything that is counted, for Prometheus</li>
<li><a href="/undecodable">/undecodable</a>: frames that can't be looked into, by reason, as
JSON; with the start of some where [diagnostics] asks for it</li>
<li><a href="/healthz">/healthz</a>: 200 while the process runs</li>
<li><a href="/readyz">/readyz</a>: 200 while the sensor does its work, else 503 and why not</li>
</ul>
</body>
</html>
)";

HttpResponse ReadyPage(const ReadyState& state) {
  const absl::Status& status = state.status;
  HttpResponse page;
  page.status = status.ok() ? 200 : 503;
  page.body = status.ok() ? "ready\n" : absl::StrCat("not ready: ", status.message(), "\n");
  if (!state.notice.empty()) absl::StrAppend(&page.body, state.notice, "\n");
  return page;
}

}  // namespace

HttpRoutes SensorRoutes(std::shared_ptr<const prometheus::Collectable> metrics,
                        UndecodableSource undecodable, Readiness readiness) {
  HttpRoutes routes;
  routes["/"] = [] { return HttpResponse{200, "text/html; charset=utf-8", kIndex}; };
  routes["/healthz"] = [] {
    HttpResponse page;
    page.body = "ok\n";
    return page;
  };
  routes["/readyz"] = [ready = std::move(readiness)] { return ReadyPage(ready()); };
  routes["/metrics"] = [source = std::move(metrics)] {
    return HttpResponse{200, kMetricsContentType, MetricsText(*source)};
  };
  routes["/undecodable"] = [source = std::move(undecodable)] {
    return HttpResponse{200, "application/json", Dump(source(), 2) + "\n"};
  };
  return routes;
}

}  // namespace mailtap::exporting

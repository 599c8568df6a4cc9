#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/export/http_server.h"
#include "lib/export/metrics.h"
#include "lib/export/sensor_routes.h"
#include "lib/export/undecodable.h"
#include "tests/unit/export/http_client.h"
#include "tests/unit/export/http_fixture.h"
#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(HttpTest, ServesMetrics) {
  StartSensor();
  const Reply reply = Fetch(Url("/metrics"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(reply.body, MetricsText(*SampleMetrics()));
  EXPECT_EQ(reply.headers.at("content-length"), absl::StrCat(reply.body.size()));
}

TEST_F(HttpTest, HeadIsGetWithoutTheBody) {
  StartSensor();
  for (const char* path : {"/", "/metrics", "/healthz", "/readyz", "/nowhere"}) {
    const Reply get = Fetch(Url(path)), head = Fetch(Url(path), "HEAD");
    EXPECT_EQ(head.status, get.status) << path;
    EXPECT_EQ(head.body, "") << path;
    EXPECT_EQ(head.headers.at("content-length"), get.headers.at("content-length")) << path;
    EXPECT_EQ(head.headers.at("content-type"), get.headers.at("content-type")) << path;
  }
  RawClient raw(server_->port());
  raw.Send("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = raw.ReadToEnd();
  EXPECT_EQ(answer.find("\r\n\r\n") + 4, answer.size());
}

TEST_F(HttpTest, IndexLinksToThePages) {
  StartSensor();
  const Reply reply = Fetch(Url("/"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/html; charset=utf-8");
  for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
    EXPECT_THAT(reply.body, HasSubstr(absl::StrCat("href=\"", path, "\"")));
  }
}

TEST_F(HttpTest, HealthAndReadinessAreDifferentThings) {
  StartSensor();
  EXPECT_EQ(Fetch(Url("/readyz")).body, "ready\n");
  readiness_.notice = "the last reload failed: f:1:1: x";
  const Reply noticed = Fetch(Url("/readyz"));
  EXPECT_EQ(noticed.status, 200) << "the configuration before is as good as it was";
  EXPECT_EQ(noticed.body, "ready\nthe last reload failed: f:1:1: x\n");
  readiness_ = absl::UnavailableError("worker 1 has not reported for 12s");
  const Reply reply = Fetch(Url("/readyz"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "not ready: worker 1 has not reported for 12s\n");
  EXPECT_EQ(Fetch(Url("/healthz")).status, 200);
}

TEST_F(HttpTest, UnknownPathsAreNotFound) {
  StartSensor();
  for (const char* path : {"/metric", "/metrics/", "/metrics/x", "//", "/%2e%2e/etc/passwd",
                           "/%00", "/metrics%00x", "/healthz%00.txt"}) {
    EXPECT_EQ(Fetch(Url(path)).status, 404) << path;
  }
  EXPECT_EQ(Fetch(Url("/healthz?verbose=1")).status, 200);
}

TEST_F(HttpTest, ARequestMayNameItsServer) {
  StartSensor();
  const struct {
    const char *target, *status;
  } kCases[] = {{"http://localhost:1/healthz", " 200 "},
                {"http://localhost/", " 200 "},
                {"http://localhost", " 404 "},
                {"http://localhost/nowhere", " 404 "},
                {"ftp://localhost/healthz", " 404 "}};
  for (const auto& c : kCases) {
    RawClient raw(server_->port());
    raw.Send(
        absl::StrCat("GET ", c.target, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    EXPECT_THAT(raw.ReadToEnd(), HasSubstr(absl::StrCat("HTTP/1.1", c.status))) << c.target;
  }
}

TEST_F(HttpTest, OtherMethodsAreNotAllowed) {
  StartSensor();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const Reply reply = Fetch(Url("/metrics"), method);
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD") << method;
  }
  EXPECT_EQ(Fetch(Url("/nowhere"), "POST").status, 404);
}

TEST_F(HttpTest, ABodyIsNotWaitedFor) {
  StartSensor();
  RawClient raw(server_->port());
  raw.Send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
  EXPECT_THAT(raw.ReadToEnd(), StartsWith("HTTP/1.1 405 "));
  RawClient get(server_->port());
  get.Send("GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_THAT(get.ReadToEnd(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpTest, AConnectionServesRequestAfterRequest) {
  StartSensor();
  RawClient raw(server_->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(raw.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(raw.ReadUntil("ok\n"), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(HttpTest, AHandlerThatFailsIsA500AndTheServerGoesOn) {
  HttpRoutes routes;
  routes["/bad"] = []() -> HttpResponse { throw std::runtime_error("no"); };
  routes["/good"] = [] { return HttpResponse{}; };
  Start(std::move(routes));
  EXPECT_EQ(Fetch(Url("/bad")).status, 500);
  EXPECT_EQ(Fetch(Url("/good")).status, 200);
}

TEST_F(HttpTest, ServesWhatCannotBeDecoded) {
  Start(SensorRoutes(
      SampleMetrics(),
      [] {
        return UndecodableJson(nullptr, {{"encap_depth", 7}});
      },
      [] { return absl::OkStatus(); }));
  const Reply reply = Fetch(Url("/undecodable"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "application/json");
  EXPECT_EQ(nlohmann::json::parse(reply.body).dump(),
            R"([{"packets":7,"reason":"encap_depth","samples":[]}])");
}

TEST_F(HttpTest, StopFinishesTheAnswerThatIsBeingMade) {
  std::promise<void> entered, leave;
  HttpRoutes routes;
  routes["/slow"] = [&] {
    entered.set_value();
    leave.get_future().wait();
    HttpResponse page;
    page.body = std::string(300'000, 'x');
    return page;
  };
  Start(std::move(routes));
  auto reply = std::async(std::launch::async, [&] { return Fetch(Url("/slow")); });
  entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server_->Stop(); });
  leave.set_value();
  EXPECT_EQ(reply.get().body.size(), 300'000u);
  stopped.get();
  EXPECT_EQ(Fetch(Url("/slow")).status, 0);
}

TEST_F(HttpTest, StopDoesNotWaitForIdleConnections) {
  StartSensor();
  RawClient idle(server_->port());
  ASSERT_TRUE(idle.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(idle.ReadUntil("ok\n"), HasSubstr("200"));
  server_->Stop();
  EXPECT_EQ(idle.ReadToEnd(), "");
  server_->Stop();  // again: nothing
}

TEST_F(HttpTest, ThePortIsFreeAfterStop) {
  StartSensor();
  config::Http config = AnyPort();
  config.port = server_->port();
  server_->Stop();
  StartSensor(config);
  EXPECT_EQ(server_->port(), config.port);
  EXPECT_EQ(Fetch(Url("/healthz")).status, 200);
}

TEST_F(HttpTest, ListensOnIpv6) {
  config::Http config = AnyPort();
  config.address = "::1";
  auto server = HttpServer::Start(
      config, SensorRoutes(SampleMetrics(), NoUndecodable, [] { return absl::OkStatus(); }));
  if (absl::StrContains(server.status().message(), "ssign")) {
    GTEST_SKIP() << "no IPv6 loopback here";
  }
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(Fetch(absl::StrCat("http://[::1]:", (*server)->port(), "/healthz")).status, 200);
}

TEST_F(HttpTest, SaysWhyItCannotListen) {
  StartSensor();
  config::Http taken = AnyPort();
  taken.port = server_->port();
  EXPECT_EQ(HttpServer::Start(taken, {}).status().message(),
            absl::StrCat("cannot listen on 127.0.0.1 port ", taken.port,
                         " (http): Address already in use"));
  config::Http elsewhere = AnyPort();
  elsewhere.address = "192.0.2.1";
  EXPECT_THAT(std::string(HttpServer::Start(elsewhere, {}).status().message()),
              HasSubstr("192.0.2.1 port 0 (http): Cannot assign requested address"));
  config::Http name = AnyPort();
  name.address = "localhost";
  EXPECT_TRUE(absl::IsInvalidArgument(HttpServer::Start(name, {}).status()));
}

}  // namespace
}  // namespace mailtap::exporting

// Many clients, large pages, and clients that mean no good.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/export/http_client.h"
#include "tests/unit/export/http_fixture.h"

namespace mailtap::exporting {
namespace {

using testing::StartsWith;

class HttpLoadTest : public HttpTest {};

TEST_F(HttpLoadTest, ManyClientsAtOnceAllGetTheWholePage) {
  config::Http config = AnyPort();
  config.connections_per_address = 64;
  StartSensor(config);
  const std::string expected = MetricsText(*SampleMetrics());
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < 20; ++j) right += Fetch(Url("/metrics")).body == expected;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 16 * 20);
}

TEST_F(HttpLoadTest, AThousandHostsAreServed) {
  auto snapshot = SampleSnapshot();
  for (int i = 0; i < 999; ++i) {
    control::HostGauge gauge = snapshot->host_gauges[0];
    gauge.host.bytes[14] = static_cast<uint8_t>(i >> 8);
    gauge.host.bytes[15] = static_cast<uint8_t>(i);
    gauge.rule = "another";
    snapshot->host_gauges.push_back(gauge);
  }
  Start(SensorRoutes(SampleMetrics(snapshot), NoUndecodable, [] { return absl::OkStatus(); }));
  const Reply reply = Fetch(Url("/metrics"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, MetricsText(*SampleMetrics(snapshot)));
  EXPECT_GT(reply.body.size(), 200'000u);
}

TEST_F(HttpLoadTest, SlowClientsHoldUpNobodyAndAreCutOff) {
  config::Http config = AnyPort();
  config.timeout_seconds = 1;
  StartSensor(config);
  RawClient silent(server_->port()), halfway(server_->port());
  ASSERT_TRUE(silent.connected());
  ASSERT_TRUE(halfway.Send("GET /metrics HTT"));
  EXPECT_EQ(Fetch(Url("/healthz")).status, 200);
  // Both come back only because the server gives up on them.
  EXPECT_EQ(silent.ReadToEnd().find("200"), std::string::npos);
  EXPECT_EQ(halfway.ReadToEnd().find("200"), std::string::npos);
  EXPECT_EQ(Fetch(Url("/healthz")).status, 200);
}

TEST_F(HttpLoadTest, AnOversizedHeaderIsRefused) {
  StartSensor();
  RawClient raw(server_->port());
  raw.Send("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(100'000, 'a'));
  raw.Send("\r\n\r\n");
  EXPECT_EQ(raw.ReadToEnd().find(" 200 "), std::string::npos);
  EXPECT_EQ(Fetch(Url("/healthz"), "GET", {"X-Long: " + std::string(60'000, 'a')}).status, 431);
  EXPECT_EQ(Fetch(Url("/healthz"), "GET", {"X-Short: " + std::string(8'000, 'a')}).status, 200);
  EXPECT_NE(Fetch(Url("/" + std::string(60'000, 'a'))).status, 200);
  EXPECT_EQ(Fetch(Url("/healthz")).status, 200);
}

TEST_F(HttpLoadTest, GarbageIsSurvived) {
  StartSensor();
  for (const char* bytes :
       {"\r\n\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n", "EHLO x\r\n"}) {
    RawClient raw(server_->port());
    raw.Send(bytes);
  }
  EXPECT_EQ(Fetch(Url("/healthz")).status, 200);
}

TEST_F(HttpLoadTest, OneAddressGetsSoManyConnectionsAndNoMore) {
  config::Http config = AnyPort();
  config.connections_per_address = 2;
  StartSensor(config);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  auto first = std::make_unique<RawClient>(server_->port());
  RawClient second(server_->port());
  for (RawClient* client : {first.get(), &second}) {
    ASSERT_TRUE(client->Send(request));
    EXPECT_THAT(client->ReadUntil("ok\n"), StartsWith("HTTP/1.1 200 "));
  }
  RawClient third(server_->port());
  third.Send(request);
  EXPECT_EQ(third.ReadToEnd(), "");
  // The two that are in go on.
  ASSERT_TRUE(second.Send(request));
  EXPECT_THAT(second.ReadUntil("ok\n"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace mailtap::exporting

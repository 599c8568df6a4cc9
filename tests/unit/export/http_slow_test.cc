// Clients that are never idle, and never done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "tests/unit/export/http_client.h"
#include "tests/unit/export/http_fixture.h"

namespace mailtap::exporting {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr char kRequest[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

class HttpSlowTest : public HttpTest {
 protected:
  static config::Http ASecond() {
    config::Http config = AnyPort();
    config.timeout_seconds = 1;
    config.connections_per_address = 2;
    return config;
  }
  // How long `step`, done ten times a second, goes on well; for at most ten seconds.
  static Clock::duration Lasts(const std::function<bool()>& step) {
    const auto begin = Clock::now();
    while (Clock::now() - begin < seconds(10) && step()) {
      std::this_thread::sleep_for(milliseconds(100));
    }
    return Clock::now() - begin;
  }
};

TEST_F(HttpSlowTest, ARequestThatNeverEndsIsCutOff) {
  StartSensor(ASecond());
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET /healthz HTTP/1.1\r\nX: "));
  const auto lasted = Lasts([&] { return client.Send("a"); });
  EXPECT_GT(lasted, milliseconds(900));
  EXPECT_LT(lasted, seconds(4));
}

TEST_F(HttpSlowTest, NorDoesTheNextOneOfAConnectionEscape) {
  StartSensor(ASecond());
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(kRequest));
  EXPECT_THAT(client.ReadUntil("ok\n"), StartsWith("HTTP/1.1 200 "));
  const auto lasted = Lasts([&] { return client.Send("G"); });
  EXPECT_GT(lasted, milliseconds(900));
  EXPECT_LT(lasted, seconds(4));
}

TEST_F(HttpSlowTest, AnAddressCantHoldItsConnectionsThatWay) {
  StartSensor(ASecond());
  RawClient first(server_->port()), second(server_->port());
  ASSERT_TRUE(first.Send("G") && second.Send("G"));
  // Both go on sending all the while.
  const auto lasted = Lasts([&] {
    first.Send("E");
    second.Send("E");
    return Fetch(Url("/healthz")).status != 200;
  });
  EXPECT_GT(lasted, milliseconds(500)) << "there was no room at first";
  EXPECT_LT(lasted, seconds(4));
}

TEST_F(HttpSlowTest, AnAnswerThatIsTakenTooSlowlyIsCutOff) {
  constexpr std::size_t kSize = 100'000'000;  // far more than sockets buffer
  HttpRoutes routes;
  routes["/large"] = [] {
    HttpResponse page;
    page.body.assign(kSize, 'x');
    return page;
  };
  Start(std::move(routes), ASecond());
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::size_t taken = 0, last = 0;
  const auto lasted = Lasts([&] {
    last = client.Read(500'000).size();
    taken += last;
    return last > 0;
  });
  EXPECT_EQ(last, 0u) << "it goes on";
  EXPECT_LT(taken, kSize);
  EXPECT_GT(lasted, milliseconds(2'900)) << "a large page may take longer than a request";
}

TEST_F(HttpSlowTest, AConnectionThatIsUsedLastsLongerThanARequestMay) {
  StartSensor(ASecond());
  RawClient client(server_->port());
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(client.Send(kRequest));
    ASSERT_THAT(client.ReadUntil("ok\n"), StartsWith("HTTP/1.1 200 ")) << i;
    std::this_thread::sleep_for(milliseconds(400));
  }
}

}  // namespace
}  // namespace mailtap::exporting

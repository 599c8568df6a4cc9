#include "lib/classify/port_table.h"

#include <gtest/gtest.h>

#include "lib/net/hash.h"

namespace mailtap::classify {
namespace {

TEST(PortTable, HoldsWhatWasAddedAndNothingElse) {
  PortTable ports;
  ports.Add(25, Service::kSmtp, false);
  ports.Add(993, Service::kImap, true);
  ports.Add(65'535, Service::kPop3, false);
  int count = 0;
  for (int port = 0; port < 65'536; ++port) {
    count += ports.Contains(static_cast<uint16_t>(port)) ? 1 : 0;
  }
  EXPECT_EQ(count, 3);
  EXPECT_EQ(ports.service(993), Service::kImap);
  EXPECT_TRUE(ports.tls(993));
  EXPECT_FALSE(ports.tls(25));
  EXPECT_EQ(ports.service(65'535), Service::kPop3);
}

TEST(PortTable, WatchesWhatWasAddedAndWhatIsOfInterest) {
  PortTable ports;
  ports.Add(25, Service::kSmtp, false);
  ports.Watch(53);
  EXPECT_FALSE(ports.Contains(53));
  EXPECT_TRUE(ports.ContainsEither(40'000, 25));
  EXPECT_FALSE(ports.ContainsEither(40'000, 53));
  EXPECT_TRUE(ports.MayWatchEither(net::RawPorts(40'000, 25)));
  EXPECT_TRUE(ports.MayWatchEither(net::RawPorts(53, 40'000)));
  EXPECT_FALSE(ports.MayWatchEither(net::RawPorts(40'000, 443)));
}

}  // namespace
}  // namespace mailtap::classify

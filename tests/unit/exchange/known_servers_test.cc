#include "lib/exchange/known_servers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace mailtap::exchange {
namespace {

net::IpAddress Server(uint32_t number) {
  const uint8_t bytes[4] = {192, static_cast<uint8_t>(number >> 16),
                            static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
  return net::IpAddress::FromV4(bytes);
}

TEST(KnownServers, KnowsAServerByAddressPortAndAddressSpace) {
  KnownServers servers;
  EXPECT_TRUE(servers.Add(Server(1), 2'525, 7, Service::kSmtp));
  EXPECT_EQ(servers.Find(Server(1), 2'525, 7), Service::kSmtp);
  EXPECT_EQ(servers.Find(Server(2), 2'525, 7), std::nullopt);
  EXPECT_EQ(servers.Find(Server(1), 2'526, 7), std::nullopt);
  EXPECT_EQ(servers.Find(Server(1), 2'525, 0), std::nullopt);
}

TEST(KnownServers, OfTwoServicesTheSameOneStaysInWhateverOrderTheyCame) {
  for (const bool swapped : {false, true}) {
    KnownServers servers;
    servers.Add(Server(1), 2'525, 0, swapped ? Service::kPop3 : Service::kImap);
    servers.Add(Server(1), 2'525, 0, swapped ? Service::kImap : Service::kPop3);
    EXPECT_EQ(servers.Find(Server(1), 2'525, 0), Service::kImap);
  }
}

TEST(KnownServers, SaysWhenItIsFullAndKeepsWhatItHas) {
  KnownServers servers;
  uint32_t refused = 0;
  std::vector<bool> kept;
  for (uint32_t i = 0; i < 2 * KnownServers::kSlots; ++i) {
    kept.push_back(servers.Add(Server(i), 10'143, 0, Service::kImap));
    refused += kept.back() ? 0 : 1;
  }
  EXPECT_GE(refused, KnownServers::kSlots);
  for (uint32_t i = 0; i < kept.size(); ++i) {
    ASSERT_EQ(servers.Find(Server(i), 10'143, 0).has_value(), kept[i]) << i;
  }
}

TEST(KnownServers, ReadersSeeWholeEntriesWhileOthersAreAdded) {
  KnownServers servers;
  std::atomic<bool> done = false;
  std::atomic<uint64_t> found = 0;
  std::thread reader([&] {
    for (uint32_t i = 0; !done; i = (i + 1) % 4'096) {
      const auto service = servers.Find(Server(i), 10'143, i);
      if (!service.has_value()) continue;
      ++found;
      ASSERT_EQ(*service, i % 2 == 0 ? Service::kImap : Service::kPop3);
    }
  });
  for (uint32_t i = 0; i < 4'096; ++i) {
    servers.Add(Server(i), 10'143, i, i % 2 == 0 ? Service::kImap : Service::kPop3);
  }
  while (found == 0) std::this_thread::yield();
  done = true;
  reader.join();
}

}  // namespace
}  // namespace mailtap::exchange

#include "lib/control/expected_relays.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<uint32_t> Of(const std::vector<config::Relay>& relays, const std::string& host,
                         Role role = Role::kClient, Service service = Service::kSmtp,
                         std::size_t most = 9) {
  return ExpectedRelays(relays).Of(Ip(host), role, service, kT0, most);
}

TEST(ExpectedRelays, ForAClientThoseOfItsSourcesComeFirst) {
  const std::vector<config::Relay> relays = {
      {.name = "anybody", .destinations = {Net("192.0.2.1")}},
      {.name = "wide", .sources = {Net("10.0.0.0/8")}},
      {.name = "own", .sources = {Net("10.0.0.0/24"), Net("10.0.0.1")}},
      {.name = "others", .sources = {Net("10.9.0.0/16")}}};
  EXPECT_THAT(Of(relays, "10.0.0.1"), ElementsAre(2, 1, 0));
  EXPECT_THAT(Of(relays, "10.9.0.1"), ElementsAre(3, 1, 0));
  EXPECT_THAT(Of(relays, "10.9.0.1", Role::kClient, Service::kSmtp, 2), ElementsAre(3, 1));
}

TEST(ExpectedRelays, ThoseThatCantApproveAreLeftOut) {
  const std::vector<config::Relay> relays = {
      {.name = "imap", .services = {Service::kImap}},
      {.name = "over", .ends = kT0},
      {.name = "trial", .mode = config::RelayMode::kObserve},
      {.name = "in", .direction = config::MailFlow::kInbound},
      {.name = "to a gateway", .direction = config::MailFlow::kInternal},
      {.name = "until then", .ends = kT0 + 1}};
  EXPECT_THAT(Of(relays, "10.0.0.1"), ElementsAre(4, 5));
  EXPECT_THAT(Of(relays, "10.0.0.1", Role::kClient, Service::kImap), ElementsAre(0, 4, 5));
}

TEST(ExpectedRelays, ForAServerThoseThatNameIt) {
  const std::vector<config::Relay> relays = {{.name = "anybody"},
                                             {.name = "it", .destinations = {Net("10.0.0.1")}},
                                             {.name = "out",
                                              .destinations = {Net("10.0.0.1")},
                                              .direction = config::MailFlow::kOutbound}};
  EXPECT_THAT(Of(relays, "10.0.0.1", Role::kServer), ElementsAre(1));
  EXPECT_THAT(Of(relays, "10.0.0.2", Role::kServer), IsEmpty());
}

TEST(ExpectedRelays, StandInTheAlertAndItsSentence) {
  config::Config config = OneRule();
  config.relays = {{.name = "gateway",
                    .sources = {Net("10.0.0.0/8")},
                    .destinations = {Net("10.20.0.10"), Net("192.0.2.0/28")},
                    .names = {"*.relay.example"},
                    .ports = {25},
                    .owner = "messaging team"}};
  Bench bench(config);
  meter::DeltaRecord delta = Delta("10.0.0.1", "198.51.100.1", kT0, 600);
  bench.control.Apply(delta);
  delta.key.tls = Tls::kStarttls;
  bench.Tick(delta);
  ASSERT_EQ(bench.output.alerts.size(), 1u);
  const Alert& alert = bench.output.alerts[0];
  ASSERT_EQ(alert.expected_relays.size(), 1u);
  EXPECT_EQ(alert.expected_relays[0].name, "gateway");
  EXPECT_EQ(alert.expected_relays[0].owner, "messaging team");
  EXPECT_THAT(alert.expected_relays[0].servers,
              ElementsAre("10.20.0.10", "192.0.2.0/28", "*.relay.example"));
  EXPECT_THAT(alert.expected_relays[0].ports, ElementsAre(25));
  EXPECT_THAT(alert.summary, testing::HasSubstr("although its mail is expected to go by relay "
                                                "entry \"gateway\", and whether it may"));
  ASSERT_EQ(alert.top_peers.size(), 1u);
  EXPECT_EQ(alert.top_peers[0].tls,
            1u << static_cast<int>(Tls::kNone) | 1u << static_cast<int>(Tls::kStarttls));
}

}  // namespace
}  // namespace mailtap::control

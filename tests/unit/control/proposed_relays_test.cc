// Which relay entries the learning mode proposes, and which it must not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "lib/control/hour_summary.h"
#include "tests/unit/control/proposals_testing.h"

namespace mailtap::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kServer[] = "198.51.100.7";

// Clients 10.0.1.1 to 10.0.1.`count`, each of which sent `sent`.
HourServer Server(const std::string& server, int count, uint64_t sent = 1'000'000) {
  HourServer row;
  row.server = Ip(server);
  row.port = 25;
  for (int i = 1; i <= count; ++i) {
    row.clients.push_back(Ip(absl::StrCat("10.0.1.", i)));
    row.client_sent.push_back(sent);
    row.sessions += 2;
    row.bytes[kUp] += sent;
    row.bytes[kDown] += 100;
  }
  return row;
}

std::vector<Hour> Using(const HourServer& server, int64_t hours = kDayHours) {
  std::vector<Hour> all = Quiet(hours);
  for (Hour& hour : all) {
    hour.servers.push_back(server);
    auto& totals =
        hour.totals[static_cast<int>(server.service)][static_cast<int>(server.verdict)];
    totals.sessions += server.sessions * 2;
    totals.bytes[kUp] += server.bytes[kUp] * 4;
  }
  return all;
}

// As hours are after a disk was full: there was mail, and nothing tells whose.
TEST(ProposedRelays, LearnNothingFromHoursThatWereCutDown) {
  std::vector<Hour> hours = Using(Server(kServer, 4), 5 * kDayHours);
  for (std::size_t i = kDayHours; i < hours.size(); ++i) {
    hours[i].more_acts = 3;
    hours[i] = CutDown(hours[i]);
  }
  const Proposals proposals = Of(hours);
  EXPECT_EQ(proposals.seconds, kDayHours * kHourSeconds);
  const Proposals expected = Of(Using(Server(kServer, 4), kDayHours));
  ASSERT_THAT(proposals.relays, SizeIs(1));
  EXPECT_EQ(All(proposals.relays[0].evidence), All(expected.relays[0].evidence));
  EXPECT_EQ(All(proposals.group_notes), All(expected.group_notes));
}

TEST(ProposedRelays, AServerThatManyHostsUseSteadily) {
  const Proposals proposals = Of(Using(Server(kServer, 4)));
  ASSERT_THAT(proposals.relays, SizeIs(1));
  const config::Relay& relay = proposals.relays[0].entry;
  EXPECT_EQ(relay.name, "proposed: 198.51.100.7 smtp");
  EXPECT_THAT(relay.destinations, ElementsAre(Net(kServer)));
  EXPECT_THAT(relay.sources,
              ElementsAre(Net("10.0.1.1"), Net("10.0.1.2"), Net("10.0.1.3"), Net("10.0.1.4")));
  EXPECT_THAT(relay.ports, ElementsAre(25));
  EXPECT_THAT(relay.services, ElementsAre(Service::kSmtp));
  EXPECT_EQ(relay.direction, config::MailFlow::kOutbound);
  EXPECT_EQ(relay.reason, "proposed from the traffic of 24 hours; review");
  ASSERT_TRUE(relay.expires.has_value());
  EXPECT_EQ(relay.ends, config::EndOfDay(*relay.expires, "UTC"));
  EXPECT_EQ((relay.ends - proposals.end_tick) / 86'400, 90);
  const std::string evidence = All(proposals.relays[0].evidence);
  EXPECT_THAT(evidence, HasSubstr("4 clients in 192 sessions sent 96.0 MB"));
  EXPECT_THAT(evidence, HasSubstr("in 24 of 24 hours on "));
  EXPECT_THAT(evidence, HasSubstr("median 4.00 MB, deviation 0 B"));
  EXPECT_THAT(evidence, HasSubstr("25 % of it"));
  EXPECT_THAT(evidence, HasSubstr("approved 50 % of the unapproved sessions and 25 %"));
  EXPECT_THAT(proposals.relay_notes, IsEmpty());
  EXPECT_EQ(proposals.seconds, 86'400);
}

TEST(ProposedRelays, WhatOneHostAloneUsesIsLeftOutByName) {
  const Proposals proposals = Of(Using(Server(kServer, 1, 60'000'000)));
  EXPECT_THAT(proposals.relays, IsEmpty());
  EXPECT_THAT(proposals.relay_notes,
              ElementsAre("198.51.100.7 port 25 (smtp) is left out: one host alone used it, "
                          "10.0.1.1, and sent 1.44 GB: that is what the rules hunt"));
}

TEST(ProposedRelays, AServerThatIsLeftOutSeveralTimesSaysOfWhichMail) {
  std::vector<Hour> hours = Using(Server("10.0.9.1", 1));
  for (Hour& hour : hours) {
    hour.servers[0].internal = true;
    hour.servers[0].verdict = config::Verdict::kUnapprovedInternal;
    hour.servers.push_back(hour.servers[0]);
    hour.servers[1].verdict = config::Verdict::kUnapprovedExternal;
    hour.servers[1].clients = {Ip("203.0.113.1")};
  }
  EXPECT_THAT(Of(hours).relay_notes,
              testing::UnorderedElementsAre(
                  HasSubstr("10.0.9.1 port 25 (smtp) is left out for mail from outside: one "),
                  HasSubstr("is left out for mail between internal hosts: one host alone")));
}

TEST(ProposedRelays, WhereOneHostSendsMostOfItItIsLeftOut) {
  HourServer server = Server(kServer, 5, 1'000);
  server.client_sent[2] += 50'000'000;
  server.bytes[kUp] += 50'000'000;
  const Proposals proposals = Of(Using(server));
  EXPECT_THAT(proposals.relays, IsEmpty());
  EXPECT_THAT(All(proposals.relay_notes),
              HasSubstr("10.0.1.3 alone sent 100 % of the 1.20 GB"));
}

TEST(ProposedRelays, PeersOfAlertsAreLeftOutAndHostsWithAlertsAreNoSources) {
  const std::vector<Hour> hours = Using(Server(kServer, 4));
  const config::Config config = BaseConfig();
  EXPECT_THAT(Propose({config, hours, {}, {{Ip(kServer), 25}}}).relay_notes,
              ElementsAre(HasSubstr("it is among the peers of an alert")));
  EXPECT_THAT(Propose({config, hours, {}, {{Ip(kServer), 587}}}).relays, SizeIs(1))
      << "another port is another server";
  const Proposals one = Propose({config, hours, {Ip("10.0.1.2")}, {}});
  ASSERT_THAT(one.relays, SizeIs(1));
  EXPECT_THAT(one.relays[0].entry.sources, Not(Contains(Net("10.0.1.2"))));
  EXPECT_THAT(All(one.relays[0].evidence),
              HasSubstr("not among its sources: 10.0.1.2, which has alerts"));
  const Proposals two = Propose({config, hours, {Ip("10.0.1.2"), Ip("10.0.1.3")}, {}});
  EXPECT_THAT(two.relay_notes, ElementsAre(HasSubstr("only 2 hosts without alerts used it")));
}

TEST(ProposedRelays, ThinEvidenceIsSaidToBe) {
  EXPECT_THAT(Of(Using(Server(kServer, 2))).relay_notes,
              ElementsAre(HasSubstr("only 2 hosts without alerts used it, and it takes 3")));
  std::vector<Hour> hours = Quiet(48);
  for (int i = 0; i < 4; ++i) hours[static_cast<std::size_t>(i)].servers = {Server(kServer, 9)};
  EXPECT_THAT(Of(hours).relay_notes, ElementsAre(HasSubstr("used in 4 of 48 hours only")));
  HourServer rare = Server(kServer, 3);
  rare.sessions = 1;
  EXPECT_THAT(Of(Using(rare, 5)).relay_notes, ElementsAre(HasSubstr("5 sessions only")));
  EXPECT_THAT(Of(Quiet(5)).relay_notes, ElementsAre(HasSubstr("no unapproved mail was seen")));
  EXPECT_THAT(Of({}).relays, IsEmpty());
}

TEST(ProposedRelays, AnObservedNameJoinsServersAndAClaimedOneDoesNot) {
  for (const bool observed : {true, false}) {
    std::vector<Hour> hours = Quiet(kDayHours);
    for (Hour& hour : hours) {
      for (const char* server : {"198.51.100.7", "198.51.100.8"}) {
        HourServer& row = hour.servers.emplace_back(Server(server, 4));
        row.name = "MX.example.net";
        row.name_observed = observed;
      }
    }
    const Proposals proposals = Of(hours);
    ASSERT_THAT(proposals.relays, SizeIs(observed ? 1 : 2));
    const auto& first = proposals.relays[0];
    EXPECT_EQ(first.entry.name,
              observed ? "proposed: mx.example.net smtp" : "proposed: 198.51.100.7 smtp");
    EXPECT_THAT(first.entry.destinations, SizeIs(observed ? 2 : 1));
    EXPECT_THAT(first.entry.names, IsEmpty());
    EXPECT_THAT(All(first.evidence), HasSubstr(observed ? "a configured resolver answered"
                                                        : "its own claim and proves nothing"));
  }
}

TEST(ProposedRelays, ANameThatIsNoneIsNotToldOn) {
  for (const char* name :
       {"x\n[[relay]]\nname = \"all\"", "\x1b[2J.example.net", "*.example.net",
        "a b.example.net", "localhost", "..", "e\"x.example.net", "\xe2\x80\xae.example.net"}) {
    HourServer server = Server(kServer, 4);
    server.name = name;
    server.name_observed = true;
    const Proposals proposals = Of(Using(server));
    ASSERT_THAT(proposals.relays, SizeIs(1));
    EXPECT_EQ(proposals.relays[0].entry.name, "proposed: 198.51.100.7 smtp");
    EXPECT_EQ(proposals.relays[0].evidence[0], "198.51.100.7 port 25 (smtp)");
  }
}

TEST(ProposedRelays, ManySourcesAreTheirNetworks) {
  HourServer server = Server(kServer, 0);
  for (int i = 1; i <= 50; ++i) {
    server.clients.push_back(Ip(absl::StrCat("10.0.1.", i)));
    server.client_sent.push_back(1000);
  }
  server.bytes[kUp] = 50 * 1000;
  server.sessions = 50;
  std::vector<Hour> hours = Using(server);
  for (net::IpAddress& client : hours[1].servers[0].clients) client.bytes[14] = 2;
  const Proposals proposals = Of(hours);
  ASSERT_THAT(proposals.relays, SizeIs(1));
  EXPECT_THAT(proposals.relays[0].entry.sources,
              ElementsAre(Net("10.0.1.0/24"), Net("10.0.2.0/24")));
}

TEST(ProposedRelays, ANetworkWithAlertsStandsForNoSources) {
  std::vector<Hour> hours = Using(Server(kServer, 60));
  for (net::IpAddress& client : hours[1].servers[0].clients) client.bytes[14] = 2;
  const config::Config config = BaseConfig();
  // A client of it, and a host that is none.
  for (const char* suspect : {"10.0.1.5", "10.0.1.250"}) {
    const Proposals proposals = Propose({config, hours, {Ip(suspect)}, {}});
    ASSERT_THAT(proposals.relays, SizeIs(1));
    const auto& sources = proposals.relays[0].entry.sources;
    EXPECT_THAT(sources, Contains(Net("10.0.2.0/24")));
    EXPECT_THAT(sources, Contains(Net("10.0.1.6")));
    EXPECT_TRUE(std::none_of(sources.begin(), sources.end(),
                             [&](const net::Prefix& p) { return p.Contains(Ip(suspect)); }));
  }
}

TEST(ProposedRelays, ClientsThatAreNotToldApartAreIn) {
  HourServer server = Server(kServer, 5);
  server.more_clients = true;
  Proposals proposals = Of(Using(server));
  ASSERT_THAT(proposals.relays, SizeIs(1));
  EXPECT_THAT(proposals.relays[0].entry.sources, ElementsAre(Net("10.0.1.0/24")));
  EXPECT_THAT(All(proposals.relays[0].evidence), HasSubstr("approved at most 50 %"));
}

TEST(ProposedRelays, WhatHostsWithAlertsSentIsNoGain) {
  HourServer server = Server(kServer, 5);
  server.client_sent = {1'000'000, 2'000'000, 1'000'000, 1'000'000, 0};
  const config::Config config = BaseConfig();
  const Proposals proposals = Propose({config, Using(server), {Ip("10.0.1.2")}, {}});
  ASSERT_THAT(proposals.relays, SizeIs(1));
  EXPECT_THAT(All(proposals.relays[0].evidence),
              HasSubstr("approved at most 50 % of the unapproved sessions and 15 % of what"));
}

TEST(ProposedRelays, WhatComesFromOutsideIsMailAndNoDrain) {
  HourServer server = Server("10.0.9.1", 0);
  server.internal = true;
  for (int i = 1; i <= 5; ++i) {
    server.clients.push_back(Ip(absl::StrCat("203.0.113.", i)));
    server.client_sent.push_back(1000);
  }
  server.sessions = 5;
  server.bytes[kUp] = 5000;
  const Proposals inbound = Of(Using(server));
  ASSERT_THAT(inbound.relays, SizeIs(1));
  EXPECT_EQ(inbound.relays[0].entry.direction, config::MailFlow::kInbound);
  EXPECT_THAT(inbound.relays[0].entry.sources, IsEmpty());
  server.bytes[kDown] = 1'000'000;
  EXPECT_THAT(Of(Using(server)).relay_notes,
              ElementsAre(HasSubstr("external hosts draw data from it")));
  server.bytes[kDown] = 0;
  server.service = Service::kImap;
  EXPECT_THAT(Of(Using(server)).relays, IsEmpty());
}

}  // namespace
}  // namespace mailtap::control

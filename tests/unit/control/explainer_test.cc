// Why mail is approved or not, and where a host stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/control/relay_matcher.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kGateway[] = "192.0.2.1";

config::Config Policy() {
  config::Config config = BaseConfig();
  config.groups = {{.name = "workstations", .members = {Net("10.0.0.0/24")}},
                   {.name = "servers", .members = {Net("10.9.0.0/16")}}};
  config.relays = {{.name = "gateway",
                    .sources = {Net("10.0.0.0/24")},
                    .destinations = {Net(kGateway)},
                    .services = {Service::kSmtp},
                    .ports = {25},
                    .owner = "messaging team"},
                   {.name = "over",
                    .destinations = {Net(kOut)},
                    .expires = config::Date{2023, 11, 1},
                    .ends = kT0 - 1},
                   {.name = "cloud", .names = {"*.relay.example"}}};
  config.rules = {BytesRule()};
  config::Rule server = BytesRule("of servers");
  server.groups = {"servers"};
  config.rules.push_back(server);
  return config;
}

Explanation Explain(const Control& control, const std::string& host,
                    const std::string& peer = "") {
  const auto explanations =
      control.Explain(Ip(host), peer.empty() ? std::nullopt : std::optional(Ip(peer)));
  EXPECT_EQ(explanations.size(), 1u);
  return explanations.at(0);
}

TEST(Explainer, AnApprovedConversationNamesItsEntry) {
  Bench bench(Policy());
  bench.Tick(Delta(kHost, kGateway, kT0, 100));
  const Explanation e = Explain(bench.control, kHost, kGateway);
  EXPECT_TRUE(e.known);
  EXPECT_TRUE(e.internal);
  EXPECT_THAT(e.groups, ElementsAre("workstations"));
  EXPECT_EQ(e.totals.approved_sent, 100u);
  EXPECT_EQ(e.last_seen, StartOfTick(kT0));
  ASSERT_EQ(e.conversations.size(), 1u);
  const ExplainedConversation& c = e.conversations[0];
  EXPECT_TRUE(c.seen);
  EXPECT_EQ(c.verdict, config::Verdict::kApproved);
  EXPECT_EQ(c.relay, "gateway");
  ASSERT_EQ(c.entries.size(), 3u);
  EXPECT_EQ(c.entries[0].name, "gateway");
  EXPECT_EQ(c.entries[0].owner, "messaging team");
  EXPECT_THAT(c.entries[0].misses, IsEmpty());
  EXPECT_THAT(c.counted_by, IsEmpty()) << "rules count unapproved mail";
}

TEST(Explainer, AnUnapprovedOneSaysWhatOfEachEntryDoesntFit) {
  Bench bench(Policy());
  bench.Tick(Delta("10.9.0.1", kOut, kT0, 700, 0, 2525, Service::kImap));
  const Explanation e = Explain(bench.control, "10.9.0.1", kOut);
  ASSERT_EQ(e.conversations.size(), 1u);
  const ExplainedConversation& c = e.conversations[0];
  EXPECT_EQ(c.verdict, config::Verdict::kUnapprovedExternal);
  EXPECT_EQ(c.relay, "");
  EXPECT_THAT(c.counted_by, ElementsAre("bulk", "of servers"));
  ASSERT_EQ(c.entries.size(), 3u);
  EXPECT_EQ(c.entries[0].name, "over") << "the nearest comes first";
  EXPECT_THAT(c.entries[0].misses, ElementsAre("it expired with 2023-11-01"));
  EXPECT_THAT(c.entries[1].misses,
              ElementsAre("no answer of a configured resolver gives 198.51.100.1 one of its "
                          "names"));
  EXPECT_THAT(c.entries[2].misses,
              ElementsAre("it is for smtp, not for imap", "it is for port 25, not for 2525",
                          "10.9.0.1 is not among its sources",
                          "198.51.100.1 is not among its destinations"));
}

TEST(Explainer, AnEntryOnTrialApprovesNothing) {
  config::Config config = Policy();
  config.relays[1].ends = INT64_MAX;
  config.relays[1].mode = config::RelayMode::kObserve;
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 700));
  const Explanation e = Explain(bench.control, kHost, kOut);
  EXPECT_EQ(e.conversations.at(0).observed, "over");
  EXPECT_EQ(e.conversations[0].verdict, config::Verdict::kUnapprovedExternal);
  EXPECT_THAT(e.conversations[0].entries[0].misses, IsEmpty());
  EXPECT_EQ(e.conversations[0].entries[0].mode, config::RelayMode::kObserve);
}

TEST(Explainer, WithoutAPeerAllConversationsComeTheLatestFirst) {
  Bench bench(Policy());
  bench.Tick(Delta(kHost, kGateway, kT0, 100));
  bench.Tick(Delta(kHost, kOut, kT0 + 1, 100));
  bench.Tick(Delta("203.0.113.9", kHost, kT0 + 2, 100));
  const Explanation e = Explain(bench.control, kHost);
  std::vector<std::string> peers;
  for (const auto& c : e.conversations) peers.push_back(net::ToString(c.peer));
  EXPECT_THAT(peers, ElementsAre("203.0.113.9", kOut, kGateway));
  EXPECT_EQ(e.conversations[0].role, Role::kServer);
  EXPECT_THAT(e.conversations[0].entries, IsEmpty());
  for (int i = 0; i < 60; ++i) {
    bench.Tick(Delta(kHost, "198.51.100." + std::to_string(100 + i), kT0 + 10 + i, 1));
  }
  const Explanation many = Explain(bench.control, kHost);
  EXPECT_EQ(many.conversations.size(), 50u);
  EXPECT_EQ(many.more_conversations, 13u);
}

TEST(Explainer, TellsWhereTheHostStands) {
  config::Config config = Policy();
  config.rules[0].conditions = {
      {.metric = config::Metric::kDistinctPeers, .window_seconds = 60, .raise = 2, .clear = 1}};
  Bench bench(config);
  bench.Tick(Delta(kHost, kOut, kT0, 1200));
  Explanation e = Explain(bench.control, kHost);
  ASSERT_EQ(e.rules.size(), 4u) << "each rule in both roles";
  EXPECT_EQ(e.rules[0].rule, "bulk");
  EXPECT_EQ(e.rules[0].role, Role::kClient);
  EXPECT_EQ(e.rules[0].why_not, "");
  ASSERT_EQ(e.rules[0].conditions.size(), 2u);
  EXPECT_EQ(e.rules[0].conditions[0].value, 1200);
  EXPECT_EQ(e.rules[0].conditions[0].raise, 1000);
  EXPECT_EQ(e.rules[0].conditions[1].value, 1);
  EXPECT_EQ(e.rules[0].conditions[1].raise, 2);
  EXPECT_EQ(e.rules[0].watch, Watch::kQuiet);
  EXPECT_EQ(e.rules[1].conditions[0].value, 0);
  EXPECT_EQ(e.rules[2].why_not, "it is for servers, and the host is in workstations");
  bench.Tick(Delta(kHost, "198.51.100.2", kT0 + 1, 1));
  EXPECT_EQ(Explain(bench.control, kHost).rules[0].watch, Watch::kRaised);
  bench.control.EndTick(kT0 + 300);
  EXPECT_EQ(Explain(bench.control, kHost).rules[0].conditions[0].value, 0)
      << "the window is empty";
}

TEST(Explainer, TellsWhatWaitsAndWhatIsSuppressed) {
  config::Config config = Policy();
  config.rules[0].sustained_seconds = 10;
  config.suppressions = {{.name = "known", .hosts = {Net("10.0.0.2")}, .ends = kT0 + 3600}};
  Bench bench(config);
  bench.control.Apply(Delta("10.0.0.2", kOut, kT0, 2000));
  bench.Tick(Delta(kHost, kOut, kT0, 2000));
  EXPECT_EQ(Explain(bench.control, kHost).rules[0].watch, Watch::kPending);
  EXPECT_EQ(Explain(bench.control, "10.0.0.2").rules[0].suppression, "known");
  bench.control.EndTick(kT0 + 20);
  EXPECT_EQ(Explain(bench.control, kHost).rules[0].watch, Watch::kRaised);
  EXPECT_EQ(Explain(bench.control, kHost).rules[0].suppression, "");
  EXPECT_EQ(Explain(bench.control, "10.0.0.2").rules[0].watch, Watch::kSuppressed);
}

TEST(Explainer, GroupAndSiteStandForTheHost) {
  config::Config config = Policy();
  config.rules = {BytesRule("site"), BytesRule("group")};
  config.rules[0].scope = config::Scope::kSite;
  config.rules[1].scope = config::Scope::kGroup;
  config.rules[0].roles = config.rules[1].roles = {Role::kClient};
  Bench bench(config);
  bench.control.Apply(Delta("10.9.0.1", kOut, kT0, 300));
  bench.control.Apply(Delta(kHost, kOut, kT0, 50));
  bench.control.Apply(Delta("10.0.0.2", kOut, kT0, 20));
  bench.control.EndTick(kT0);
  const Explanation e = Explain(bench.control, kHost);
  ASSERT_EQ(e.rules.size(), 2u);
  EXPECT_EQ(e.rules[0].conditions[0].value, 370);
  EXPECT_EQ(e.rules[1].group, "workstations");
  EXPECT_EQ(e.rules[1].conditions[0].value, 70);
}

TEST(Explainer, OfAHostThatIsNotKnownThePolicyIsTold) {
  Bench bench(Policy());
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  const Explanation e = Explain(bench.control, "10.0.0.77", kGateway);
  EXPECT_FALSE(e.known);
  EXPECT_TRUE(e.internal);
  EXPECT_THAT(e.groups, ElementsAre("workstations"));
  ASSERT_EQ(e.conversations.size(), 3u) << "one a service";
  EXPECT_FALSE(e.conversations[0].seen);
  EXPECT_EQ(e.conversations[0].port, 25);
  EXPECT_EQ(e.conversations[0].verdict, config::Verdict::kApproved);
  EXPECT_EQ(e.conversations[1].verdict, config::Verdict::kUnapprovedExternal);
  EXPECT_EQ(e.rules.size(), 4u);
  const Explanation external = Explain(bench.control, kOut);
  EXPECT_FALSE(external.internal);
  EXPECT_THAT(external.rules, IsEmpty());
}

// No rule judges it, but those who deal with it are ours.
TEST(Explainer, AnExternalHostsConversationsAreThoseOfItsPeers) {
  Bench bench(Policy());
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  bench.Tick(Delta("10.9.0.1", kOut, kT0 + 1, 1));
  bench.Tick(Delta(kHost, kGateway, kT0 + 2, 1));
  bench.Tick(Delta("203.0.113.1", "203.0.113.2", kT0 + 3, 1));
  const Explanation e = Explain(bench.control, kOut);
  EXPECT_TRUE(e.known);
  EXPECT_FALSE(e.internal);
  EXPECT_THAT(e.rules, IsEmpty());
  EXPECT_EQ(e.last_seen, StartOfTick(kT0 + 1));
  EXPECT_EQ(e.dealings[static_cast<int>(config::Verdict::kUnapprovedExternal)], 2u);
  ASSERT_EQ(e.conversations.size(), 2u);
  EXPECT_EQ(e.conversations[0].role, Role::kServer);
  EXPECT_EQ(net::ToString(e.conversations[0].peer), "10.9.0.1");
  EXPECT_THAT(e.conversations[0].counted_by, ElementsAre("bulk", "of servers"));
  EXPECT_THAT(e.conversations[1].counted_by, ElementsAre("bulk"));
  const Explanation of_peer = Explain(bench.control, kGateway, kHost);
  ASSERT_EQ(of_peer.conversations.size(), 1u);
  EXPECT_TRUE(of_peer.conversations[0].seen);
  EXPECT_EQ(of_peer.conversations[0].relay, "gateway");
  EXPECT_EQ(of_peer.conversations[0].entries.size(), 3u);
  const Explanation transit = Explain(bench.control, "203.0.113.1");
  EXPECT_TRUE(transit.known);
  ASSERT_EQ(transit.conversations.size(), 1u);
  EXPECT_EQ(transit.conversations[0].verdict, config::Verdict::kTransit);
  EXPECT_EQ(transit.conversations[0].last_seen, 0);
}

TEST(Explainer, TellsOfANameThatHasLapsed) {
  config::Config config = Policy();
  config.dns.resolvers = {Net(kResolver)};
  config.dns.grace_seconds = 10;
  Bench bench(config);
  bench.control.Apply(Answer("mx.relay.example", kOut, kT0));
  bench.control.Apply(Answer("mx.another.example", kGateway, kT0));
  bench.Tick(Delta(kHost, kOut, kT0 + 100, 1));
  bench.Tick(Delta(kHost, kGateway, kT0 + 100 + 1, 1, 0, 587));
  const auto misses = [&](const char* server) {
    const Explanation e = Explain(bench.control, kHost, server);
    for (const ExplainedEntry& entry : e.conversations.at(0).entries) {
      if (entry.name == "cloud") return entry.misses;
    }
    return std::vector<std::string>();
  };
  EXPECT_THAT(
      misses(kOut),
      ElementsAre("the resolver's answer that gave 198.51.100.1 the name "
                  "mx.relay.example lapsed at 2023-11-14 23:01:10 UTC (time to live and "
                  "dns.grace)"));
  EXPECT_THAT(misses(kGateway), ElementsAre(HasSubstr("no answer of a configured resolver")));
}

TEST(Explainer, AKnownHostAndAPeerThatItNeverMet) {
  Bench bench(Policy());
  bench.Tick(Delta(kHost, kOut, kT0, 1));
  const Explanation e = Explain(bench.control, kHost, "203.0.113.5");
  EXPECT_TRUE(e.known);
  ASSERT_EQ(e.conversations.size(), 3u);
  EXPECT_FALSE(e.conversations[0].seen);
}

// After a restart with another configuration, what counts is what that one says.
TEST(Explainer, JudgesByTheConfigurationThatIsAsked) {
  Bench before(Policy());
  before.Tick(Delta(kHost, kOut, kT0, 100));
  config::Config config = Policy();
  config.relays[1].ends = INT64_MAX;
  Bench after(config);
  ASSERT_TRUE(
      after.control.Restore(before.control.Save(), before.control.SaveOpenAlerts(), true).ok());
  const Explanation e = Explain(after.control, kHost, kOut);
  ASSERT_EQ(e.conversations.size(), 1u);
  EXPECT_EQ(e.conversations[0].relay, "over");
  EXPECT_EQ(e.conversations[0].verdict, config::Verdict::kApproved);
}

// What is said to fit is what the matcher chooses, and only that.
TEST(Explainer, TheMatcherAndTheExplanationAgree) {
  const config::Config config = Policy();
  const RelayMatcher matcher(config.relays);
  int fits = 0;
  for (const std::string client : {kHost, "10.9.0.1"}) {
    for (const std::string server : {kOut, kGateway}) {
      for (const int port : {25, 587}) {
        for (const uint32_t name : {0u, 2u}) {
          meter::ConversationKey key = Delta(client, server, kT0, 1).key;
          key.server_port = static_cast<uint16_t>(port);
          const std::vector<uint32_t> named =
              name == 0 ? std::vector<uint32_t>() : std::vector<uint32_t>{name};
          uint32_t first = kNoRelay;
          for (uint32_t i = 0; i < config.relays.size() && first == kNoRelay; ++i) {
            if (matcher.MissesOf(i, key, true, false, named, kT0) == 0) first = i;
          }
          EXPECT_EQ(matcher.Match(key, true, false, named, kT0).approved, first);
          fits += first != kNoRelay;
        }
      }
    }
  }
  EXPECT_GT(fits, 3);
}

}  // namespace
}  // namespace mailtap::control

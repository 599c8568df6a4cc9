#include "lib/control/policy.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Verdict;

TEST(Policy, GivesTheFirstVerdictThatFits) {
  config::Config config = BaseConfig();
  config::Relay gateway = Relay("gateway");
  gateway.destinations = {Net("192.0.2.0/28"), Net("10.20.0.10")};
  config.relays = {gateway};
  const Policy policy(config);
  struct Case {
    std::string client, server;
    Verdict verdict;
    uint32_t relay;
  };
  const Case cases[] = {
      {"198.51.100.1", "192.0.2.1", Verdict::kTransit, kNoRelay},  // a relay, but not our mail
      {"198.51.100.1", "198.51.100.2", Verdict::kTransit, kNoRelay},
      {"2001:db8::1", "2001:db8::2", Verdict::kTransit, kNoRelay},
      {"198.51.100.1", "10.20.0.10", Verdict::kInbound, 0},
      {"10.1.0.1", "192.0.2.1", Verdict::kApproved, 0},
      {"10.1.0.1", "10.20.0.10", Verdict::kApproved, 0},
      {"10.1.0.1", "192.0.2.16", Verdict::kUnapprovedExternal, kNoRelay},
      {"198.51.100.1", "10.1.0.1", Verdict::kUnapprovedExternal, kNoRelay},
      {"fd00::1", "2001:db8::2", Verdict::kUnapprovedExternal, kNoRelay},
      {"192.168.0.1", "10.1.0.1", Verdict::kUnapprovedExternal, kNoRelay},  // private, not ours
      {"10.1.0.1", "10.1.0.2", Verdict::kUnapprovedInternal, kNoRelay},
      {"10.1.0.1", "fd00::2", Verdict::kUnapprovedInternal, kNoRelay},
  };
  for (const Case& c : cases) {
    const Judgement judgement = policy.Judge(Key(c.client, c.server), {}, 0);
    EXPECT_EQ(judgement.verdict, c.verdict) << c.client << " " << c.server;
    EXPECT_EQ(judgement.relay, c.relay) << c.client << " " << c.server;
  }
}

TEST(Policy, DoesNotJudgeRowsThatLostAnEnd) {
  config::Config config = BaseConfig();
  config.relays = {Relay("covers everything")};
  const Policy policy(config);
  for (const auto attribution : {meter::Attribution::kClientOnly,
                                 meter::Attribution::kServerOnly, meter::Attribution::kNone}) {
    meter::ConversationKey key = Key("10.1.0.1", "10.1.0.2");
    key.attribution = attribution;
    EXPECT_EQ(policy.Judge(key, {}, 0).verdict, Verdict::kUnattributed);
    EXPECT_EQ(policy.Judge(key, {}, 0).relay, kNoRelay);
  }
}

TEST(Policy, NamesTheMostSpecificGroupFirst) {
  config::Config config = BaseConfig();
  config.groups = {{"all", {Net("10.0.0.0/8")}},
                   {"desks", {Net("10.1.0.0/16"), Net("10.1.2.0/24")}},
                   {"lab", {Net("10.1.0.0/16")}},
                   {"one", {Net("10.1.0.7")}}};
  const Policy policy(config);
  EXPECT_EQ(policy.GroupsOf(Ip("10.1.0.7")), (std::vector<uint32_t>{3, 1, 2, 0}));
  EXPECT_EQ(policy.GroupsOf(Ip("10.1.2.7")), (std::vector<uint32_t>{1, 2, 0}));
  EXPECT_EQ(policy.GroupsOf(Ip("10.9.0.1")), (std::vector<uint32_t>{0}));
  EXPECT_TRUE(policy.GroupsOf(Ip("198.51.100.1")).empty());
}

// Within its tick it would depend on which worker's records come first.
TEST(KnownServers, AreToldAtTheEndOfTheTickThatShowsMailOnAnOddPort) {
  Bench bench(BaseConfig());
  exchange::KnownServers servers;
  bench.control.Tell(servers);
  const meter::DeltaRecord odd = Delta("10.1.0.1", "198.51.100.1", kT0, 10, 10, 2'525);
  bench.control.Apply(odd);
  bench.control.Apply(Delta("10.1.0.1", "198.51.100.1", kT0, 10, 10, 587));
  EXPECT_FALSE(servers.Find(odd.key.server, 2'525, 0).has_value());
  bench.control.EndTick(kT0);
  EXPECT_EQ(servers.Find(odd.key.server, 2'525, 0), Service::kSmtp);
  EXPECT_FALSE(servers.Find(odd.key.server, 587, 0).has_value());
}

TEST(KnownServers, DoNotHoldProxies) {
  Bench bench(BaseConfig());
  exchange::KnownServers servers;
  bench.control.Tell(servers);
  meter::DeltaRecord tunnel = Delta("10.1.0.1", "10.1.0.3", kT0, 10, 10, 3'128);
  tunnel.proxied = true;
  bench.control.Apply(tunnel);
  bench.control.EndTick(kT0);
  EXPECT_FALSE(servers.Find(tunnel.key.server, 3'128, 0).has_value());
}

config::Asset Asset(const std::string& prefix, const std::string& name,
                    const std::string& role = "", std::vector<std::string> tags = {}) {
  config::Asset asset;
  asset.prefix = Net(prefix);
  asset.name = name;
  asset.role = role;
  asset.tags = std::move(tags);
  return asset;
}

TEST(Policy, TheAssetWithTheLongestPrefixCounts) {
  config::Config config = BaseConfig();
  config.assets.rows = {Asset("10.1.0.0/16", "desks"), Asset("10.1.2.3", "printer")};
  const Policy policy(config);
  EXPECT_EQ(policy.AssetOf(Ip("10.1.2.3"))->name, "printer");
  EXPECT_EQ(policy.AssetOf(Ip("10.1.2.4"))->name, "desks");
  EXPECT_EQ(policy.AssetOf(Ip("10.2.2.4")), nullptr);
}

TEST(Policy, OfAGroupEveryKeyThatIsGivenHasToFit) {
  config::Config config = BaseConfig();
  config.assets.rows = {Asset("10.1.0.1", "a", "desk", {"nat", "guest"}),
                        Asset("10.1.0.2", "b", "desk"),
                        Asset("10.2.0.1", "c", "rack", {"nat"})};
  config.groups.resize(4);
  config.groups[0].members = {Net("10.1.0.0/16")};
  config.groups[1].roles = {"desk"};
  config.groups[2].roles = {"desk", "rack"};
  config.groups[2].tags = {"nat"};
  config.groups[3].members = {Net("10.1.0.0/24")};
  config.groups[3].tags = {"guest"};
  const Policy policy(config);
  using Groups = std::vector<uint32_t>;
  EXPECT_EQ(policy.GroupsOf(Ip("10.1.0.1")), (Groups{3, 0, 1, 2}));
  EXPECT_EQ(policy.GroupsOf(Ip("10.1.0.2")), (Groups{0, 1}));
  EXPECT_EQ(policy.GroupsOf(Ip("10.2.0.1")), (Groups{2}));
  EXPECT_EQ(policy.GroupsOf(Ip("10.1.0.3")), (Groups{0})) << "no asset is known";
}

// Against the plainest way there is, over more assets than a site has.
TEST(Policy, ALargeInventoryIsLookedUpRight) {
  config::Config config = BaseConfig();
  Random random(1);
  std::map<net::Prefix, std::string> known;
  for (int i = 0; i < 100'000; ++i) {
    const auto length = static_cast<int>(Pick(random, 0, 9) == 0 ? Pick(random, 20, 31) : 32);
    const uint32_t bits = static_cast<uint32_t>(Pick(random, 0, (1 << 24) - 1)) &
                          ~static_cast<uint32_t>((uint64_t{1} << (32 - length)) - 1);
    const std::string text = absl::StrCat("10.", bits >> 16 & 255, ".", bits >> 8 & 255, ".",
                                          bits & 255, "/", length);
    if (!known.emplace(Net(text), text).second) continue;
    config.assets.rows.push_back(Asset(text, text));
  }
  const Policy policy(config);
  for (int i = 0; i < 200; ++i) {
    const config::Asset& row = config.assets.rows[static_cast<std::size_t>(
        Pick(random, 0, static_cast<int64_t>(config.assets.rows.size()) - 1))];
    const net::IpAddress host = row.prefix.address;
    const config::Asset* longest = nullptr;
    for (const config::Asset& asset : config.assets.rows) {
      if (!asset.prefix.Contains(host)) continue;
      if (longest == nullptr || asset.prefix.length > longest->prefix.length) longest = &asset;
    }
    ASSERT_EQ(policy.AssetOf(host), longest);
  }
}

}  // namespace
}  // namespace mailtap::control

#include "lib/control/relay_matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/control/relay_review.h"
#include "tests/unit/control/scenario.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::MailFlow;
using testing::ElementsAre;
using testing::IsEmpty;

// The entry that approves mail from inside to outside.
uint32_t Approves(const RelayMatcher& matcher, const meter::ConversationKey& key,
                  const std::vector<uint32_t>& named = {}) {
  return matcher.Match(key, /*client=*/true, /*server=*/false, named, /*tick=*/0).approved;
}

TEST(RelayMatcher, NeedsAllKeysThatAreGiven) {
  config::Relay relay = Relay("gateway");
  relay.sources = {Net("10.20.0.10")};
  relay.destinations = {Net("192.0.2.0/28")};
  relay.services = {Service::kSmtp};
  relay.ports = {587, 25};
  const RelayMatcher matcher({relay});
  EXPECT_EQ(Approves(matcher, Key("10.20.0.10", "192.0.2.3", 25)), 0u);
  EXPECT_EQ(Approves(matcher, Key("10.20.0.10", "192.0.2.3", 587)), 0u);
  EXPECT_EQ(Approves(matcher, Key("10.20.0.11", "192.0.2.3", 25)), kNoRelay);
  EXPECT_EQ(Approves(matcher, Key("10.20.0.10", "192.0.2.16", 25)), kNoRelay);
  EXPECT_EQ(Approves(matcher, Key("10.20.0.10", "192.0.2.3", 465)), kNoRelay);
  EXPECT_EQ(Approves(matcher, Key("10.20.0.10", "192.0.2.3", 25, Service::kImap)), kNoRelay);
  // The other way round is another thing.
  EXPECT_EQ(Approves(matcher, Key("192.0.2.3", "10.20.0.10", 25)), kNoRelay);
}

TEST(RelayMatcher, TakesTheFirstInTheConfiguration) {
  config::Relay any = Relay("any"), by_source = Relay("by source"),
                by_destination = Relay("by destination");
  by_source.sources = {Net("10.0.0.0/8")};
  by_destination.destinations = {Net("192.0.2.1")};
  const meter::ConversationKey key = Key("10.1.0.1", "192.0.2.1");
  EXPECT_EQ(Approves(RelayMatcher({any, by_source, by_destination}), key), 0u);
  EXPECT_EQ(Approves(RelayMatcher({by_source, any, by_destination}), key), 0u);
  EXPECT_EQ(Approves(RelayMatcher({by_destination, any}), key), 0u);
  by_destination.services = {Service::kPop3};
  EXPECT_EQ(Approves(RelayMatcher({by_destination, any}), key), 1u);
}

TEST(RelayMatcher, AnObservedEntryCountsOnlyWhatNoneApproves) {
  config::Relay observed = Relay("observed"), enforced = Relay("enforced");
  observed.mode = config::RelayMode::kObserve;
  enforced.destinations = {Net("192.0.2.1")};
  const RelayMatcher matcher({observed, enforced});
  const auto match = [&](const char* server) {
    return matcher.Match(Key("10.1.0.1", server), true, false, {}, 0);
  };
  EXPECT_EQ(match("192.0.2.1").approved, 1u);
  EXPECT_THAT(match("192.0.2.1").observed, IsEmpty());
  EXPECT_EQ(match("192.0.2.2").approved, kNoRelay);
  EXPECT_THAT(match("192.0.2.2").observed, ElementsAre(0));
}

TEST(RelayMatcher, ADirectionIsWhoseClientAndWhoseServer) {
  const meter::ConversationKey key = Key("10.1.0.1", "192.0.2.1");
  for (const MailFlow flow : {MailFlow::kOutbound, MailFlow::kInbound, MailFlow::kInternal}) {
    config::Relay relay = Relay("r");
    relay.direction = flow;
    const RelayMatcher matcher({relay});
    const auto fits = [&](bool client, bool server) {
      return matcher.Match(key, client, server, {}, 0).approved == 0;
    };
    EXPECT_EQ(fits(true, false), flow == MailFlow::kOutbound);
    EXPECT_EQ(fits(false, true), flow == MailFlow::kInbound);
    EXPECT_EQ(fits(true, true), flow == MailFlow::kInternal);
  }
}

TEST(RelayMatcher, AnEntryCountsUpToItsEnd) {
  config::Relay relay = Relay("r");
  relay.ends = 100;
  const RelayMatcher matcher({relay});
  const meter::ConversationKey key = Key("10.1.0.1", "192.0.2.1");
  EXPECT_EQ(matcher.Match(key, true, false, {}, 99).approved, 0u);
  EXPECT_EQ(matcher.Match(key, true, false, {}, 100).approved, kNoRelay);
}

TEST(RelayMatcher, FindsTheEntriesOfAName) {
  std::vector<config::Relay> relays(4, Relay("r"));
  relays[0].names = {"*.protection.example.com"};
  relays[1].names = {"mx.example.net", "mx?.example.net"};
  relays[2].names = {"smtp*"};
  relays[2].trust = config::RelayTrust::kClaimed;
  relays[3].names = {"*"};
  const RelayMatcher matcher(relays);
  EXPECT_THAT(matcher.NamedBy("a-com.mail.protection.example.com", false), ElementsAre(0, 3));
  EXPECT_THAT(matcher.NamedBy("protection.example.com", false), ElementsAre(3));
  EXPECT_THAT(matcher.NamedBy("xprotection.example.com", false), ElementsAre(3));
  EXPECT_THAT(matcher.NamedBy("mx.example.net", false), ElementsAre(1, 3));
  EXPECT_THAT(matcher.NamedBy("mx1.example.net", false), ElementsAre(1, 3));
  EXPECT_THAT(matcher.NamedBy("smtp.example.org", false), ElementsAre(2, 3));
  EXPECT_THAT(matcher.NamedBy("smtp.example.org", true), ElementsAre(2)) << "claimed";
  EXPECT_THAT(matcher.NamedBy("mx.example.net", true), IsEmpty()) << "claimed";
}

TEST(RelayMatcher, OfAFilesEntryAddressOrNameIsEnough) {
  config::Relay both = Relay("both"), either = Relay("either");
  both.names = either.names = {"mx.example.net"};
  both.destinations = either.destinations = {Net("192.0.2.0/28")};
  either.either = true;
  const meter::ConversationKey inside = Key("10.1.0.1", "192.0.2.1");
  const meter::ConversationKey outside = Key("10.1.0.1", "192.0.2.77");
  EXPECT_EQ(Approves(RelayMatcher({both}), inside), kNoRelay);
  EXPECT_EQ(Approves(RelayMatcher({both}), inside, {0}), 0u);
  EXPECT_EQ(Approves(RelayMatcher({both}), outside, {0}), kNoRelay);
  EXPECT_EQ(Approves(RelayMatcher({either}), inside), 0u);
  EXPECT_EQ(Approves(RelayMatcher({either}), outside), kNoRelay);
  EXPECT_EQ(Approves(RelayMatcher({either}), outside, {0}), 0u);
}

// --- against a linear search over every key

bool NaiveIn(const std::vector<net::Prefix>& prefixes, const net::IpAddress& address) {
  return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(), [&](auto& prefix) {
           return prefix.Contains(address);
         });
}

// By recursion, unlike what is tested.
bool NaiveFits(absl::string_view pattern, absl::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return NaiveFits(pattern.substr(1), name) ||
           (!name.empty() && NaiveFits(pattern, name.substr(1)));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         NaiveFits(pattern.substr(1), name.substr(1));
}

struct Case {
  meter::ConversationKey key;
  bool client = true;
  bool server = false;
  std::vector<std::string> names;   // by answers
  std::vector<std::string> claims;  // by the other side
  int64_t tick = 0;
};

bool NaiveNamed(const config::Relay& relay, const Case& c) {
  const auto fits = [&](const std::string& name) {
    return std::any_of(relay.names.begin(), relay.names.end(),
                       [&](const std::string& pattern) { return NaiveFits(pattern, name); });
  };
  return std::any_of(c.names.begin(), c.names.end(), fits) ||
         (relay.trust == config::RelayTrust::kClaimed &&
          std::any_of(c.claims.begin(), c.claims.end(), fits));
}

bool NaiveFits(const config::Relay& r, const Case& c) {
  const auto holds = [](const auto& list, auto value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  const MailFlow flow = c.client && c.server ? MailFlow::kInternal
                        : c.client           ? MailFlow::kOutbound
                                             : MailFlow::kInbound;
  const bool by_address = NaiveIn(r.destinations, c.key.server);
  const bool by_name = r.names.empty() || NaiveNamed(r, c);
  const bool where = r.either && !r.destinations.empty() && !r.names.empty()
                         ? by_address || by_name
                         : by_address && by_name;
  return where && NaiveIn(r.sources, c.key.client) && holds(r.services, c.key.service) &&
         holds(r.ports, c.key.server_port) && r.direction.value_or(flow) == flow &&
         c.tick < r.ends;
}

RelayMatch NaiveMatch(const std::vector<config::Relay>& relays, const Case& c) {
  RelayMatch match;
  for (uint32_t i = 0; i < relays.size(); ++i) {
    if (!NaiveFits(relays[i], c)) continue;
    if (relays[i].mode == config::RelayMode::kEnforce) return {i, {}};
    match.observed.push_back(i);
  }
  return match;
}

// Addresses from a small space, so that entries overlap.
net::IpAddress RandomAddress(Random& random) {
  if (Pick(random, 0, 3) == 0) {
    return Ip(absl::StrCat("2001:db8:", Pick(random, 0, 1), "::", Pick(random, 0, 3)));
  }
  return Ip(absl::StrCat("10.0.", Pick(random, 0, 3), ".", Pick(random, 0, 7)));
}

std::vector<net::Prefix> RandomPrefixes(Random& random) {
  std::vector<net::Prefix> prefixes;
  for (int64_t i = Pick(random, -3, 3); i > 0; --i) {
    const net::IpAddress address = RandomAddress(random);
    const int length =
        static_cast<int>(address.is_v4() ? Pick(random, 118, 128) : Pick(random, 0, 4) * 32);
    prefixes.push_back({net::Masked(address, length), static_cast<uint8_t>(length)});
  }
  return prefixes;
}

// From few letters and labels, so that patterns fit names now and then.
std::string RandomName(Random& random, const std::string& letters) {
  std::string name;
  for (int64_t labels = Pick(random, 1, 4); labels > 0; --labels) {
    if (!name.empty()) name += '.';
    for (int64_t i = Pick(random, 1, 2); i > 0; --i) {
      name += letters[static_cast<std::size_t>(
          Pick(random, 0, static_cast<int64_t>(letters.size()) - 1))];
    }
  }
  return name;
}

constexpr uint16_t kPorts[] = {25, 465, 587};

config::Relay RandomRelay(Random& random) {
  const auto coin = [&] { return Pick(random, 0, 2) == 0; };
  config::Relay relay = Relay("r");
  relay.sources = RandomPrefixes(random);
  relay.destinations = RandomPrefixes(random);
  for (int64_t i = Pick(random, -2, 2); i > 0; --i) {
    relay.names.push_back(Pick(random, 0, 1) == 0 ? "*." + RandomName(random, "ab")
                                                  : RandomName(random, "ab*?"));
  }
  if (coin()) relay.ports = {kPorts[Pick(random, 0, 2)]};
  if (coin()) relay.services = {static_cast<Service>(Pick(random, 0, 2))};
  if (coin()) relay.direction = static_cast<MailFlow>(Pick(random, 0, 2));
  if (coin()) relay.ends = Pick(random, 1, 3);
  if (coin()) relay.mode = config::RelayMode::kObserve;
  if (coin()) relay.trust = config::RelayTrust::kClaimed;
  relay.either = coin();
  return relay;
}

// However many share it: each host has an entry of its own for the gateway.
TEST(RelayMatcher, HostsThatShareAServerAreFoundByThemselves) {
  std::vector<config::Relay> relays;
  for (int i = 0; i < 20'000; ++i) {
    relays.push_back(RelayTo(absl::StrCat("host ", i), "192.0.2.25"));
    relays.back().sources = {Net(absl::StrCat("10.1.", i / 250, ".", i % 250))};
  }
  const RelayMatcher matcher(relays);
  meter::ConversationKey key;
  key.server = Ip("192.0.2.25");
  for (int i = 0; i < 20'000; ++i) {
    key.client = Ip(absl::StrCat("10.1.", i / 250, ".", i % 250));
    ASSERT_EQ(matcher.Match(key, true, false, {}, 0).approved, static_cast<uint32_t>(i));
  }
  key.client = Ip("10.2.0.1");
  EXPECT_EQ(matcher.Match(key, true, false, {}, 0).approved, kNoRelay);
  EXPECT_THAT(ReviewRelays(relays, {}, 0), IsEmpty());
  relays.push_back(relays[17]);
  relays.back().name = "again";
  EXPECT_THAT(
      ReviewRelays(relays, {}, 0),
      ElementsAre(testing::Field(&RelayNote::text, testing::HasSubstr("earlier \"host 17\""))));
}

TEST(RelayMatcher, AgreesWithALinearSearch) {
  Random random(11);
  int approved = 0, observed = 0, several = 0, cases = 0;
  for (int round = 0; round < 1000; ++round) {
    std::vector<config::Relay> relays;
    for (int64_t i = Pick(random, 0, 12); i > 0; --i) relays.push_back(RandomRelay(random));
    const RelayMatcher matcher(relays);
    for (int i = 0; i < 100; ++i, ++cases) {
      Case c;
      c.key.client = RandomAddress(random);
      c.key.server = RandomAddress(random);
      c.key.server_port = kPorts[Pick(random, 0, 2)];
      c.key.service = static_cast<Service>(Pick(random, 0, 2));
      c.client = Pick(random, 0, 1) == 0;
      c.server = !c.client || Pick(random, 0, 1) == 0;
      c.tick = Pick(random, 0, 3);
      std::vector<uint32_t> named;
      for (int64_t n = Pick(random, 0, 2); n > 0; --n) {
        c.names.push_back(RandomName(random, "ab"));
        for (const uint32_t e : matcher.NamedBy(c.names.back(), false)) named.push_back(e);
      }
      for (int64_t n = Pick(random, 0, 1); n > 0; --n) {
        c.claims.push_back(RandomName(random, "ab"));
        for (const uint32_t e : matcher.NamedBy(c.claims.back(), true)) named.push_back(e);
      }
      const RelayMatch match = matcher.Match(c.key, c.client, c.server, named, c.tick);
      const RelayMatch naive = NaiveMatch(relays, c);
      ASSERT_EQ(match.approved, naive.approved) << round;
      ASSERT_EQ(match.observed, naive.observed) << round;
      approved += naive.approved != kNoRelay;
      observed += !naive.observed.empty();
      several += naive.observed.size() > 1;
    }
  }
  EXPECT_GT(approved, cases / 20);
  EXPECT_GT(observed, cases / 50);
  EXPECT_GT(several, cases / 1000);
}

}  // namespace
}  // namespace mailtap::control

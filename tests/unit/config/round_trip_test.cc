// What --print writes reads back as the same configuration.
#include <cmath>
#include <random>

#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::HasSubstr;

void ExpectReadsBack(const Config& config) {
  const std::string text = ToToml(config);
  const ParseResult again = Parse(text, "printed");
  ASSERT_THAT(Texts(again.faults), testing::IsEmpty()) << text;
  EXPECT_EQ(ToToml(*again.config), text);
  EXPECT_EQ(again.config->version, config.version);
}

TEST(ToTomlTest, DefaultsReadBack) { ExpectReadsBack(Accepted(kMinimal)); }

TEST(ToTomlTest, PrintsAsItUnderstands) {
  const std::string text =
      ToToml(AcceptedWith("[[rule]]\nname = \"r\"\nwindow = \"90m\"\nraise = "
                          "1500000000\n[[relay]]\nname = \"any\"\n"));
  EXPECT_THAT(text, HasSubstr("[[relay]]\nname = \"any\"\n# sources: any\n# destinations: any\n"
                              "# names: any\ntrust = \"dns\"\n# services: any\n"
                              "# ports: any\n# direction: any\nowner = \"\"\nreason = \"\"\n"
                              "ticket = \"\"\n# expires: never\nmode = \"enforce\"\n"));
  EXPECT_THAT(text, HasSubstr("[[rule]]\nname = \"r\"\nscope = \"host\"\n# groups: any\n"
                              "# services: any\n"
                              "verdicts = [\"unapproved_external\", \"unapproved_internal\"]\n"
                              "# roles: any\n# tls: any\nhours = \"00:00-24:00\"\n"
                              "# weekdays: any\nmetric = \"sent_bytes\"\nwindow = \"1h30m\"\n"
                              "raise = \"1500MB\"\nclear = \"750MB\"\nsustained = \"0s\"\n"
                              "hold = \"10m\"\nupdates = 100\nseverity = \"medium\"\n"));
}

TEST(ToTomlTest, TextsAreEscaped) {
  ExpectReadsBack(
      AcceptedWith("[[group]]\nname = 'a \"quoted\" \\ back\\slash é 東'\n"
                   "members = [\"10.0.0.1\"]\n"));
  Config config = Accepted(kMinimal);
  config.relays.push_back({.name = "x", .owner = "tab\there, bell\a, del\x7f"});
  EXPECT_THAT(ToToml(config), HasSubstr(R"(owner = "tab\u0009here, bell\u0007, del\u007F")"));
}

TEST(ToTomlTest, TagsThatDifferInCaseAloneAreOne) {
  const Config config =
      AcceptedWith("[[group]]\nname = \"g\"\ntags = [\"NAT\", \"guest\", \"nat\"]\n");
  EXPECT_THAT(ToToml(config), HasSubstr("tags = [\"nat\", \"guest\"]\n"));
  ExpectReadsBack(config);
}

TEST(ToTomlTest, LongListsAreBrokenIntoLines) {
  std::string members;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&members, "\"10.1.", i, ".0/24\",");
  const Config config =
      AcceptedWith(absl::StrCat("[[group]]\nname = \"g\"\nmembers = [", members, "]\n"));
  EXPECT_THAT(ToToml(config),
              HasSubstr("members = [\n  \"10.1.0.0/24\",\n  \"10.1.1.0/24\",\n"));
  ExpectReadsBack(config);
}

// Random policies, of every kind of threshold, list and text.
class RandomConfig {
 public:
  explicit RandomConfig(uint32_t seed) : random_(seed) {}

  Config Make() {
    Config config = Accepted(kMinimal);
    for (int i = Below(4); i > 0; --i) config.groups.push_back(MakeGroup(i));
    for (int i = Below(4); i > 0; --i) config.relays.push_back(MakeRelay(i));
    for (int i = Below(6); i > 0; --i) config.rules.push_back(MakeRule(i, config));
    for (int i = Below(3); i > 0; --i) {
      const std::string path = absl::StrCat("feeds/", i, i == 1 ? ".csv" : ".json");
      config.relay_files.push_back(
          {.path = path, .format = RelayFormat::kList, .entry = MakeRelay(i)});
      config.relay_files.back().entry.name = absl::StrCat("file ", i);
    }
    config.dns.resolvers = Prefixes(0);
    config.dns.grace_seconds = Below(604'801);
    config.limits.ring_bytes = 65'536 + Below(1 << 29);
    config.limits.undecided = 64 + Below(1 << 20);
    config.tls.services[Below(kServiceCount)] = {"mx?.example.com", "*.relay.example"};
    if (Below(2)) config.tls.web_ports = {static_cast<uint16_t>(1 + Below(65'535))};
    config.alerts.update_seconds = 1 + Below(86'400);
    return config;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % n); }
  std::string Name(int i) {
    static const char* kParts[] = {"mail", " ", "\"", "\\", "ü", "東", "#", "=", "]", "'"};
    std::string name = absl::StrCat("n", i);
    for (int k = Below(6); k > 0; --k) name += kParts[Below(10)];
    return name;
  }
  std::vector<net::Prefix> Prefixes(int least) {
    std::vector<net::Prefix> prefixes;
    for (int i = least + Below(30); i > 0; --i) {
      const std::string text = Below(2) ? absl::StrCat("10.", i, ".0.0/", 16 + Below(17))
                                        : absl::StrCat("fd00:", i, "::/", 32 + Below(97));
      prefixes.push_back(*net::ParsePrefix(text));
    }
    return prefixes;
  }
  Group MakeGroup(int i) {
    Group group{.name = Name(i), .members = Prefixes(1)};
    if (Below(2)) group.roles = {Name(1)};
    if (Below(2)) group.units = {Name(2), Name(3)};
    if (Below(2)) group.tags = {Name(4)};
    return group;
  }
  Relay MakeRelay(int i) {
    Relay relay{.name = Name(i), .sources = Prefixes(0), .destinations = Prefixes(0)};
    if (Below(2)) relay.services = {Service::kImap, Service::kSmtp};
    if (Below(2)) relay.ports = {static_cast<uint16_t>(1 + Below(65'535))};
    relay.owner = Name(9);
    if (Below(2)) relay.names = {"*.example.net", "mx?.example.org"};
    if (Below(2)) relay.trust = RelayTrust::kClaimed;
    if (Below(2)) relay.direction = static_cast<MailFlow>(Below(3));
    if (Below(2)) relay.expires = Date{2020 + Below(20), 1 + Below(12), 1 + Below(28)};
    if (Below(2)) relay.mode = RelayMode::kObserve;
    return relay;
  }
  Rule MakeRule(int i, const Config& config) {
    Rule rule;
    rule.name = Name(i);
    if (!config.groups.empty() && Below(2)) rule.groups = {config.groups[0].name};
    rule.verdicts = {static_cast<Verdict>(Below(kVerdictCount))};
    MakeCondition(rule);
    for (int k = Below(3); k > 0; --k) MakeCondition(rule.conditions.emplace_back());
    if (Below(2)) rule.tls = {static_cast<Tls>(Below(kTlsCount))};
    if (Below(2)) rule.weekdays = {static_cast<Weekday>(Below(kWeekdayCount))};
    if (Below(2)) rule.hours = {Below(720), 720 + Below(721)};
    rule.sustained_seconds = Below(86'401);
    rule.hold_seconds = Below(86'401);
    rule.updates = Below(100'001);
    rule.severity = static_cast<Severity>(Below(kSeverityCount));
    return rule;
  }
  void MakeCondition(Condition& condition) {
    condition.metric = static_cast<Metric>(Below(kMetricCount));
    condition.window_seconds = 10 + Below(86'391);
    const double scale = std::uniform_real_distribution<>(0, 12)(random_);
    condition.raise = std::pow(10.0, scale) + 1;
    condition.clear = condition.raise / 3;
    if (condition.metric == Metric::kSentReceivedRatio) condition.minimum = Below(1 << 30);
    if (IsBytes(condition.metric)) {
      condition.raise = std::ceil(condition.raise);
      condition.clear = std::ceil(condition.clear);
    }
  }

  std::mt19937 random_;
};

TEST(ToTomlTest, RandomConfigurationsReadBack) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    const std::string text = ToToml(RandomConfig(seed).Make());
    const ParseResult again = Parse(text, "printed");
    ASSERT_THAT(Texts(again.faults), testing::IsEmpty()) << text;
    ASSERT_EQ(ToToml(*again.config), text);
  }
}

}  // namespace
}  // namespace mailtap::config

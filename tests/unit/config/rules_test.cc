// What a [[rule]] may say besides its threshold.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> RuleFaults(absl::string_view keys) {
  return FaultsWith(absl::StrCat("[[rule]]\nname = \"r\"\nraise = 1\n", keys));
}

TEST(RulesTest, ReadsEveryKey) {
  const Config config = AcceptedWith(
      "[[group]]\nname = \"desks\"\nmembers = [\"10.1.0.0/16\"]\n"
      "[[rule]]\nname = \"r\"\nscope = \"group\"\ngroups = [\"desks\"]\n"
      "tls = [\"none\", \"starttls\"]\nhours = \"22:00-06:30\"\n"
      "weekdays = [\"saturday\", \"sunday\"]\nmetric = \"sent_received_ratio\"\n"
      "raise = 20\nminimum = \"10MB\"\nsustained = \"5m\"\nupdates = 3\n"
      "[[rule.condition]]\nmetric = \"distinct_peers\"\nwindow = \"1h\"\nraise = 4\nclear = 3\n"
      "[[rule.condition]]\nmetric = \"sent_bytes\"\nraise = \"1MB\"\n");
  ASSERT_EQ(config.rules.size(), 1u);
  const Rule& rule = config.rules[0];
  EXPECT_EQ(rule.scope, Scope::kGroup);
  EXPECT_THAT(rule.tls, ElementsAre(Tls::kNone, Tls::kStarttls));
  EXPECT_EQ(rule.hours, (Hours{22 * 60, 6 * 60 + 30}));
  EXPECT_THAT(rule.weekdays, ElementsAre(Weekday::kSaturday, Weekday::kSunday));
  EXPECT_EQ(rule.minimum, 10'000'000);
  EXPECT_EQ(rule.sustained_seconds, 300);
  EXPECT_EQ(rule.updates, 3);
  ASSERT_EQ(rule.conditions.size(), 2u);
  EXPECT_EQ(rule.conditions[0].metric, Metric::kDistinctPeers);
  EXPECT_EQ(rule.conditions[0].window_seconds, 3600);
  EXPECT_EQ(rule.conditions[0].clear, 3);
  EXPECT_EQ(rule.conditions[1].raise, 1e6);
  EXPECT_EQ(rule.conditions[1].clear, 5e5);
  EXPECT_EQ(rule.conditions[1].window_seconds, 300);
}

TEST(RulesTest, EveryMetricCanBeAsked) {
  for (const absl::string_view metric : kMetricNames) {
    EXPECT_THAT(RuleFaults(absl::StrCat("metric = \"", metric, "\"\n")), IsEmpty());
  }
}

TEST(RulesTest, HoursArePartsOfADay) {
  for (const char* good : {"00:00-24:00", "08:00-18:00", "22:00-06:00", "00:00-00:01"}) {
    EXPECT_THAT(RuleFaults(absl::StrCat("hours = \"", good, "\"\n")), IsEmpty()) << good;
  }
  for (const char* bad : {"", "8:00-18:00", "08:00", "08:00-08:00", "24:00-08:00",
                          "08:60-09:00", "08:00-25:00", "08:00-18:00 ", "08:00-24:01"}) {
    EXPECT_THAT(RuleFaults(absl::StrCat("hours = \"", bad, "\"\n")),
                ElementsAre(StartsWith("f:7:9: rule.hours must be a part of the day")))
        << bad;
  }
  const Hours night = {22 * 60, 6 * 60};
  EXPECT_TRUE(night.Holds(23 * 60));
  EXPECT_TRUE(night.Holds(0));
  EXPECT_FALSE(night.Holds(6 * 60));
  EXPECT_FALSE(night.Holds(12 * 60));
}

TEST(RulesTest, ConditionsHaveFaultsOfTheirOwn) {
  EXPECT_THAT(RuleFaults("[[rule.condition]]\nmetric = \"sessions\"\n"),
              ElementsAre("f:7:1: rule.condition.raise is missing: give a number such as 100"));
  EXPECT_THAT(RuleFaults("[[rule.condition]]\nraise = 1\nclear = 2\n"),
              ElementsAre(StartsWith("f:9:9: rule.condition.clear must not be above "
                                     "rule.condition.raise")));
  EXPECT_THAT(RuleFaults("[[rule.condition]]\nraise = 1\nhold = \"1s\"\n"),
              ElementsAre(StartsWith("f:9:1: unknown key rule.condition.hold")));
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += "[[rule.condition]]\nraise = 1\n";
  EXPECT_THAT(RuleFaults(nine), ElementsAre(HasSubstr("at most 8 further conditions")));
}

TEST(RulesTest, AMinimumGoesWithARatio) {
  EXPECT_THAT(RuleFaults("minimum = \"1MB\"\n"),
              ElementsAre(StartsWith("f:7:11: rule.minimum goes with the metric "
                                     "sent_received_ratio only")));
  EXPECT_THAT(WarningsWith("[[rule]]\nname = \"r\"\nmetric = \"sent_received_ratio\"\n"
                           "raise = 2\n[[relay]]\nname = \"x\"\nsources = [\"10.0.0.1\"]\n"),
              ElementsAre(HasSubstr("sent_received_ratio without a minimum")));
}

TEST(RulesTest, NewPeersAreAHosts) {
  EXPECT_THAT(RuleFaults("scope = \"site\"\nmetric = \"new_peers\"\n"),
              ElementsAre(StartsWith("f:7:9: rule.scope must be \"host\"")));
}

TEST(RulesTest, WhatIsUsualIsKeptByTheHour) {
  const char kGood[] = "window = \"1h\"\nmultiple = 10\ndeviations = 4.5\n";
  EXPECT_THAT(RuleFaults(kGood), IsEmpty());
  const Rule rule =
      AcceptedWith(absl::StrCat("[[rule]]\nname = \"r\"\nraise = 1\n", kGood)).rules.at(0);
  EXPECT_EQ(rule.multiple, 10);
  EXPECT_EQ(rule.deviations, 4.5);
  EXPECT_THAT(RuleFaults("multiple = 10\n"),
              ElementsAre(StartsWith("f:7:12: rule.multiple goes with window = \"1h\"")));
  EXPECT_THAT(RuleFaults("window = \"1h\"\nmetric = \"distinct_peers\"\ndeviations = 3\n"),
              ElementsAre(StartsWith("f:9:14: rule.deviations goes with")));
  EXPECT_THAT(FaultsWith("[baselines]\nweeks = 9\n"),
              ElementsAre("f:5:9: baselines.weeks must be an integer from 1 to 8, not 9"));
}

TEST(RulesTest, TheTimeZoneMustBeKnown) {
  EXPECT_EQ(AcceptedWith("").sensor.timezone, "UTC");
  EXPECT_THAT(
      FaultsWith("[sensor]\ntimezone = \"Europe/Atlantis\"\n"),
      ElementsAre(StartsWith("f:5:12: sensor.timezone must be the name of a time zone")));
}

}  // namespace
}  // namespace mailtap::config

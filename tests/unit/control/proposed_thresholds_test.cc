// Which thresholds the learning mode proposes, and why not others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/control/proposals_testing.h"

namespace mailtap::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Hosts 10.0.1.1 and so on with such peaks in each hour.
std::vector<Hour> Reaching(const config::Rule& rule, const std::vector<double>& values,
                           int64_t count = kDayHours) {
  std::vector<Hour> hours = Quiet(count);
  for (Hour& hour : hours) {
    HourPeaks& peaks = hour.peaks.emplace_back();
    peaks.rule = rule.name;
    peaks.metric = rule.metric;
    peaks.window_seconds = rule.window_seconds;
    for (std::size_t i = 0; i < values.size(); ++i) {
      peaks.peaks.push_back({Ip(absl::StrCat("10.0.1.", i + 1)), "", Role::kClient, values[i]});
    }
  }
  return hours;
}

config::Config WithRule(config::Rule rule) {
  config::Config config = BaseConfig();
  config.rules = {std::move(rule)};
  return config;
}

config::Rule Bulk() {
  config::Rule rule = BytesRule("bulk");
  rule.raise = 50e6;
  rule.clear = 20e6;
  return rule;
}

TEST(ProposedThresholds, AMarginOverTheHighestUsual) {
  const std::vector<double> values = {3e6, 2e6, 2e6, 1e6, 1e6};
  const Proposals day = Of(Reaching(Bulk(), values), WithRule(Bulk()));
  ASSERT_THAT(day.rules, SizeIs(1));
  EXPECT_EQ(day.rules[0].entry.name, "proposed: bulk");
  EXPECT_EQ(day.rules[0].entry.raise, 12e6) << "four times 3 MB: less than a week was seen";
  EXPECT_EQ(day.rules[0].entry.clear, 4.8e6) << "in the same proportion";
  EXPECT_EQ(day.rules[0].entry.window_seconds, Bulk().window_seconds);
  const std::string evidence = All(day.rules[0].evidence);
  EXPECT_THAT(evidence,
              HasSubstr("sent_bytes within 1m, in 24 hours of 5 hosts, together 120"));
  EXPECT_THAT(evidence, HasSubstr("median 2.00 MB, deviation 1.48 MB; the highest usual: "
                                  "10.0.1.1 as client with 3.00 MB at "));
  EXPECT_THAT(
      evidence,
      HasSubstr("the 50MB in force would have been reached by 0 hosts, this by 0 hosts"));
  const Proposals week = Of(Reaching(Bulk(), values, 7 * 24), WithRule(Bulk()));
  EXPECT_EQ(week.rules.at(0).entry.raise, 11e6)
      << "median and six deviations, which is more than twice the highest";
}

TEST(ProposedThresholds, OneThatStandsApartIsNotUsual) {
  const Proposals proposals =
      Of(Reaching(Bulk(), {40e6, 2e6, 2e6, 2e6, 2e6, 2e6}), WithRule(Bulk()));
  ASSERT_THAT(proposals.rules, SizeIs(1));
  EXPECT_EQ(proposals.rules[0].entry.raise, 8e6);
  EXPECT_THAT(All(proposals.rules[0].evidence),
              HasSubstr("not usual, far apart: 10.0.1.1 as client with 40.0 MB"));
  EXPECT_THAT(All(proposals.rules[0].evidence), HasSubstr("this by 1 host (10.0.1.1)"));
  const Proposals few = Of(Reaching(Bulk(), {10e6, 1e5}), WithRule(Bulk()));
  EXPECT_THAT(few.rule_notes, ElementsAre(HasSubstr("suggests 40MB, which is near its 50MB")))
      << "of few hosts none can be told to stand apart";
}

TEST(ProposedThresholds, NothingUsualIsEverReached) {
  // Whatever hosts do: what those reached that are usual stays below.
  for (int seed = 1; seed < 200; ++seed) {
    std::vector<double> values;
    uint64_t random = static_cast<uint64_t>(seed);
    for (int i = 0; i < seed % 23 + 2; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      values.push_back(static_cast<double>(random >> 37));
    }
    const Proposals proposals = Of(Reaching(Bulk(), values), WithRule(Bulk()));
    for (const auto& proposal : proposals.rules) {
      EXPECT_GE(proposal.entry.raise, 1e6);
      EXPECT_LE(proposal.entry.clear, proposal.entry.raise);
      const auto reached = std::count_if(values.begin(), values.end(), [&](double value) {
        return value >= proposal.entry.raise;
      });
      EXPECT_LE(reached, std::max<std::size_t>(1, values.size() / 20)) << seed;
    }
  }
}

TEST(ProposedThresholds, HostsWithAlertsDontCount) {
  const config::Config config = WithRule(Bulk());
  const std::vector<Hour> hours = Reaching(Bulk(), {60e6, 55e6, 2e6, 2e6, 2e6, 2e6});
  const Proposals one = Propose({config, hours, {Ip("10.0.1.1")}, {}});
  EXPECT_EQ(one.rules.at(0).entry.raise, 8e6) << "the second stands apart";
  EXPECT_THAT(All(one.rules[0].evidence), HasSubstr("not usual, as it has alerts: 10.0.1.1"));
  const Proposals many = Propose({config, hours, {Ip("10.0.1.1"), Ip("10.0.1.2")}, {}});
  EXPECT_THAT(many.rules, IsEmpty());
  EXPECT_THAT(many.rule_notes,
              ElementsAre(HasSubstr("2 of 6 hosts have alerts: settle these")));
}

TEST(ProposedThresholds, NeverBelowWhatIsMuchForAnybody) {
  config::Rule peers = BytesRule("peers");
  peers.metric = config::Metric::kDistinctPeers;
  peers.raise = 30;
  peers.clear = 10;
  EXPECT_EQ(Of(Reaching(peers, {1, 1, 1}), WithRule(peers)).rules.at(0).entry.raise, 5);
  EXPECT_EQ(Of(Reaching(Bulk(), {10, 10, 10}), WithRule(Bulk())).rules.at(0).entry.raise, 1e6);
}

TEST(ProposedThresholds, WhatIsNearWhatIsInForceStays) {
  const Proposals proposals = Of(Reaching(Bulk(), {15e6, 12e6}), WithRule(Bulk()));
  EXPECT_THAT(proposals.rules, IsEmpty());
  EXPECT_THAT(proposals.rule_notes,
              ElementsAre(HasSubstr("suggests 60MB, which is near its 50MB")));
}

TEST(ProposedThresholds, WhatHoursCannotTellIsSaid) {
  const auto note_of = [](const config::Rule& rule, const std::vector<Hour>& hours) {
    const Proposals proposals = Of(hours, WithRule(rule));
    EXPECT_THAT(proposals.rules, IsEmpty());
    return All(proposals.rule_notes);
  };
  config::Rule rule = Bulk();
  EXPECT_THAT(note_of(rule, Reaching(rule, {1e6}, 2)), HasSubstr("1 host in 2 hours"));
  EXPECT_THAT(note_of(rule, Quiet(48)), HasSubstr("was not kept"));
  rule.window_seconds = 86'400;
  EXPECT_THAT(note_of(rule, Reaching(rule, {1e6}, 24)), HasSubstr("window of 1d is too long"));
  rule = Bulk();
  EXPECT_THAT(note_of(rule, Reaching(BytesRule("other"), {1e6})), HasSubstr("was not kept"));
  rule.multiple = 3;
  EXPECT_THAT(note_of(rule, Reaching(rule, {1e6})), HasSubstr("follows what is usual"));
  rule = Bulk();
  rule.scope = config::Scope::kSite;
  EXPECT_THAT(note_of(rule, Reaching(rule, {1e6})), HasSubstr("many hosts together"));
  rule = Bulk();
  rule.metric = config::Metric::kSentReceivedRatio;
  EXPECT_THAT(note_of(rule, Reaching(rule, {3})), HasSubstr("ratios are not kept"));
}

TEST(ProposedThresholds, AHigherOneOnlyWhereWhatIsUsualReachesThatInForce) {
  const Proposals below = Of(Reaching(Bulk(), {40e6, 30e6}), WithRule(Bulk()));
  EXPECT_THAT(below.rules, IsEmpty());
  EXPECT_THAT(below.rule_notes,
              ElementsAre(HasSubstr("suggests 160MB, and nothing usual reaches its 50MB")));
  config::Rule rule = Bulk();
  rule.conditions = {{.metric = config::Metric::kDistinctPeers, .raise = 9, .clear = 5}};
  const Proposals above = Of(Reaching(rule, {60e6, 30e6}), WithRule(rule));
  EXPECT_EQ(above.rules.at(0).entry.raise, 240e6);
  EXPECT_THAT(above.rules[0].entry.conditions, SizeIs(1));
  EXPECT_THAT(All(above.rules[0].evidence), HasSubstr("by its first condition alone"));
}

TEST(ProposedThresholds, AGroupThatDoesMuchLessGetsItsOwn) {
  config::Rule rule = Bulk();
  std::vector<Hour> hours = Office();
  const std::vector<Hour> peaks = Reaching(rule, {2e5, 2e5, 3e5, 2e5, 2e5});
  for (std::size_t i = 0; i < hours.size(); ++i) {
    hours[i].peaks = peaks[i].peaks;
    hours[i].peaks[0].peaks.push_back({Ip("10.0.20.10"), "", Role::kClient, 1e7});
    hours[i].peaks[0].peaks.push_back({Ip("10.0.20.1"), "", Role::kServer, 1e7});
  }
  const Proposals proposals = Of(hours, WithRule(rule));
  ASSERT_THAT(proposals.rules, SizeIs(1));
  EXPECT_EQ(proposals.rules[0].entry.name, "proposed: bulk, mailbox clients");
  EXPECT_THAT(proposals.rules[0].entry.groups, ElementsAre("mailbox clients"));
  EXPECT_EQ(proposals.rules[0].entry.raise, 1.2e6);
}

TEST(ProposedThresholds, HostsThatHoursDontTellApartAreAllowedFor) {
  config::Rule rule = Bulk();
  std::vector<Hour> hours = Office();
  const std::vector<Hour> peaks = Reaching(rule, {2e5, 2e5, 3e5, 2e5, 2e5});
  for (std::size_t i = 0; i < hours.size(); ++i) hours[i].peaks = peaks[i].peaks;
  // An hour in which only others are told: the group's hosts may have reached as much.
  hours[3].peaks[0].peaks = {{Ip("10.0.20.10"), "", Role::kClient, 1e7},
                             {Ip("10.0.20.1"), "", Role::kServer, 4e6}};
  hours[3].peaks[0].more = 5;
  const Proposals proposals = Of(hours, WithRule(rule));
  ASSERT_THAT(proposals.rules, SizeIs(1));
  EXPECT_EQ(proposals.rules[0].entry.name, "proposed: bulk, mailbox clients");
  EXPECT_EQ(proposals.rules[0].entry.raise, 16e6);
  EXPECT_THAT(All(proposals.rules[0].evidence),
              HasSubstr("hosts that hours don't tell apart reached at most 4.00 MB"));
}

TEST(Proposals, NamesAreCutAndUnique) {
  config::Rule rule = Bulk();
  rule.name = std::string(127, 'r');
  config::Config config = WithRule(rule);
  config.rules.push_back(BytesRule(absl::StrCat("proposed: ", std::string(110, 'r'))));
  const Proposals proposals = Of(Reaching(rule, {1e6, 1e6}), config);
  ASSERT_THAT(proposals.rules, SizeIs(1));
  EXPECT_EQ(proposals.rules[0].entry.name,
            absl::StrCat("proposed: ", std::string(110, 'r'), " 2"));
}

}  // namespace
}  // namespace mailtap::control

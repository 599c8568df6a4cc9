#include "lib/export/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/export/samples.h"

namespace mailtap::exporting {
namespace {

using testing::HasSubstr;
using testing::Not;

ExplanationInput Sample() {
  control::ExplainedConversation conversation;
  conversation.peer = net::ParseAddress("203.0.113.9").value();
  conversation.port = 25;
  conversation.last_seen = kSampleTime;
  conversation.verdict = config::Verdict::kUnapprovedExternal;
  conversation.name = "mx.example.net";
  conversation.entries = {{"gateway",
                           "messaging team",
                           "",
                           config::RelayMode::kEnforce,
                           {"it is for port 587, not for 25", "it expired with 2026-01-01"}}};
  conversation.more_entries = 2;
  conversation.counted_by = {"bulk"};
  control::ExplainedRule rule;
  rule.rule = "bulk";
  rule.conditions = {{config::Metric::kSentBytes, 25'000'000, 50'000'000, 20'000'000, 300}};
  rule.watch = control::Watch::kPending;
  control::ExplainedRule other;
  other.rule = "servers";
  other.why_not = "it is for servers, and the host is in no group";
  control::Explanation e;
  e.host = net::ParseAddress("10.1.2.3").value();
  e.internal = e.known = true;
  e.asset = "laptop";
  e.last_seen = kSampleTime;
  e.totals.unapproved_sent = 1000;
  e.conversations = {conversation};
  e.rules = {rule, other};
  ExplanationInput input;
  input.explanations = {e};
  input.state_time = kSampleTime;
  input.now = kSampleTime + 90 * kNanosPerSecond;
  input.config_version = input.state_config_version = "00112233aabb";
  return input;
}

TEST(Explanation, SaysHowOldItIsAndWhy) {
  const std::string text = ExplanationText(Sample(), 200);
  EXPECT_THAT(text, HasSubstr("As of 2026-11-23 20:41:07 UTC, 1m30s ago (the last checkpoint), "
                              "by configuration 00112233aabb.\n"));
  EXPECT_THAT(text, HasSubstr("10.1.2.3 (laptop)\n"));
  EXPECT_THAT(text, HasSubstr("to 203.0.113.9 port 25 by smtp, server mx.example.net (its own "
                              "claim), last 2026-11-23 20:41:07 UTC\n"));
  EXPECT_THAT(text,
              HasSubstr("unapproved_external: no enforced relay entry fits, and one end is "
                        "external\n"));
  EXPECT_THAT(text,
              HasSubstr("\"gateway\" of messaging team: it is for port 587, not for 25; it "
                        "expired with 2026-01-01\n"));
  EXPECT_THAT(text, HasSubstr("and 2 more, that fit no better"));
  EXPECT_THAT(text, HasSubstr("25.0 MB"));
  EXPECT_THAT(text, HasSubstr("50%"));
  EXPECT_THAT(text, HasSubstr("pending"));
  EXPECT_THAT(text, HasSubstr("rule \"servers\" as client doesn't look at the host: it is for "
                              "servers, and the host is in no group"));
  EXPECT_THAT(text, Not(HasSubstr("judged by configuration")));
}

TEST(Explanation, SaysThatAnotherConfigurationJudged) {
  ExplanationInput input = Sample();
  input.state_config_version = "ffffffffffff";
  EXPECT_THAT(ExplanationText(input, 200),
              HasSubstr("The sensor judged by configuration ffffffffffff then"));
}

TEST(Explanation, AHostThatNobodyKnows) {
  ExplanationInput input = Sample();
  input.explanations[0] = {};
  input.explanations[0].host = net::ParseAddress("203.0.113.9").value();
  const std::string text = ExplanationText(input, 200);
  EXPECT_THAT(text, HasSubstr("external: only internal hosts are judged"));
  EXPECT_THAT(text, HasSubstr("The state knows no mail of it."));
  EXPECT_THAT(text, Not(HasSubstr("Thresholds")));
}

TEST(Explanation, AnExternalHostThatOthersDealWith) {
  ExplanationInput input = Sample();
  control::Explanation& e = input.explanations[0];
  e.internal = false;
  e.rules.clear();
  e.dealings[static_cast<int>(config::Verdict::kApproved)] = 1;
  e.dealings[static_cast<int>(config::Verdict::kUnapprovedExternal)] = 2;
  e.conversations[0].peer_internal = true;
  const std::string text = ExplanationText(input, 200);
  EXPECT_THAT(text, HasSubstr("external: only internal hosts are judged"));
  EXPECT_THAT(text, HasSubstr("its mail with internal hosts: approved with 1 host, "
                              "unapproved_external with 2 hosts; last mail 2026-11-23"));
  EXPECT_THAT(text, HasSubstr("rules that count it for the internal host: bulk"));
  EXPECT_THAT(text, Not(HasSubstr("since the state began")));
  const auto json = nlohmann::json::parse(ExplanationJson(input));
  EXPECT_EQ(json.at("hosts").at(0).at("internal_hosts").at("unapproved_external"), 2);
}

TEST(Explanation, AsJson) {
  const auto json = nlohmann::json::parse(ExplanationJson(Sample()));
  EXPECT_EQ(json.at("state_time"), "2026-11-23T20:41:07.000123Z");
  const auto& host = json.at("hosts").at(0);
  EXPECT_EQ(host.at("host"), "10.1.2.3");
  EXPECT_EQ(host.at("known"), true);
  const auto& conversation = host.at("conversations").at(0);
  EXPECT_EQ(conversation.at("verdict"), "unapproved_external");
  EXPECT_TRUE(conversation.at("relay").is_null());
  EXPECT_EQ(conversation.at("name_source"), "claimed");
  EXPECT_EQ(conversation.at("entries").at(0).at("fits"), false);
  EXPECT_EQ(conversation.at("entries").at(0).at("misses").size(), 2u);
  EXPECT_EQ(host.at("rules").at(0).at("conditions").at(0).at("value"), 25'000'000);
  EXPECT_EQ(host.at("rules").at(0).at("state"), "pending");
  EXPECT_EQ(host.at("rules").at(1).at("concerned"), false);
}

TEST(Explanation, BelowTheThresholdIsNotAllOfIt) {
  ExplanationInput input = Sample();
  control::ExplainedCondition& condition = input.explanations[0].rules[0].conditions[0];
  condition.raise = 100'000;
  condition.value = 99'999;
  EXPECT_THAT(ExplanationText(input, 200), AllOf(HasSubstr(" 99%"), Not(HasSubstr(" 100%"))));
  condition.value = 100'000;
  EXPECT_THAT(ExplanationText(input, 200), HasSubstr(" 100%"));
}

TEST(Explanation, ANameOffTheWireSteersNoTerminal) {
  ExplanationInput input = Sample();
  input.explanations[0].conversations[0].claimed = {"\x1b[2J<x>"};
  EXPECT_THAT(ExplanationText(input, 200), Not(HasSubstr("\x1b")));
  EXPECT_TRUE(nlohmann::json::accept(ExplanationJson(input)));
}

TEST(Explanation, SaysWhereAThresholdByTheUsualComesFrom) {
  ExplanationInput input = Sample();
  control::ExplainedRule& rule = input.explanations[0].rules[0];
  rule.by_baseline = true;
  EXPECT_THAT(ExplanationText(input, 200),
              HasSubstr("rule \"bulk\" as client: what is usual at this hour of the week isn't "
                        "known, so it raises nothing"));
  EXPECT_THAT(ExplanationJson(input), HasSubstr("\"by_baseline\": true"));
  rule.baseline = {.expected = 20'000, .deviation = 0, .weeks = 4};
  EXPECT_THAT(
      ExplanationText(input, 200),
      HasSubstr("usual at this hour of the week 20.0 kB (the host's median of 4 weeks)"));
  rule.watch = control::Watch::kRaised;
  EXPECT_THAT(ExplanationText(input, 200),
              HasSubstr("usual at the hour of the week in which the alert began, 20.0 kB"));
}

}  // namespace
}  // namespace mailtap::exporting

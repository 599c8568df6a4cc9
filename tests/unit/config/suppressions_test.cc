// [[suppress]]: what is read, refused and warned of.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRule[] = "[[rule]]\nname = \"bulk\"\nraise = \"1MB\"\n";
constexpr char kEntry[] =
    "[[suppress]]\nname = \"s\"\nhosts = [\"10.1.2.3\", \"10.2.0.0/16\"]\n"
    "rules = [\"bulk\"]\nexpires = 2027-06-30\nreason = \"migration\"\nowner = \"Ada\"\n"
    "ticket = \"C-7\"\n";

TEST(SuppressionsTest, AreRead) {
  const Config config = AcceptedWith(absl::StrCat(kRule, kEntry));
  ASSERT_EQ(config.suppressions.size(), 1u);
  const Suppression& entry = config.suppressions[0];
  EXPECT_EQ(entry.name, "s");
  ASSERT_EQ(entry.hosts.size(), 2u);
  EXPECT_EQ(net::ToString(entry.hosts[1]), "10.2.0.0/16");
  EXPECT_THAT(entry.rules, ElementsAre("bulk"));
  EXPECT_EQ(ToString(entry.expires), "2027-06-30");
  EXPECT_EQ(entry.ends, 1'814'400'000) << "the first second of July 1st";
  EXPECT_EQ(entry.reason, "migration");
  EXPECT_EQ(entry.owner, "Ada");
  EXPECT_EQ(entry.ticket, "C-7");
  EXPECT_EQ(entry.line, 7);
}

TEST(SuppressionsTest, LastThroughTheDayOfTheTimeZone) {
  const Config config =
      AcceptedWith(absl::StrCat(kRule, kEntry, "[sensor]\ntimezone = \"Europe/Berlin\"\n"));
  EXPECT_EQ(config.suppressions[0].ends, 1'814'400'000 - 2 * 3600);
}

TEST(SuppressionsTest, AnEntryNamesHostsALastDayAndAReason) {
  EXPECT_THAT(
      FaultsWith("[[suppress]]\nname = \"s\"\n"),
      ElementsAre("f:4:1: suppress.hosts is missing: give the addresses or networks that it is "
                  "about, such as [\"10.1.2.3\"]",
                  "f:4:1: suppress.expires is missing: give its last day, such as 2027-06-30",
                  "f:4:1: suppress.reason is missing: give why these alerts are not wanted"));
  EXPECT_THAT(FaultsWith("[[suppress]]\nname = \"s\"\nhosts = []\nrules = []\nexpires = "
                         "2027-06-31\nreason = \" \"\n"),
              ElementsAre(HasSubstr("f:8:21: not valid TOML")));
  EXPECT_THAT(
      FaultsWith("[[suppress]]\nname = \"s\"\nhosts = []\nrules = []\nexpires = "
                 "2027-06-30T10:00:00Z\nreason = \" \"\nhost = 3\n"),
      ElementsAre("f:6:9: suppress.hosts must not be empty",
                  "f:7:9: suppress.rules must not be empty; leave the key out for any",
                  HasSubstr("f:8:11: suppress.expires must be a date such as 2027-06-30"),
                  HasSubstr("f:9:10: suppress.reason must be a text of 1 to 1024 bytes"),
                  HasSubstr("f:10:1: unknown key suppress.host; did you mean hosts?")));
}

TEST(SuppressionsTest, RulesAndNamesAreChecked) {
  const std::string bad =
      absl::StrCat(kRule,
                   "[[suppress]]\nname = \"s\"\nhosts = [\"10.1.2.3/8\"]\nrules = [\"bluk\"]\n"
                   "expires = 2027-06-30\nreason = \"r\"\n");
  EXPECT_THAT(FaultsWith(bad),
              ElementsAre(HasSubstr("f:9:10: suppress.hosts: "),
                          HasSubstr("f:10:10: suppress.rules: there is no [[rule]] named "
                                    "\"bluk\"; did you mean bulk?")));
  EXPECT_THAT(FaultsWith(absl::StrCat(kRule, kEntry, kEntry)),
              ElementsAre(HasSubstr("suppress.name \"s\" is used already at line 8")));
}

TEST(SuppressionsTest, WhatCanHaveNoEffectIsWarnedOf) {
  EXPECT_THAT(
      WarningsWith(absl::StrCat(kRule, "scope = \"site\"\n", kEntry)),
      testing::Contains(HasSubstr("rule \"bulk\" judges by site, so no host's alert can "
                                  "be suppressed")));
  EXPECT_THAT(WarningsWith(absl::StrCat(kRule,
                                        "[[suppress]]\nname = \"s\"\nhosts = [\"192.0.2.1\"]\n"
                                        "expires = 2027-06-30\nreason = \"r\"\n")),
              testing::Contains(HasSubstr("f:9:9: suppress.hosts lies outside")));
}

TEST(SuppressionsTest, ArePrintedAndChangeTheVersion) {
  const Config with = AcceptedWith(absl::StrCat(kRule, kEntry));
  const std::string text = ToToml(with);
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kEntry, "\n")));
  const ParseResult again = Parse(text, "printed");
  EXPECT_THAT(Texts(again.faults), IsEmpty());
  EXPECT_EQ(again.config->version, with.version);
  EXPECT_NE(AcceptedWith(kRule).version, with.version);
}

}  // namespace
}  // namespace mailtap::config

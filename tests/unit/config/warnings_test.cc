// What is accepted, and yet worth a look.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kRelayAndRule[] =
    "[[relay]]\nname = \"gateway\"\nsources = [\"10.20.0.10\"]\n"
    "[[rule]]\nname = \"r\"\nraise = 1\n";  // lines 4 to 9

std::vector<std::string> Warnings(absl::string_view more) {
  return WarningsWith(absl::StrCat(kRelayAndRule, more));
}

TEST(WarningTest, NoneWhereAllIsWell) { EXPECT_THAT(Warnings(""), IsEmpty()); }

TEST(WarningTest, NoRelayAndNoRule) {
  EXPECT_THAT(
      WarningsWith(""),
      ElementsAre("f:1:1: no [[relay]] is defined, so all mail of internal hosts is unapproved",
                  "f:1:1: no [[rule]] is defined, so nothing raises an alert"));
}

TEST(WarningTest, RelaysThatApproveEverything) {
  for (const char* keys :
       {"", "ports = [25]\n", "destinations = [\"0.0.0.0/0\"]\n",
        "sources = [\"::/0\"]\ndestinations = [\"0.0.0.0/0\", \"::/0\"]\n"}) {
    EXPECT_THAT(Warnings(absl::StrCat("[[relay]]\nname = \"open\"\n", keys)),
                ElementsAre("f:11:8: relay \"open\" approves mail from any source to any "
                            "destination; give it sources, destinations or names"))
        << keys;
  }
  EXPECT_THAT(Warnings("[[relay]]\nname = \"one way\"\nsources = [\"0.0.0.0/0\"]\n"
                       "destinations = [\"192.0.2.1\"]\n"),
              IsEmpty());
  EXPECT_THAT(Warnings("[[relay]]\nname = \"trial\"\nmode = \"observe\"\n"), IsEmpty());
}

TEST(WarningTest, GroupsWithoutEffect) {
  EXPECT_THAT(Warnings("[[group]]\nname = \"g\"\nmembers = [\"10.1.0.0/16\"]\n"),
              ElementsAre("f:11:8: no rule uses group \"g\"; it only names hosts in alerts"));
  for (const char* keys : {"scope = \"group\"\n", "window = \"1h\"\nmultiple = 3\n"}) {
    EXPECT_THAT(
        Warnings(absl::StrCat(keys, "[[group]]\nname = \"g\"\nmembers = [\"10.1.0.0/16\"]\n")),
        IsEmpty())
        << "every group is used by " << keys;
  }
  EXPECT_THAT(
      Warnings("groups = [\"g\"]\n[[group]]\nname = \"g\"\nmembers = [\"172.16.0.0/12\"]\n"),
      ElementsAre("f:13:11: group \"g\" lies outside networks.internal, and only internal "
                  "hosts are judged"));
  EXPECT_THAT(Warnings("groups = [\"g\"]\n[[group]]\nname = \"g\"\n"
                       "members = [\"172.16.0.0/12\", \"10.0.0.0/7\"]\n"),
              IsEmpty())
      << "one that reaches over the internal networks has internal members";
}

TEST(WarningTest, RulesThatCanNeverRaise) {
  EXPECT_THAT(Warnings("verdicts = [\"transit\", \"unattributed\"]\n"),
              ElementsAre("f:8:8: rule \"r\" can never raise: mail with the verdicts it lists "
                          "belongs to no internal host"));
  EXPECT_THAT(Warnings("verdicts = [\"inbound\", \"transit\"]\nroles = [\"client\"]\n"),
              ElementsAre("f:8:8: rule \"r\" can never raise: the clients of inbound mail are "
                          "external, and rule.roles leaves out servers"));
  for (const char* keys : {"verdicts = [\"inbound\"]\n",
                           "verdicts = [\"inbound\"]\nroles = [\"client\", \"server\"]\n",
                           "verdicts = [\"inbound\", \"approved\"]\nroles = [\"client\"]\n"}) {
    EXPECT_THAT(Warnings(keys), IsEmpty()) << keys;
  }
  EXPECT_THAT(Warnings("metric = \"messages\"\nservices = [\"imap\"]\n"),
              ElementsAre(HasSubstr("messages are counted in SMTP only")));
  EXPECT_THAT(Warnings("metric = \"messages\"\nservices = [\"imap\", \"smtp\"]\n"), IsEmpty());
}

TEST(WarningTest, ThingsListedTwice) {
  EXPECT_THAT(Warnings("services = [\"smtp\", \"smtp\"]\n"),
              ElementsAre("f:10:21: rule.services lists \"smtp\" a second time"));
  EXPECT_THAT(Warnings("[[relay]]\nname = \"x\"\nsources = [\"10.0.0.1\", \"10.0.0.1/32\"]\n"),
              ElementsAre("f:12:24: relay.sources lists \"10.0.0.1/32\" a second time"));
  EXPECT_THAT(Warnings("[[group]]\nname = \"x\"\ntags = [\"NAT\", \"nat\"]\n"),
              Contains("f:12:16: group.tags lists \"nat\" a second time"));
}

TEST(WarningTest, AllIsInternal) {
  EXPECT_THAT(
      Texts(Parse("[networks]\ninternal = [\"0.0.0.0/0\", \"::/0\"]\n", "f").warnings),
      Contains("f:2:12: networks.internal covers every address, so no mail is external"));
}

TEST(WarningTest, TheWebPageIsOpenToOthers) {
  EXPECT_THAT(Warnings("[http]\naddress = \"0.0.0.0\"\n"),
              ElementsAre(HasSubstr("f:11:11: http.address is reachable from other hosts")));
  EXPECT_THAT(Warnings("[http]\naddress = \"127.9.9.9\"\n"), IsEmpty());
  EXPECT_THAT(Warnings("[http]\naddress = \"::1\"\n"), IsEmpty());
}

TEST(WarningTest, ARelativeAlertFile) {
  EXPECT_THAT(Warnings("[alerts]\nfile = \"alerts.jsonl\"\n"),
              ElementsAre(HasSubstr("alerts.file is relative")));
}

TEST(WarningTest, IdleImapWouldBeCutInPieces) {
  EXPECT_THAT(Warnings("[timeouts]\nestablished = \"29m\"\n"),
              ElementsAre(HasSubstr("f:11:15: timeouts.established is not above 29m")));
  EXPECT_THAT(Warnings("[timeouts]\nestablished = \"30m\"\n"), IsEmpty());
}

TEST(WarningTest, ComeWithFaultsToo) {
  const ParseResult result = Parse(absl::StrCat(kMinimal, "[http]\nx = 1\n"), "f");
  EXPECT_THAT(result.faults, Not(IsEmpty()));
  EXPECT_THAT(Texts(result.warnings), Contains(HasSubstr("no [[relay]]")));
}

}  // namespace
}  // namespace mailtap::config

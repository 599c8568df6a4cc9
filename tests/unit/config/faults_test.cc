// What is refused, where, and in which words.
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

TEST(FaultTest, WithoutInternalNetworksNothingCanBeJudged) {
  const char kMissing[] =
      "networks.internal is missing: list your own networks, such as [\"10.0.0.0/8\", "
      "\"fd00::/8\"]";
  EXPECT_THAT(Texts(Parse("", "f").faults), ElementsAre(absl::StrCat("f:1:1: ", kMissing)));
  EXPECT_THAT(Texts(Parse("\n[networks]\n", "f").faults),
              ElementsAre(absl::StrCat("f:2:1: ", kMissing)));
  EXPECT_THAT(Texts(Parse("[networks]\ninternal = []\n", "f").faults),
              ElementsAre(absl::StrCat("f:2:12: ", kMissing)));
}

TEST(FaultTest, ASyntaxFaultIsReportedAlone) {
  EXPECT_THAT(FaultsWith("[http]\nport = \nprot = 3\n"),
              ElementsAre(AllOf(StartsWith("f:5:"), HasSubstr("not valid TOML: "))));
  EXPECT_THAT(FaultsWith("[http]\nport = 1\nport = 2\n"),
              ElementsAre(AllOf(StartsWith("f:6:"), HasSubstr("not valid TOML: "))));
  EXPECT_THAT(FaultsWith(absl::string_view("x = \"a\0b\"\n", 10)),
              ElementsAre(HasSubstr("not valid TOML: ")));
  EXPECT_THAT(FaultsWith("x = \"\xff\xfe\"\n"), ElementsAre(HasSubstr("not valid TOML: ")));
}

TEST(FaultTest, AllOthersAreReportedAtOnceInFileOrder) {
  EXPECT_THAT(
      FaultsWith("[timeouts]\nclosed = \"1h\"\n\n[http]\nprot = 80\nport = 0\n"
                 "[[rule]]\nname = \"r\"\nwindow = \"2d\"\nraise = \"1MB\"\n"),
      ElementsAre("f:5:10: timeouts.closed must be a duration such as \"5m\" (units s m "
                  "h d) from 1s to 10m, not \"1h\"",
                  "f:8:1: unknown key http.prot; did you mean port?",
                  "f:9:8: http.port must be an integer from 1 to 65535, not 0",
                  "f:12:10: rule.window must be a duration such as \"5m\" (units s m h "
                  "d) from 10s to 1d, not \"2d\""));
}

TEST(FaultTest, UnknownKeysNameTheNearestKnownOne) {
  EXPECT_THAT(FaultsWith("[htpp]\nport = 1\n"),
              ElementsAre("f:4:2: unknown key htpp; did you mean http?"));
  EXPECT_THAT(FaultsWith("[[rules]]\nname = \"x\"\n"),
              ElementsAre("f:4:3: unknown key rules; did you mean rule?"));
  EXPECT_THAT(FaultsWith("[services.stmp]\nports = [25]\n"),
              ElementsAre("f:4:11: unknown key services.stmp; did you mean smtp?"));
  EXPECT_THAT(FaultsWith("[timeouts]\nestablised = \"1h\"\n"),
              ElementsAre(HasSubstr("timeouts.establised; did you mean established?")));
  EXPECT_THAT(FaultsWith("[http]\npassword = \"x\"\n"),
              ElementsAre("f:5:1: unknown key http.password"));
  EXPECT_THAT(FaultsWith("[http]\n\"\" = 1\n"), ElementsAre("f:5:1: unknown key http.\"\""));
  EXPECT_THAT(FaultsWith("[http]\n\"\\u001b[31m\\u009bx\" = 1\n"),
              ElementsAre("f:5:1: unknown key http.\"\\u001B[31m\\u009Bx\""));
}

TEST(FaultTest, WrongTypesSayWhatBelongsThere) {
  EXPECT_THAT(FaultsWith("http = 3\n"), ElementsAre(HasSubstr("unknown key networks.http")))
      << "a key after a table's heading belongs to that table";
  EXPECT_THAT(Texts(Parse(absl::StrCat("http = 3\n", kMinimal), "f").faults),
              ElementsAre("f:1:8: http must be a table, [http], not 3"));
  EXPECT_THAT(
      FaultsWith("[http]\nport = \"80\"\naddress = 1\ntimeout = 10\n"),
      ElementsAre(HasSubstr("http.port must be an integer from 1 to 65535, not \"80\""),
                  HasSubstr("http.address must be a text of 1 to 128 bytes, not 1"),
                  HasSubstr("http.timeout must be a duration such as \"5m\" (units s m h "
                            "d) from 1s to 10m, not 10")));
  EXPECT_THAT(FaultsWith("[dataplane]\npromiscuous = \"yes\"\nmbufs = [1]\nmtu = 1.5\n"
                         "idle_sleep_us = 1001\n"),
              ElementsAre(HasSubstr("dataplane.promiscuous must be true or false, not \"yes\""),
                          HasSubstr("not an array"), HasSubstr("not 1.5"),
                          HasSubstr("dataplane.idle_sleep_us must be an integer from 0 to "
                                    "1000, not 1001")));
  EXPECT_THAT(FaultsWith("[dataplane]\nrx_descriptors = 65536\nmbufs = 1023\nmtu = 575\n"),
              ElementsAre("f:5:18: dataplane.rx_descriptors must be an integer from 64 to "
                          "65535, not 65536",
                          "f:6:9: dataplane.mbufs must be 0, for as many as it takes, or from "
                          "1024 to 67108864, not 1023",
                          "f:7:7: dataplane.mtu must be 0, for 9216 where the port takes that, "
                          "or from 576 to 65535, not 575"));
  EXPECT_THAT(FaultsWith("[dataplane]\nrx_descriptors = 65535\nmbufs = 1024\nmtu = 0\n"),
              IsEmpty());
  EXPECT_THAT(FaultsWith("[relay]\nname = \"x\"\n"),
              ElementsAre("f:4:1: relay must be written as [[relay]], once for each entry"));
  EXPECT_THAT(FaultsWith("[services.smtp]\nports = 25\ntls_ports = [\"465\", 0, 70000]\n"),
              ElementsAre(HasSubstr("services.smtp.ports must be an array, not 25"),
                          HasSubstr("an array of ports from 1 to 65535, not \"465\""),
                          HasSubstr("not 0"), HasSubstr("not 70000")));
}

TEST(FaultTest, NetworksAreCheckedOneByOne) {
  EXPECT_THAT(
      FaultsWith("[[group]]\nname = \"g\"\nmembers = [\"10.1.2.3/8\", \"10.0.0.256\", 10, "
                 "\"mail.example.net\", \"10.1.0.0/33\"]\n"),
      ElementsAre("f:6:12: group.members: \"10.1.2.3/8\" has bits set past its prefix length; "
                  "did you mean 10.0.0.0/8?",
                  HasSubstr("\"10.0.0.256\" is not an IP address"),
                  HasSubstr("group.members must be an array of networks such as"),
                  HasSubstr("\"mail.example.net\" is not an IP address"),
                  HasSubstr("needs a prefix length from 0 to 32")));
}

TEST(FaultTest, RelayKeysSayWhatTheyMayBe) {
  EXPECT_THAT(FaultsWith("[[relay]]\nname = \"x\"\nnames = [\"*.example.net\", \"a b\", 1]\n"
                         "expires = \"2027-06-30\"\nmode = \"off\"\ntrust = \"all\"\n"
                         "direction = \"up\"\n"),
              ElementsAre(HasSubstr("f:6:27: relay.names: \"a b\" is not a host name"),
                          HasSubstr("f:6:34: relay.names must be an array of names"),
                          HasSubstr("f:7:11: relay.expires must be a date such as 2027-06-30"),
                          HasSubstr("f:8:8: relay.mode must be one of enforce, observe"),
                          HasSubstr("f:9:9: relay.trust must be one of dns, claimed"),
                          HasSubstr("f:10:13: relay.direction must be one of outbound")));
  EXPECT_THAT(FaultsWith("[[relay]]\nname = \"x\"\nnames = []\n"),
              ElementsAre(HasSubstr("relay.names must not be empty")));
}

TEST(FaultTest, RelayFilesSayWhatTheyMayBe) {
  EXPECT_THAT(FaultsWith("[[relay_file]]\nname = \"x\"\n[[relay_file]]\nname = \"y\"\n"
                         "path = \"a.txt\"\nformat = \"xml\"\nservice_areas = [\"Exchange\"]\n"
                         "[[relay_file]]\nname = \"y\"\npath = \"a.txt\"\n"),
              ElementsAre(HasSubstr("f:4:1: relay_file.path is missing"),
                          HasSubstr("f:9:10: relay_file.format must be one of list, csv"),
                          HasSubstr("f:10:17: relay_file.service_areas is for the format"),
                          HasSubstr("f:12:8: relay_file.name \"y\" is used already"),
                          HasSubstr("f:13:8: relay_file.path \"a.txt\" is listed already")));
}

TEST(FaultTest, DnsKeysSayWhatTheyMayBe) {
  EXPECT_THAT(FaultsWith("[dns]\nresolvers = [\"ns1\"]\ngrace = \"8d\"\nnames = 10\n"),
              ElementsAre(HasSubstr("\"ns1\" is not an IP address"),
                          HasSubstr("dns.grace must be a duration"),
                          HasSubstr("dns.names must be an integer from 1024")));
}

TEST(FaultTest, AnEmptyListIsNotAny) {
  EXPECT_THAT(FaultsWith("[[relay]]\nname = \"x\"\nsources = []\nports = []\n"),
              ElementsAre("f:6:11: relay.sources must not be empty; leave the key out for any",
                          "f:7:9: relay.ports must not be empty; leave the key out for any"));
}

TEST(FaultTest, RequiredKeys) {
  EXPECT_THAT(FaultsWith("[[relay]]\n[[group]]\n[[rule]]\n"),
              ElementsAre("f:4:1: relay.name is missing: give a name",
                          "f:5:1: group.name is missing: give a name",
                          "f:5:1: group.members is missing: give the group's networks, such as "
                          "[\"10.1.0.0/16\"], or the roles, units or tags of its assets",
                          "f:6:1: rule.name is missing: give a name",
                          "f:6:1: rule.raise is missing: give a size such as \"50MB\""));
}

TEST(FaultTest, NamesAreUniqueShortAndPrintable) {
  EXPECT_THAT(
      FaultsWith("[[rule]]\nname = \"x\"\nraise = 1\n[[rule]]\nname = \"x\"\nraise = 2\n"),
      ElementsAre("f:8:8: rule.name \"x\" is used already at line 5"));
  EXPECT_THAT(FaultsWith("[sensor]\nname = \"a\\u0000b\"\n"),
              ElementsAre("f:5:8: sensor.name must be a text without control characters, not "
                          "\"a\\u0000b\""));
  EXPECT_THAT(FaultsWith("[sensor]\nname = \" \"\n"),
              ElementsAre("f:5:8: sensor.name must be a text of 1 to 128 bytes, not \" \""));
  EXPECT_THAT(
      FaultsWith(absl::StrCat("[sensor]\nname = \"", std::string(500, 'x'), "\"\n")),
      ElementsAre(absl::StrCat("f:5:8: sensor.name must be a text of 1 to 128 bytes, not \"",
                               std::string(60, 'x'), "\"...")));
}

std::vector<std::string> RuleFaults(absl::string_view keys) {
  return FaultsWith(absl::StrCat("[[rule]]\nname = \"r\"\n", keys));
}

TEST(FaultTest, Thresholds) {
  EXPECT_THAT(RuleFaults("raise = \"20MB\"\nclear = \"50MB\"\n"),
              ElementsAre(StartsWith("f:7:9: rule.clear must not be above rule.raise")));
  EXPECT_THAT(RuleFaults("raise = \"20 mb\"\n"),
              ElementsAre("f:6:9: rule.raise must be a size such as \"50MB\" (units B kB MB GB "
                          "KiB MiB GiB) from 1B to 8388608GiB, not \"20 mb\""));
  for (const char* raise : {"0", "-1", "1.5", "\"0B\"", "true", "inf"}) {
    EXPECT_THAT(RuleFaults(absl::StrCat("raise = ", raise, "\n")), SizeIs(1)) << raise;
  }
  for (const char* raise : {"0", "-1", "\"5\"", "\"5MB\"", "inf", "nan", "1e16", "0.0"}) {
    EXPECT_THAT(RuleFaults(absl::StrCat("metric = \"sessions\"\nraise = ", raise, "\n")),
                ElementsAre(StartsWith("f:7:9: rule.raise must be a number above 0")))
        << raise;
  }
}

TEST(FaultTest, RulesNameWhatExists) {
  EXPECT_THAT(
      FaultsWith("[[group]]\nname = \"workstations\"\nmembers = [\"10.1.0.0/16\"]\n"
                 "[[rule]]\nname = \"r\"\nraise = 1\ngroups = [\"workstation\", \"zzz\"]\n"),
      ElementsAre("f:10:11: rule.groups: there is no [[group]] named \"workstation\"; did you "
                  "mean workstations?",
                  "f:10:26: rule.groups: there is no [[group]] named \"zzz\""));
  EXPECT_THAT(RuleFaults("raise = 1\nservices = [\"smpt\"]\nverdicts = [\"bad\"]\n"
                         "roles = [\"both\"]\nseverity = \"urgent\"\n"),
              ElementsAre("f:7:13: rule.services must be one of smtp, imap, pop3, not \"smpt\"",
                          HasSubstr("one of transit, inbound, approved, unapproved_external, "
                                    "unapproved_internal, unattributed, not \"bad\""),
                          HasSubstr("one of client, server, not \"both\""),
                          HasSubstr("one of low, medium, high, critical, not \"urgent\"")));
  EXPECT_THAT(RuleFaults("raise = 1\nmetric = \"bytes\"\n"),
              ElementsAre(HasSubstr("one of sent_bytes, received_bytes, sessions, messages, "
                                    "distinct_peers, sent_received_ratio, rejected, new_peers, "
                                    "failed_sessions, not \"bytes\"")));
}

TEST(FaultTest, APortStandsForOneService) {
  EXPECT_THAT(FaultsWith("[services.smtp]\nports = [25, 143]\n"),
              ElementsAre("f:5:9: services.smtp.ports: port 143 is also in services.imap.ports "
                          "(by default); a port can stand for one only"));
  EXPECT_THAT(FaultsWith("[services.imap]\nports = [143, 993]\ntls_ports = [993]\n"),
              ElementsAre("f:6:13: services.imap.tls_ports: port 993 is also in "
                          "services.imap.ports; a port can stand for one only"));
}

TEST(FaultTest, APortStandsForOneKindOfTunnel) {
  EXPECT_THAT(FaultsWith("[tunnels]\nvxlan = [4789, 6081]\n"),
              ElementsAre("f:5:9: tunnels.vxlan: port 6081 is also in tunnels.geneve (by "
                          "default); a port can stand for one only"));
  EXPECT_THAT(FaultsWith("[tunnels]\nvxlan = [4789, 6081]\ngeneve = [6082]\n"), IsEmpty());
  EXPECT_THAT(FaultsWith("[tunnels]\nvxlan = [53]\n"),
              ElementsAre("f:5:9: tunnels.vxlan: port 53 is also in [dns] (by default); a port "
                          "can stand for one only"));
}

TEST(FaultTest, TheWebPageListensOnAnAddress) {
  EXPECT_THAT(FaultsWith("[http]\naddress = \"localhost\"\n"),
              ElementsAre("f:5:11: http.address must be an IP address to listen on, not "
                          "\"localhost\""));
}

TEST(FaultTest, TlsNamesArePatternsOfHostNames) {
  EXPECT_THAT(
      FaultsWith("[tls]\nimap_names = [\"imap.*.*\", \"a b.c\", 7]\nweb_ports = [0]\n"),
      ElementsAre(AllOf(StartsWith("f:5:27: tls.imap_names: \"a b.c\" is not a host name"),
                        HasSubstr("pattern of host names")),
                  AllOf(StartsWith("f:5:36: tls.imap_names must be an array of names"),
                        HasSubstr("not 7")),
                  AllOf(StartsWith("f:6:14: tls.web_ports must be an array of ports"),
                        HasSubstr("not 0"))));
}

TEST(FaultTest, SizesOutOfRange) {
  EXPECT_THAT(
      FaultsWith("[limits]\nring = \"1KiB\"\nsessions = 1\nholes = 999999999999\n"),
      ElementsAre("f:5:8: limits.ring must be a size such as \"16MiB\" (units B kB MB GB "
                  "KiB MiB GiB) from 64KiB to 1GiB, not \"1KiB\"",
                  HasSubstr("limits.sessions must be an integer from 1024 to"),
                  HasSubstr("limits.holes must be an integer from 64 to")));
}

TEST(FaultTest, NestingIsBounded) {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += ".a";
  const std::string kTooDeep = "a key has more than 16 parts";
  EXPECT_THAT(FaultsWith(absl::StrCat(key, " = 1\n")), ElementsAre("f:4:32: " + kTooDeep));
  EXPECT_THAT(FaultsWith(absl::StrCat("[", key, "]\n")), ElementsAre("f:4:33: " + kTooDeep));
  EXPECT_THAT(FaultsWith(absl::StrCat("x = { ", key, " = 1 }\n")), SizeIs(1));
  EXPECT_THAT(FaultsWith("x.'a.b'.\"c\\\".\".d.e.f.g.h.i.j.k.l.m.n.o.p = 1\n"), SizeIs(1));
  EXPECT_THAT(FaultsWith(absl::StrCat("x = ", std::string(200'000, '['), "\n")),
              ElementsAre(HasSubstr("not valid TOML")));
  // Dots that separate no parts.
  const std::string dots(40, '.');
  EXPECT_THAT(FaultsWith(absl::StrCat("# ", dots, "\n[[relay]]\nname = \"", dots, "\\\"", dots,
                                      "\"\nowner = '", dots, "\"'\nreason = \"\"\"", dots, "\"",
                                      dots, "\"\"\"\nports = [1,\n", "2]\n")),
              IsEmpty());
}

// Whatever comes in, a result comes out: cut and altered copies of a valid text.
TEST(FaultTest, DamagedTextNeverDoesWorseThanAFault) {
  const std::string whole = absl::StrCat(
      kMinimal,
      "[[relay]]\nname = \"é\\u00e9\"\nsources = [\"10.20.0.10\"]\n[[rule]]\nname = "
      "\"r\"\nraise = \"1.5MB\"\nclear = 1\nhold = \"1h\"\n[http]\nport = 0x50\n");
  EXPECT_THAT(Texts(Parse(whole, "f").faults), IsEmpty());
  for (size_t i = 0; i < whole.size(); ++i) {
    Parse(absl::string_view(whole).substr(0, i), "f");
    for (const char c : {'\0', '"', '[', ']', '\n', '=', '.', '\\', '\x80', '9'}) {
      std::string altered = whole;
      altered[i] = c;
      const ParseResult result = Parse(altered, "f");
      EXPECT_EQ(result.config.has_value(), result.faults.empty());
    }
  }
}

}  // namespace
}  // namespace mailtap::config

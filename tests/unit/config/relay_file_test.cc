#include "lib/config/relay_file.h"

#include <fstream>

#include "lib/config/csv.h"
#include "lib/config/name_pattern.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

RelayFile File(RelayFormat format) {
  RelayFile file;
  file.path = "feed";
  file.format = format;
  file.entry.name = "cloud";
  file.entry.owner = "messaging team";
  return file;
}
RelayFileContent Read(const RelayFile& file, absl::string_view text) {
  return ParseRelayFile(file, text, "Europe/Berlin");
}

TEST(RelayFileTest, AListIsOneEntryOfAddressesAndNames) {
  const auto content = Read(File(RelayFormat::kList),
                            "# ours\n192.0.2.0/28  # gateway\r\n\n*.Mail.Example.com.\n"
                            "2001:db8::1\n");
  ASSERT_THAT(Texts(content.faults), IsEmpty());
  ASSERT_THAT(content.relays, SizeIs(1));
  const Relay& relay = content.relays[0];
  EXPECT_EQ(relay.name, "cloud");
  EXPECT_EQ(relay.owner, "messaging team");
  EXPECT_EQ(relay.file, "feed");
  EXPECT_TRUE(relay.either);
  EXPECT_THAT(relay.destinations, ElementsAre(net::ParsePrefix("192.0.2.0/28").value(),
                                              net::ParsePrefix("2001:db8::1").value()));
  EXPECT_THAT(relay.names, ElementsAre("*.mail.example.com"));
}

TEST(RelayFileTest, AFaultyLineMakesTheWholeFileFaulty) {
  const auto content =
      Read(File(RelayFormat::kList), "192.0.2.0/28\n192.0.2.300\na b\n10.0.0.1/8\n");
  EXPECT_THAT(content.relays, IsEmpty());
  EXPECT_THAT(Texts(content.faults), ElementsAre(HasSubstr("feed:2:1: \"192.0.2.300\" is not"),
                                                 HasSubstr("feed:3:1: \"a b\" is not a host"),
                                                 HasSubstr("feed:4:1: \"10.0.0.1/8\"")));
}

TEST(RelayFileTest, AnEmptiedListTakesNothingBack) {
  for (const char* text : {"", "# nothing\n"}) {
    EXPECT_THAT(Texts(Read(File(RelayFormat::kList), text).faults),
                ElementsAre(HasSubstr("holds no entry")));
  }
  EXPECT_THAT(Texts(Read(File(RelayFormat::kMicrosoft365), "[]").faults),
              ElementsAre(HasSubstr("holds no entry")));
  const auto csv = Read(File(RelayFormat::kCsv), "name,names\n# none any more\n");
  EXPECT_THAT(Texts(csv.faults), IsEmpty());
  EXPECT_THAT(Texts(csv.warnings),
              ElementsAre("feed:1:1: holds no entry, and so approves nothing"));
  EXPECT_THAT(Texts(Read(File(RelayFormat::kCsv), "").faults),
              ElementsAre(HasSubstr("no row of column names")));
}

TEST(RelayFileTest, ACsvRowIsAnEntry) {
  const auto content = Read(
      File(RelayFormat::kCsv),
      "name,destinations,names,services,ports,expires,mode,ticket,owner,direction,trust\n"
      "# a comment\n"
      "\"Müller, branch\",192.0.2.1 192.0.2.2,,smtp;imap,25;993,2027-06-30,observe,C-1,,,\n"
      "mx,,mx.example.net,,1000-1002,,,,branch team,outbound,claimed\n");
  ASSERT_THAT(Texts(content.faults), IsEmpty());
  ASSERT_THAT(content.relays, SizeIs(2));
  const Relay& first = content.relays[0];
  EXPECT_EQ(first.name, "cloud: Müller, branch");
  EXPECT_THAT(first.destinations, SizeIs(2));
  EXPECT_THAT(first.services, ElementsAre(Service::kSmtp, Service::kImap));
  EXPECT_THAT(first.ports, ElementsAre(25, 993));
  EXPECT_EQ(first.expires, (Date{2027, 6, 30}));
  EXPECT_EQ(first.ends, 1'814'392'800) << "midnight in Berlin";
  EXPECT_EQ(first.mode, RelayMode::kObserve);
  EXPECT_EQ(first.owner, "messaging team") << "as the [[relay_file]] says";
  EXPECT_EQ(first.line, 3);
  EXPECT_FALSE(first.either);
  const Relay& second = content.relays[1];
  EXPECT_THAT(second.ports, ElementsAre(1000, 1001, 1002));
  EXPECT_EQ(second.owner, "branch team");
  EXPECT_EQ(second.direction, MailFlow::kOutbound);
  EXPECT_EQ(second.trust, RelayTrust::kClaimed);
}

TEST(RelayFileTest, ACsvSaysWhereItIsFaulty) {
  const auto faults = [](absl::string_view text) {
    return Texts(Read(File(RelayFormat::kCsv), text).faults);
  };
  EXPECT_THAT(faults("name,nmaes\nx,y\n"),
              ElementsAre("feed:1:1: unknown column \"nmaes\"; did you mean names?"));
  EXPECT_THAT(faults("names\nmx.example.net\n"), ElementsAre(HasSubstr("no column name")));
  EXPECT_THAT(faults("name,names\nx\n"),
              ElementsAre("feed:2:1: the row has 1 fields, but 2 columns are named"));
  EXPECT_THAT(faults("name,names\n,a.example\nx\ny,\n"),
              ElementsAre(HasSubstr("feed:2:1: "), HasSubstr("feed:3:1: the row has 1 fields"),
                          HasSubstr("feed:4:1: ")));
  EXPECT_THAT(faults("name,destinations\nx,bad\n"),
              ElementsAre("feed:2:1: \"bad\" is not an IP address"));
  EXPECT_THAT(faults("name,destinations\nx,\"\x1b[2J\"\n"),
              ElementsAre("feed:2:1: \"\\u001B[2J\" is not an IP address"));
  EXPECT_THAT(faults("name,names\na,\"b\nc,d\ne,f\n"),
              ElementsAre(HasSubstr("feed:2:1: not valid CSV: a quote")))
      << "where the row begins";
  EXPECT_THAT(faults("name,names\nx,\"y\n"), ElementsAre(HasSubstr("a quote is out of place")));
  EXPECT_THAT(faults("name,names,names\nx,a,b\n"),
              ElementsAre(HasSubstr("stands there twice")));
  EXPECT_THAT(faults("name,names,ports,expires\nx,mx.example.net,0,2027-02-30\n,,,\n"),
              ElementsAre(HasSubstr("feed:2:1: ports must be from 1 to 65535"),
                          HasSubstr("feed:2:1: expires must be a date"),
                          HasSubstr("feed:3:1: the entry has no name"),
                          HasSubstr("feed:3:1: the entry would approve everything")));
  EXPECT_THAT(faults(""), ElementsAre(HasSubstr("no row of column names")));
}

constexpr char kEndpoints[] = R"([
  {"id": 9, "serviceArea": "Exchange", "urls": ["*.protection.example.com"],
   "ips": ["192.0.2.0/28", "2001:db8::/48"], "tcpPorts": "25", "category": "Allow"},
  {"id": 31, "serviceArea": "SharePoint", "urls": ["files.example.com"],
   "tcpPorts": "80,443"},
  {"id": 12, "serviceArea": "Exchange", "ips": ["192.0.2.16/28"], "udpPorts": "3478"}
])";

TEST(RelayFileTest, MicrosoftsEndpointsBecomeEntriesOfTheAreasAskedFor) {
  RelayFile file = File(RelayFormat::kMicrosoft365);
  const auto all = Read(file, kEndpoints);
  ASSERT_THAT(Texts(all.faults), IsEmpty());
  EXPECT_THAT(all.relays, SizeIs(2)) << "without those that have no TCP port";
  file.service_areas = {"Exchange"};
  const auto exchange = Read(file, kEndpoints);
  ASSERT_THAT(exchange.relays, SizeIs(1));
  const Relay& relay = exchange.relays[0];
  EXPECT_EQ(relay.name, "cloud: Exchange 9");
  EXPECT_TRUE(relay.either);
  EXPECT_THAT(relay.names, ElementsAre("*.protection.example.com"));
  EXPECT_THAT(relay.destinations, SizeIs(2));
  EXPECT_THAT(relay.ports, ElementsAre(25));
  EXPECT_EQ(relay.line, 2);
}

TEST(RelayFileTest, OtherJsonIsRefused) {
  const auto faults = [](absl::string_view text) {
    return Texts(Read(File(RelayFormat::kMicrosoft365), text).faults);
  };
  EXPECT_THAT(faults("[\n{]"), ElementsAre("feed:2:2: not valid JSON"));
  EXPECT_THAT(faults("[{\"id\": 1e999}]"),
              ElementsAre("feed:1:1: holds a number that is too large"));
  EXPECT_THAT(faults("{}"), ElementsAre("feed:1:1: the JSON must be an array of objects"));
  EXPECT_THAT(
      faults("[\n1,\n{\"id\": \"x\"}]"),
      ElementsAre(HasSubstr("feed:2:1: element 1: must be an object with an integer id"),
                  HasSubstr("feed:3:1: element 2: must be an object")));
  // It comes in one line.
  EXPECT_THAT(faults(R"([{"id":1,"serviceArea":"A","ips":["10.0.0.0/8"],"tcpPorts":"25"},)"
                     R"({"id":2,"serviceArea":"A","urls":["a b"],"tcpPorts":"25"}])"),
              ElementsAre(HasSubstr("feed:1:1: element 2: \"a b\" is not a host name")));
}

TEST(NamePatternTest, AStarStandsForAnything) {
  EXPECT_TRUE(Fits("*.example.com", "a.b.example.com"));
  EXPECT_FALSE(Fits("*.example.com", "example.com"));
  EXPECT_TRUE(Fits("autodiscover.*.com", "autodiscover.x.y.com"));
  EXPECT_TRUE(Fits("mx?.example.com", "mx1.example.com"));
  EXPECT_FALSE(Fits("mx?.example.com", "mx.example.com"));
  EXPECT_FALSE(Fits("example.com", "example.com.evil.example"));
  EXPECT_TRUE(Fits("**", ""));
}

class LoadFileTest : public testing::Test {
 protected:
  void Write(const std::string& name, absl::string_view text) {
    std::ofstream(folder_.File(name)) << text;
  }
  ParseResult Load() { return LoadFile(folder_.File("mailtap.toml")); }

  const TempDir folder_;
};

constexpr char kWithFile[] =
    "[networks]\ninternal = [\"10.0.0.0/8\"]\n"
    "[[relay]]\nname = \"own\"\ndestinations = [\"192.0.2.99\"]\n"
    "[[relay_file]]\nname = \"feed\"\npath = \"feed.txt\"\n";

TEST_F(LoadFileTest, PutsTheFilesEntriesBehindTheConfigurationsOwn) {
  Write("mailtap.toml", kWithFile);
  Write("feed.txt", "192.0.2.1\n");
  const ParseResult loaded = Load();
  ASSERT_THAT(Texts(loaded.faults), IsEmpty());
  ASSERT_THAT(loaded.config->relays, SizeIs(2));
  EXPECT_EQ(loaded.config->relays[1].name, "feed");
  Write("feed.txt", "192.0.2.2\n");
  EXPECT_NE(Load().config->version, loaded.config->version);
}

TEST_F(LoadFileTest, RefusesWhatItCantReadAndNamesUsedTwice) {
  Write("mailtap.toml", kWithFile);
  EXPECT_THAT(
      Texts(Load().faults),
      ElementsAre(AllOf(HasSubstr("feed.txt:1:1: can't be read"),
                        HasSubstr("; relay_file.path in line 6 of the configuration"))));
  Write("mailtap.toml", absl::StrCat(kWithFile,
                                     "[[relay]]\nname = \"feed\"\n"
                                     "destinations = [\"192.0.2.98\"]\n"));
  Write("feed.txt", "192.0.2.1\n");
  EXPECT_THAT(Texts(Load().faults),
              ElementsAre(HasSubstr("relay name \"feed\" is used already")));
  Write("feed.txt", "192.0.2.1  # M\xfcller\n");
  EXPECT_THAT(Texts(Load().faults), ElementsAre(HasSubstr("feed.txt:1:1: not valid UTF-8")));
}

TEST_F(LoadFileTest, WarnsOfAFileThatComesToApproveEverything) {
  Write("mailtap.toml", kWithFile);
  Write("feed.txt", "192.0.2.1\n");
  const ParseResult loaded = Load();
  EXPECT_THAT(Texts(loaded.warnings), Not(Contains(HasSubstr("feed"))));
  EXPECT_THAT(RefreshRelays(*loaded.config).warnings, IsEmpty());
  Write("feed.txt", "0.0.0.0/0\n::/0\n");
  const auto warning =
      HasSubstr("feed.txt:1:1: relay \"feed\" matches mail from anywhere to anywhere");
  EXPECT_THAT(Texts(RefreshRelays(*loaded.config).warnings), ElementsAre(warning));
  EXPECT_THAT(Texts(Load().warnings), Contains(warning));
}

TEST_F(LoadFileTest, WarnsOfACsvFileThatComesUpEmpty) {
  Write("mailtap.toml",
        "[networks]\ninternal = [\"10.0.0.0/8\"]\n"
        "[[relay_file]]\nname = \"feed\"\npath = \"feed.csv\"\n");
  Write("feed.csv", "name,destinations\nmx,192.0.2.1\n");
  const ParseResult loaded = Load();
  EXPECT_THAT(RefreshRelays(*loaded.config).warnings, IsEmpty());
  Write("feed.csv", "name,destinations\n");
  const auto warning = HasSubstr("feed.csv:1:1: holds no entry");
  const RefreshedRelays refreshed = RefreshRelays(*loaded.config);
  EXPECT_THAT(refreshed.config.relays, IsEmpty());
  EXPECT_THAT(Texts(refreshed.warnings), ElementsAre(warning));
  EXPECT_THAT(Texts(Load().warnings), Contains(warning));
}

TEST_F(LoadFileTest, AFaultyFileKeepsItsEntriesWhileOthersAreRefreshed) {
  Write("mailtap.toml", absl::StrCat(kWithFile,
                                     "[[relay_file]]\nname = \"other\"\n"
                                     "path = \"other.txt\"\n"));
  Write("feed.txt", "192.0.2.1\n");
  Write("other.txt", "192.0.2.2\n");
  const Config running = *Load().config;
  EXPECT_EQ(RefreshRelays(running).config.version, running.version);
  Write("feed.txt", "192.0.2.\n");
  Write("other.txt", "192.0.2.3\n");
  const RefreshedRelays refreshed = RefreshRelays(running);
  EXPECT_THAT(Texts(refreshed.faults), SizeIs(1));
  ASSERT_THAT(refreshed.config.relays, SizeIs(3));
  EXPECT_EQ(net::ToString(refreshed.config.relays[1].destinations[0]), "192.0.2.1");
  EXPECT_EQ(net::ToString(refreshed.config.relays[2].destinations[0]), "192.0.2.3");
  EXPECT_NE(refreshed.config.version, running.version);
}

}  // namespace
}  // namespace mailtap::config

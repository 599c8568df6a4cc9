// The files in conf/ are what they say they are.
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "lib/config/relay_file.h"
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::IsEmpty;

ParseResult Shipped(const char* name) {
  return ParseFile(absl::StrCat(MAILTAP_CONF, "/", name));
}

TEST(ShippedTest, TheDefaultConfigurationIsAccepted) {
  const ParseResult result = Shipped("mailtap.toml");
  EXPECT_THAT(Texts(result.faults), IsEmpty());
  ASSERT_TRUE(result.config.has_value());
  EXPECT_FALSE(result.config->rules.empty());
}

// Every value that it states for a setting is the program's default.
TEST(ShippedTest, TheDefaultConfigurationStatesTheDefaults) {
  ParseResult shipped = Shipped("mailtap.toml");
  ASSERT_TRUE(shipped.config.has_value());
  Config defaults = Accepted(kMinimal);
  for (Config* config : {&*shipped.config, &defaults}) {
    config->sensor.name = "any";
    config->networks.internal.clear();
    config->relays.clear();
    config->groups.clear();
    config->rules.clear();
  }
  EXPECT_EQ(ToToml(*shipped.config), ToToml(defaults));
}

// Every key that there is stands in it, if only in a comment.
TEST(ShippedTest, TheDefaultConfigurationExplainsEveryKey) {
  std::ifstream in(absl::StrCat(MAILTAP_CONF, "/mailtap.toml"));
  std::stringstream text;
  text << in.rdbuf();
  Config config = AcceptedWith(
      "[[relay]]\nname = \"x\"\nsources = [\"10.0.0.1\"]\ndestinations = [\"10.0.0.1\"]\n"
      "services = [\"smtp\"]\nports = [25]\nnames = [\"mx.example.net\"]\n"
      "direction = \"inbound\"\nexpires = 2027-06-30\n"
      "[[relay_file]]\nname = \"f\"\npath = \"x.json\"\nservice_areas = [\"Exchange\"]\n"
      "[[group]]\nname = \"g\"\nmembers = [\"10.0.0.1\"]\n"
      "[[rule]]\nname = \"r\"\nraise = 1\ngroups = [\"g\"]\nservices = [\"smtp\"]\n"
      "roles = [\"client\"]\n");
  const std::string printed = ToToml(config);
  for (const absl::string_view line : absl::StrSplit(printed, '\n', absl::SkipEmpty())) {
    const bool heading = line[0] == '[';
    const std::string key(heading ? line : line.substr(0, line.find(" = ") + 3));
    EXPECT_TRUE(absl::StrContains(text.str(), key)) << "mailtap.toml explains no " << key;
  }
}

TEST(ShippedTest, TheExamplesOfRelayFilesAreAccepted) {
  for (const auto& [name, entries] : std::vector<std::pair<std::string, std::size_t>>{
           {"provider.txt", 1}, {"exceptions.csv", 2}, {"endpoints.json", 3}}) {
    const Config config = AcceptedWith(absl::StrCat("[[relay_file]]\nname = \"x\"\npath = \"",
                                                    MAILTAP_CONF, "/relays/", name, "\"\n"));
    const RelayFileContent content = ReadRelayFile(config.relay_files[0], "UTC");
    EXPECT_THAT(Texts(content.faults), IsEmpty()) << name;
    EXPECT_EQ(content.relays.size(), entries) << name;
  }
}

TEST(ShippedTest, TheDemonstrationIsAcceptedWithoutWarning) {
  const ParseResult result = Shipped("demo.toml");
  EXPECT_THAT(Texts(result.faults), IsEmpty());
  EXPECT_THAT(Texts(result.warnings), IsEmpty());
}

}  // namespace
}  // namespace mailtap::config

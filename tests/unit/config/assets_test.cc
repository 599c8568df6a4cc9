#include "lib/config/assets.h"

#include <fstream>

#include "lib/config/relay_file.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(AssetsTest, ColumnsComeInAnyOrder) {
  const AssetsContent content = ParseAssets(
      "# the inventory\nname,Address,tags,owner\n\"desk, first floor\",10.1.0.0/24,,Ada\n"
      "nat,10.2.0.1,NAT;guest wifi,\nsix,fd00::1,,\n",
      "a.csv");
  EXPECT_THAT(Texts(content.faults), IsEmpty());
  ASSERT_EQ(content.assets.size(), 3u);
  EXPECT_EQ(content.assets[0].name, "desk, first floor");
  EXPECT_EQ(content.assets[0].owner, "Ada");
  EXPECT_EQ(net::ToString(content.assets[0].prefix), "10.1.0.0/24");
  EXPECT_FALSE(content.assets[0].shared());
  EXPECT_THAT(content.assets[1].tags, ElementsAre("nat", "guest", "wifi"));
  EXPECT_TRUE(content.assets[1].shared());
}

TEST(AssetsTest, AFaultRefusesTheWholeFile) {
  const AssetsContent content =
      ParseAssets("address,name\n10.1.0.1,a\n10.1.0.300,b\n10.1.0.2,\"c\td\"\n", "a.csv");
  EXPECT_THAT(Texts(content.faults),
              ElementsAre("a.csv:3:1: \"10.1.0.300\" is not an IP address",
                          "a.csv:4:1: name must be a text of at most 128 bytes without control "
                          "characters"));
  EXPECT_THAT(content.assets, IsEmpty());
}

TEST(AssetsTest, AnAddressStandsThereOnce) {
  EXPECT_THAT(Texts(ParseAssets("address\n10.1.0.1\n10.1.0.2\n10.1.0.1/32\n", "a").faults),
              ElementsAre("a:4:1: 10.1.0.1 stands already in line 2"));
}

TEST(AssetsTest, FaultsOfAllKindsAreListedByLine) {
  EXPECT_THAT(
      Texts(ParseAssets("address,name\n10.1.0.1,a\nx,b\n10.1.0.1,c\n10.1.0.2\ny,d\n", "a")
                .faults),
      ElementsAre(HasSubstr("a:3:1: \"x\" is not"), HasSubstr("a:4:1: 10.1.0.1 stands"),
                  HasSubstr("a:5:1: the row has 1 fields"), HasSubstr("a:6:1: \"y\" is not")));
}

TEST(AssetsTest, TheAddressIsRequired) {
  EXPECT_THAT(Texts(ParseAssets("name,role\nx,y\n", "a").faults),
              testing::Contains("a:1:1: the column address is missing"));
}

// A folder with a configuration that names an inventory.
class AssetsFileTest : public testing::Test {
 protected:
  AssetsFileTest() {
    Write("mailtap.toml", absl::StrCat(kMinimal, "[assets]\nfile = \"assets.csv\"\n"));
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.File(name)) << text;
  }
  ParseResult Read() { return ParseFile(folder_.File("mailtap.toml")); }

  const TempDir folder_;
};

TEST_F(AssetsFileTest, IsReadFromTheConfigurationsFolder) {
  Write("assets.csv", "address,name\n10.1.0.1,desk\n");
  const ParseResult result = Read();
  ASSERT_TRUE(result.config.has_value());
  ASSERT_EQ(result.config->assets.rows.size(), 1u);
  EXPECT_EQ(result.config->assets.rows[0].name, "desk");
}

TEST_F(AssetsFileTest, MayBeginWithAByteOrderMark) {
  Write("assets.csv",
        "\xef\xbb\xbf"
        "address,name\n10.1.0.1,desk\n");
  const ParseResult result = Read();
  ASSERT_THAT(Texts(result.faults), IsEmpty());
  EXPECT_EQ(result.config->assets.rows[0].name, "desk");
}

TEST_F(AssetsFileTest, ItsContentIsPartOfTheVersion) {
  Write("assets.csv", "address,name\n10.1.0.1,desk\n");
  const std::string before = Read().config->version;
  EXPECT_EQ(Read().config->version, before);
  Write("assets.csv", "address,name\n10.1.0.1,server\n");
  EXPECT_NE(Read().config->version, before);
}

// The running sensor reads its configuration anew by an absolute path.
TEST_F(AssetsFileTest, WhereItLiesIsNoPartOfTheVersion) {
  const TempDir other;
  for (const TempDir* folder : {&folder_, &other}) {
    std::ofstream(folder->File("mailtap.toml"))
        << kMinimal << "[assets]\nfile = \"assets.csv\"\n"
        << "[[relay_file]]\npath = \"relays.txt\"\nname = \"cloud\"\n";
    std::ofstream(folder->File("assets.csv")) << "address,name\n10.1.0.1,desk\n";
    std::ofstream(folder->File("relays.txt")) << "192.0.2.0/28\n";
  }
  const ParseResult one = LoadFile(folder_.File("mailtap.toml"));
  const ParseResult two = LoadFile(other.File("mailtap.toml"));
  ASSERT_THAT(Texts(one.faults), IsEmpty());
  EXPECT_NE(one.config->assets.file, two.config->assets.file);
  EXPECT_EQ(one.config->version, two.config->version);
}

TEST_F(AssetsFileTest, IsUtf8) {
  Write("assets.csv", "address,name\n10.1.0.1,M\xc3\xbcller\n10.1.0.2,M\xfcller\n");
  EXPECT_THAT(Texts(Read().faults), ElementsAre(HasSubstr("assets.csv:3:1: not valid UTF-8")));
}

TEST_F(AssetsFileTest, WithoutARowIsWorthALook) {
  Write("assets.csv", "address,name\n");
  const ParseResult result = Read();
  ASSERT_THAT(Texts(result.faults), IsEmpty());
  EXPECT_THAT(Texts(result.warnings),
              testing::Contains(HasSubstr("assets.csv:1:1: holds no asset")));
}

TEST_F(AssetsFileTest, ItsFaultsAreTheConfigurations) {
  EXPECT_THAT(Texts(Read().faults),
              ElementsAre(AllOf(HasSubstr("assets.csv:1:1: can't be read"),
                                HasSubstr("; assets.file in line 5 of the configuration"))));
  Write("assets.csv", "address\nnone\n");
  const ParseResult result = Read();
  EXPECT_FALSE(result.config.has_value());
  EXPECT_THAT(Texts(result.faults),
              ElementsAre(HasSubstr("assets.csv:2:1: \"none\" is not an IP address")));
}

TEST(AssetsTest, AGroupThatAsksForAssetsNeedsAFile) {
  EXPECT_THAT(WarningsWith("[[group]]\nname = \"g\"\ntags = [\"nat\"]\n[[rule]]\nname = \"r\"\n"
                           "raise = 1\ngroups = [\"g\"]\n[[relay]]\nname = \"x\"\n"
                           "sources = [\"10.0.0.1\"]\n"),
              ElementsAre(HasSubstr("group \"g\" is empty: it asks for assets")));
}

}  // namespace
}  // namespace mailtap::config

// Files that can't be read, and those that can.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/config/relay_file.h"
#include "tests/unit/base/temp_dir.h"
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FileTest : public testing::Test {
 protected:
  std::string Path(const char* name) const { return folder_.File(name); }
  std::vector<std::string> Faults(const char* name) const {
    return Texts(ParseFile(Path(name)).faults);
  }

 private:
  const TempDir folder_;
};

TEST_F(FileTest, ReadsAFileAndNamesItInMessages) {
  std::ofstream(Path("good.toml")) << kMinimal;
  EXPECT_THAT(Faults("good.toml"), IsEmpty());
  std::ofstream(Path("bad.toml")) << kMinimal << "x = 1\n";
  EXPECT_THAT(Faults("bad.toml"),
              ElementsAre(Path("bad.toml") + ":4:1: unknown key networks.x"));
}

TEST_F(FileTest, PrintedWithAbsolutePathsIsReadFromAnotherFolder) {
  ASSERT_EQ(mkdir(Path("conf").c_str(), 0700), 0);
  ASSERT_EQ(mkdir(Path("other").c_str(), 0700), 0);
  std::ofstream(Path("conf/as.csv")) << "address,name\n10.1.0.1,gateway\n";
  std::ofstream(Path("conf/list")) << "192.0.2.1\n";
  std::ofstream(Path("conf/a.toml"))
      << kMinimal << "[assets]\nfile = \"as.csv\"\n"
      << "[[relay_file]]\nname = \"list\"\npath = \"list\"\nformat = \"list\"\n";
  // As from the folder above, without changing that of the process.
  const auto here = std::filesystem::current_path();
  const std::string relative = std::filesystem::relative(Path("conf/a.toml"), here).string();
  const ParseResult first = LoadFile(relative);
  ASSERT_THAT(Texts(first.faults), IsEmpty());
  std::ofstream(Path("other/b.toml")) << ToToml(WithAbsolutePaths(*first.config));
  const ParseResult second = LoadFile(Path("other/b.toml"));
  ASSERT_THAT(Texts(second.faults), IsEmpty());
  EXPECT_EQ(second.config->assets.file, Path("conf/as.csv"));
  EXPECT_EQ(second.config->version, first.config->version);
}

TEST_F(FileTest, NoFileStaysNone) {
  EXPECT_EQ(WithAbsolutePaths(Accepted(kMinimal)).assets.file, "");
}

TEST_F(FileTest, SaysWhyItCantBeRead) {
  EXPECT_THAT(
      Faults("missing.toml"),
      ElementsAre(Path("missing.toml") + ":1:1: can't be read: No such file or directory"));
  EXPECT_THAT(Texts(ParseFile(Path("")).faults),
              ElementsAre(Path("") + ":1:1: is a directory, not a file"));
  EXPECT_THAT(Texts(ParseFile("").faults),
              ElementsAre(":1:1: can't be read: No such file or directory"));
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(Faults("pipe"), ElementsAre(Path("pipe") + ":1:1: is not a regular file"));
  EXPECT_THAT(Texts(ParseFile("/dev/zero").faults),
              ElementsAre("/dev/zero:1:1: is not a regular file"));
}

TEST_F(FileTest, SaysThatItMayNotBeRead) {
  std::ofstream(Path("secret.toml")) << kMinimal;
  ASSERT_EQ(chmod(Path("secret.toml").c_str(), 0), 0);
  // Root may read every file: look at it as somebody else.
  const bool is_root = geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(seteuid(65'534), 0);
  }
  const std::vector<std::string> faults = Faults("secret.toml");
  if (is_root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_THAT(faults,
              ElementsAre(Path("secret.toml") + ":1:1: can't be read: Permission denied"));
}

TEST_F(FileTest, RefusesAHugeFileWithoutReadingIt) {
  std::ofstream(Path("huge.toml")) << kMinimal;
  ASSERT_EQ(truncate(Path("huge.toml").c_str(), off_t{1} << 40), 0);
  EXPECT_THAT(Faults("huge.toml"),
              ElementsAre(Path("huge.toml") + ":1:1: is larger than 64MiB"));
}

TEST_F(FileTest, AnEmptyFileLacksItsNetworks) {
  std::ofstream(Path("empty.toml")) << "";
  EXPECT_EQ(Faults("empty.toml").size(), 1u);
}

}  // namespace
}  // namespace mailtap::config

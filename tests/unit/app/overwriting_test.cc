// Outputs that are inputs or other outputs, by whatever path.
#include "app/mailtap/overwriting.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/base/temp_dir.h"

namespace mailtap::app {
namespace {

class Overwriting : public testing::Test {
 protected:
  Overwriting() {
    std::ofstream(dir_.File("in")) << "content";
    std::filesystem::create_symlink(dir_.File("in"), dir_.File("link"));
    std::filesystem::create_hard_link(dir_.File("in"), dir_.File("hard"));
    std::filesystem::create_directory(dir_.File("sub"));
  }
  std::string Refusal(const std::string& one, const std::string& other) const {
    return std::string(
        RefuseOverwriting({{"a capture", dir_.File("in")}, {"the configuration", ""}},
                          {{"--flows", one}, {"--alerts", other}})
            .message());
  }
  const TempDir dir_;
};

TEST_F(Overwriting, AnOutputThatIsAnInputIsRefused) {
  for (const char* name : {"in", "link", "hard", "./in", "sub/../in"}) {
    const std::string path = dir_.File(name);
    EXPECT_EQ(Refusal(path, ""),
              path + ": --flows would overwrite a capture; give another file");
  }
}

TEST_F(Overwriting, SoAreTwoOutputsInOneFileThatIsYetToBeMade) {
  EXPECT_EQ(Refusal(dir_.File("new"), dir_.File("sub/../new")),
            dir_.File("sub/../new") + ": --alerts would overwrite --flows; give another file");
  EXPECT_EQ(Refusal(dir_.File("new"), dir_.File("sub/new")), "");
  EXPECT_EQ(Refusal("to-be-made", "./to-be-made"),
            "./to-be-made: --alerts would overwrite --flows; give another file");
}

TEST_F(Overwriting, DevicesTakeSeveral) {
  EXPECT_EQ(Refusal("/dev/null", "/dev/null"), "");
  EXPECT_EQ(Refusal("", ""), "");
}

}  // namespace
}  // namespace mailtap::app

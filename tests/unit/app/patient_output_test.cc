// Output whose reader may not read.
#include "app/mailtap/patient_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/unit/base/temp_dir.h"

namespace mailtap::app {
namespace {

using std::chrono::milliseconds;

TEST(PatientOutput, EndsWhereNobodyReads) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_TRUE(WritePatiently(ends[1], "some", milliseconds(1)));
  EXPECT_FALSE(WritePatiently(ends[1], std::string(1 << 20, 'x'), milliseconds(1)));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(PatientOutput, WritesAllOfItToAFile) {
  const TempDir dir;
  const int file = ::open(dir.File("f").c_str(), O_WRONLY | O_CREAT, 0600);
  EXPECT_TRUE(WritePatiently(file, std::string(1 << 20, 'x'), milliseconds(1)));
  ::close(file);
  EXPECT_EQ(std::filesystem::file_size(dir.File("f")), 1u << 20);
}

TEST(PatientOutput, AFullDeviceIsAnError) {
  const int file = ::open("/dev/full", O_WRONLY);
  EXPECT_FALSE(WritePatiently(file, "some", milliseconds(1)));
  ::close(file);
}

}  // namespace
}  // namespace mailtap::app

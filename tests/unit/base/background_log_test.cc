// The log while nobody reads standard error.
#include "lib/base/background_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/log.h"

namespace mailtap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BackgroundLogTest, NobodyWaitsForAReaderWhoGetsTheRestInOrder) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_GE(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
  const int before = ::dup(STDERR_FILENO);
  ASSERT_GE(::dup2(ends[1], STDERR_FILENO), 0);
  ::close(ends[1]);
  LogInBackground();
  constexpr int kLines = 20'000;
  for (int i = 0; i < kLines; ++i) LogInfo(absl::StrCat("line ", i));
  EXPECT_FALSE(FlushLog(milliseconds(1)));

  std::string text;
  std::thread reader([&] {
    char some[4096];
    for (ssize_t n; (n = ::read(ends[0], some, sizeof(some))) > 0;) text.append(some, n);
  });
  EXPECT_TRUE(FlushLog(seconds(60)));
  LogInfo("the last line");
  EXPECT_TRUE(FlushLog(seconds(60)));
  ::dup2(before, STDERR_FILENO);
  reader.join();

  int lines = 0, lost = 0, last = -1;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits("line ", 1));
    int number = 0;
    if (absl::StrContains(line, "log lines lost, as nobody read them: ")) {
      ASSERT_TRUE(absl::SimpleAtoi(line.substr(line.rfind(' ')), &number));
      lost += number;
    } else if (absl::SimpleAtoi(parts.second, &number)) {
      EXPECT_GT(number, last);
      last = number;
      ++lines;
    }
  }
  EXPECT_GT(lost, 0);
  EXPECT_EQ(lines + lost, kLines);
  EXPECT_TRUE(absl::EndsWith(text, " the last line\n"));
}

}  // namespace
}  // namespace mailtap

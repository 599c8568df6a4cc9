#include "lib/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailtap {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

// What `write` puts on standard error.
template <typename Write>
std::string Logged(Write write) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, WritesOneLineWithItsLevel) {
  EXPECT_THAT(Logged([] { LogWarning("the ring is full"); }),
              AllOf(HasSubstr("warning"), EndsWith(" the ring is full\n")));
}

TEST(LogTest, TextIsNoFormat) {
  EXPECT_THAT(Logged([] { LogError("{} %s {0}"); }), EndsWith(" {} %s {0}\n"));
}

TEST(LogTest, LeavesOutWhatIsBelowTheLevel) {
  EXPECT_THAT(Logged([] { LogDebug("x"); }), IsEmpty());
  SetLogLevel(LogLevel::kError);
  EXPECT_THAT(Logged([] { LogWarning("x"); }), IsEmpty());
  SetLogLevel(LogLevel::kDebug);
  EXPECT_THAT(Logged([] { LogDebug("x"); }), EndsWith(" x\n"));
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace mailtap

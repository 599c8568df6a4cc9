// What the log says of a port's link.
#include "app/mailtap/link_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailtap::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

std::string LogOf(LinkWatch& watch, const std::string& port, Link link) {
  testing::internal::CaptureStderr();
  watch.Look(port, link);
  return testing::internal::GetCapturedStderr();
}

TEST(LinkWatch, TellsOfEachChangeOnce) {
  LinkWatch watch;
  EXPECT_THAT(LogOf(watch, "a", Link::kUp), IsEmpty());
  EXPECT_THAT(LogOf(watch, "a", Link::kDown), HasSubstr("warning port a: its link is down"));
  EXPECT_THAT(LogOf(watch, "a", Link::kDown), IsEmpty());
  EXPECT_THAT(LogOf(watch, "b", Link::kUp), IsEmpty());
  EXPECT_THAT(LogOf(watch, "a", Link::kUp), HasSubstr("port a: its link is up again"));
  EXPECT_THAT(LogOf(watch, "a", Link::kGone), AllOf(HasSubstr("error"), HasSubstr("restart")));
  EXPECT_THAT(LogOf(watch, "a", Link::kGone), IsEmpty());
}

TEST(LinkWatch, TellsOfAPortThatBeginsWithoutALink) {
  LinkWatch watch;
  EXPECT_THAT(LogOf(watch, "a", Link::kDown), HasSubstr("link is down"));
}

}  // namespace
}  // namespace mailtap::app

// [learning]
#include "tests/unit/config/test_support.h"

namespace mailtap::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(LearningTest, IsOffWithoutItsSection) {
  const Config config = Accepted(kMinimal);
  EXPECT_FALSE(config.learning.on());
  EXPECT_THAT(ToToml(config), Not(HasSubstr("learning")));
}

TEST(LearningTest, ReadsBack) {
  const Config config = AcceptedWith("[learning]\nafter = \"7d\"\nfile = \"/p.toml\"\n");
  EXPECT_EQ(config.learning.after_seconds, 7 * 86'400);
  EXPECT_EQ(config.learning.file, "/p.toml");
  const Config again = Accepted(ToToml(config));
  EXPECT_EQ(ToToml(again), ToToml(config));
  EXPECT_EQ(again.learning.file, "/p.toml");
}

TEST(LearningTest, RefusesWhatMakesNoSense) {
  EXPECT_THAT(FaultsWith("[learning]\n"),
              ElementsAre("f:4:1: learning.after is missing: give how long to learn before "
                          "anything is proposed, such as \"7d\""));
  for (const char* after : {"59m", "61d", "7 days"}) {
    EXPECT_THAT(
        FaultsWith(absl::StrCat("[learning]\nafter = \"", after, "\"\n")),
        ElementsAre(HasSubstr("f:5:9: learning.after must be a duration such as \"5m\" (units "
                              "s m h d) from 1h to 60d")))
        << after;
  }
  EXPECT_THAT(FaultsWith("[learning]\nafter = \"1h\"\nuntil = 3\n"),
              ElementsAre(HasSubstr("unknown key learning.until")));
}

TEST(LearningTest, NeedsAState) {
  EXPECT_THAT(
      FaultsWith("[state]\ndirectory = \"\"\n[learning]\nafter = \"1h\"\n"),
      ElementsAre("f:7:9: [learning] needs state.directory, where what is learnt is kept"));
  EXPECT_THAT(WarningsWith("[learning]\nafter = \"1h\"\nfile = \"p.toml\"\n"),
              testing::Contains(HasSubstr("learning.file is relative")));
}

TEST(EntriesTest, EachIsWrittenAsInTheWhole) {
  const Config config = AcceptedWith(
      "[[relay]]\nname = \"r\"\ndestinations = [\"192.0.2.1\"]\n"
      "[[group]]\nname = \"g\"\nmembers = [\"10.0.0.1\"]\n"
      "[[rule]]\nname = \"x\"\nraise = 1\n[[rule.condition]]\nraise = 2\n");
  const std::string all = ToToml(config);
  EXPECT_THAT(all, HasSubstr(ToToml(config.relays[0])));
  EXPECT_THAT(all, HasSubstr(ToToml(config.groups[0])));
  EXPECT_THAT(all, HasSubstr(ToToml(config.rules[0])));
}

}  // namespace
}  // namespace mailtap::config

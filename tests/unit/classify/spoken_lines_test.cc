#include "lib/classify/spoken_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace mailtap::classify {
namespace {

TEST(SpokenLines, AreTextWithFewControlCharacters) {
  EXPECT_TRUE(IsText(""));
  EXPECT_TRUE(IsText("EHLO me\r\n\t"));
  EXPECT_FALSE(IsText(std::string(8, '\3')));
}

TEST(SpokenLines, RefuseInThreeProtocols) {
  for (const char* line : {"500 what?", "550 no", "-ERR unknown", "a1 BAD no", "* bad no"}) {
    EXPECT_TRUE(Refuses(line)) << line;
  }
  for (const char* line : {"", "250 ok", "450 later", "+OK", "a1 NO", "5x0 no"}) {
    EXPECT_FALSE(Refuses(line)) << line;
  }
}

TEST(SpokenLines, AcceptAsTheServersOfAServiceDo) {
  for (const char* line : {"250 ok", "250-ok", "220 go on", "334 ", "250\r"}) {
    EXPECT_TRUE(Accepts(line, Service::kSmtp)) << line;
  }
  for (const char* line : {"200 ok", "230 ok", "500 no", "250", "2500 ok", "Hello", ""}) {
    EXPECT_FALSE(Accepts(line, Service::kSmtp)) << line;
  }
  for (const char* line : {"* 1 EXISTS", "a1 OK", "+ go on", "a1 NO"}) {
    EXPECT_TRUE(Accepts(line, Service::kImap)) << line;
    EXPECT_FALSE(Accepts(line, Service::kSmtp)) << line;
  }
  EXPECT_FALSE(Accepts("Hello, bob", Service::kImap));
  EXPECT_TRUE(Accepts("+OK", Service::kPop3));
  EXPECT_FALSE(Accepts("250 ok", Service::kPop3));
}

TEST(SpokenLines, OfServersThatKnowNoSuchCommand) {
  for (const char* line : {"500 what?", "502 no", "550 5.5.1 what?", "-ERR what?"}) {
    EXPECT_TRUE(KnowsNoSuchCommand(line)) << line;
  }
  for (const char* line : {"530 log in first", "550 no such file", "331 password"}) {
    EXPECT_FALSE(KnowsNoSuchCommand(line)) << line;
  }
}

TEST(SpokenLines, AnswerTheTagThatWasSaid) {
  EXPECT_TRUE(AnswersTag("a1 OK done\r\n", "a1 NOOP\r\n"));
  EXPECT_TRUE(AnswersTag("* 3 EXISTS\r\na2 OK\r\n", "a1 NOOP\r\na2 SELECT x\r\n"));
  EXPECT_FALSE(AnswersTag("a1 OK done\r\n", "a10 NOOP\r\n"));
  EXPECT_FALSE(AnswersTag("a10 OK done\r\n", "a1 NOOP\r\n"));
  EXPECT_FALSE(AnswersTag("200 ok\r\n", "disk list\r\n"));
  EXPECT_FALSE(AnswersTag("ok\r\n", "ok check\r\n"));
  EXPECT_FALSE(AnswersTag("", "a1 NOOP\r\n"));
}

TEST(SpokenLines, BeginWithWhatIsATagOrNot) {
  for (const char* line : {"250 OK", "/etc/passwd: OK", "502 no"}) {
    EXPECT_TRUE(HasOthersTag(line)) << line;
  }
  for (const char* line : {"a1 OK", "7 OK", "0007 OK", "X1 OK Begin", "", "* OK"}) {
    EXPECT_FALSE(HasOthersTag(line)) << line;
  }
}

TEST(SpokenLines, AreEchoed) {
  for (const char* client : {"EHLO me\r\n", "EHLO me\r\nMAIL", "EHLO me\r\nMAIL FROM:<>\r\n"}) {
    EXPECT_TRUE(Echo("EHLO me\r\nMAIL", client)) << client;
  }
  for (const char* client : {"", "EHLO you\r\n", "EHLO m", "EHLO me\r\nRSET\r\n"}) {
    EXPECT_FALSE(Echo("EHLO me\r\nMAIL", client)) << client;
  }
  EXPECT_FALSE(Echo("", ""));
}

TEST(SpokenLines, OfAServerAreItsGreetingAndAnAnswer) {
  const Exchange one = ExchangeIn("220 mx\r\n");
  EXPECT_EQ(one.greeting, "220 mx\r\n");
  EXPECT_EQ(one.answer, "");
  const Exchange two = ExchangeIn("220-mx\r\n220 go\r\n250-mx\r\n250 SIZE\r\n");
  EXPECT_EQ(two.greeting, "220-mx\r\n220 go\r\n");
  EXPECT_EQ(two.answer, "250-mx\r");
}

}  // namespace
}  // namespace mailtap::classify

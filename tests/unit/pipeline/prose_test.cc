// Words of mail in connections of something else, which are looked at wherever a line opens
// like a command: only what prose does not say may count there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using ::testing::StartsWith;

constexpr uint16_t kOddPort = 8'091;

// Nothing counts, whether the mirror shows all, lacks the handshake, or cuts segments finely.
void ExpectNone(const Script& script) {
  for (const bool handshake : {true, false}) {
    for (const std::size_t segment : {1'400, 9}) {
      Conversation talk("10.1.0.5", 40'000, "192.0.2.25", kOddPort);
      talk.Cut(segment);
      if (handshake) talk.Handshake();
      Say(talk, script);
      Sensor sensor;
      sensor.Play(talk.Close().frames()).Finish();
      EXPECT_EQ(Only(sensor), "none")
          << script.back().text << " handshake " << handshake << " segments of " << segment;
    }
  }
}

Script Lines(Direction from, const std::string& text) {
  Script script;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    script.push_back({from, absl::StrCat(line, "\n")});
  }
  return script;
}

// Small clients write a request line by line, and "Connection:" is a fair tag before CLOSE.
TEST(Prose, InWhatTheWebServesIsNoMail) {
  const std::string header = "HTTP/1.0 200 OK\r\nContent-type: text/plain\r\n\r\n";
  for (const char* request :
       {"GET /status HTTP/1.0\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        "POST /form HTTP/1.0\r\nHost: a.example\r\nplease search for it\r\n",
        "POST /form HTTP/1.0\r\nHost: a.example\r\nEHLO there\r\n"}) {
    for (const char* body :
         {"* OK all services up\r\n", "* No longer needs root\r\n", "* Status page added\r\n",
          "* Search for files\r\n", "* Flags are read\r\n", "* Bad input is told\r\n",
          "* List of changes\r\n", "* 3 recent mails\r\n", "250 apples\r\n", "220 volts\r\n"}) {
      Script script = Lines(kUp, request);
      script.push_back({kDown, header + body});
      ExpectNone(script);
    }
  }
}

TEST(Prose, BetweenPeopleIsNoMail) {
  const Script before = {{kUp, "hi there\r\n"}, {kDown, "hello\r\n"}};
  for (const auto& [asked, answered] : std::vector<std::pair<std::string, std::string>>{
           {"please close the door\r\n", "* No way\r\n"},
           {"door close\r\n", "* No door here.\r\n"},
           {"dnf search curl\r\n", "* No match\r\n"},
           {"docs list all\r\n", "* List of documents\r\n"},
           {"Helo Bob\r\n", "250 euros please\r\n"},
           {"HELO there\r\n", "220 volts\r\n"}}) {
    Script script = before;
    script.push_back({kUp, asked});
    script.push_back({kDown, answered});
    ExpectNone(script);
  }
}

// A terminal that shows what is typed, a service that sends back what it gets.
TEST(Prose, ThatIsEchoedIsNoMail) {
  for (const Script& dialogue : {SmtpScript(), ImapScript(), Pop3Script()}) {
    std::string transcript;
    for (const Line& line : dialogue) transcript += line.text;
    ExpectNone({{kUp, transcript}, {kDown, transcript}});
    ExpectNone({{kDown, transcript}, {kUp, transcript}});
  }
}

// What was said first is not lost, only no mail's.
TEST(Prose, BeforeMailIsNotInferred) {
  Conversation talk("10.1.0.5", 40'000, "192.0.2.25", kOddPort);
  talk.Handshake().Client("hi there\r\n").Server("hello\r\n");
  Script rest = SmtpScript();
  rest.erase(rest.begin());
  Say(talk, rest);
  Sensor sensor;
  sensor.Play(talk.Close().frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kUp].inferred, 0u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kDown].inferred, 0u);
}

// Where mail is met under way, an exchange that prose might hold is followed by one that it
// does not.
TEST(Prose, IsToldFromMailUnderWay) {
  const struct {
    Script script;
    const char* service;
  } kCases[] = {
      {{{kUp, "HELO me\r\n"},
        {kDown, "250 mx.example.com\r\n"},
        {kUp, "MAIL FROM:<a@b.example>\r\n"},
        {kDown, "250 ok\r\n"}},
       "smtp"},
      {{{kUp, "EHLO me\r\n"}, {kDown, "250-mx.example.com\r\n250 SIZE 1000\r\n"}}, "smtp"},
      {{{kUp, "RSET\r\n"},
        {kDown, "250 ok\r\n"},
        {kUp, "RCPT TO:<a@b.example>\r\n"},
        {kDown, "250 ok\r\n"}},
       "smtp"},
      {{{kUp, "a7 NOOP\r\n"}, {kDown, "* OK Still here\r\na7 OK done\r\n"}}, "imap"},
      {{{kUp, "a7 close\r\n"}, {kDown, "a7 OK done\r\n"}}, "imap"},
      {{{kUp, "a7 UID SEARCH ALL\r\n"}, {kDown, "* SEARCH 4 5\r\n"}}, "imap"},
      {{{kUp, "a7 STATUS x (MESSAGES)\r\n"}, {kDown, "* STATUS x (MESSAGES 3)\r\n"}}, "imap"},
  };
  for (const auto& c : kCases) {
    Conversation talk("10.1.0.5", 40'000, "192.0.2.25", kOddPort);
    Say(talk, c.script);
    Sensor sensor;
    sensor.Play(talk.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith(c.service)) << c.script[0].text;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

// Clients that speak before they are greeted, on ports where only words tell.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/opening.h"

namespace mailtap::pipeline {
namespace {

constexpr uint16_t kOddPort = 2526;
constexpr std::size_t kSegments[] = {1'400, 7, 1};

// The one session's service, or "none". All that was said is to be counted as seen.
std::string Service(const Script& script, std::size_t segment) {
  Sensor sensor;
  sensor.Play(Play(script, kOddPort, segment).frames()).Finish();
  if (!sensor.sessions().empty()) {
    const meter::SessionRecord& session = sensor.sessions()[0];
    for (const Direction direction : {kUp, kDown}) {
      EXPECT_EQ(session.bytes[direction].observed, BytesOf(script, direction));
      EXPECT_EQ(session.bytes[direction].inferred, 0u);
    }
  }
  return Only(sensor).substr(0, 4);
}

TEST(Eager, AClientThatDoesNotWaitIsNoLessMail) {
  const Line smtp = {kDown,
                     "220 mx ESMTP\r\n250 ok\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n"};
  const std::string message = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n";
  const Line pop3 = {
      kDown, "+OK Dovecot ready.\r\n+OK\r\n+OK Logged in.\r\n+OK 3 octets\r\nx\r\n.\r\n"};
  for (const std::size_t segment : kSegments) {
    SCOPED_TRACE(absl::StrCat("segments of ", segment));
    for (const std::string first : {"RSET\r\n", "NOOP\r\n", "HELP\r\n", "VRFY x\r\n"}) {
      EXPECT_EQ(Service({{kUp, first + "HELO x\r\n" + message}, smtp}, segment), "smtp")
          << first;
    }
    EXPECT_EQ(Service({{kUp, "USER a\r\nPASS b\r\nRETR 1\r\nQUIT\r\n"}, pop3}, segment),
              "pop3");
    EXPECT_EQ(Service({{kUp, "STAT\r\nUSER a\r\nPASS b\r\n"}, pop3}, segment), "pop3");
    EXPECT_EQ(Service({{kUp, "QUIT\r\n"}, {kDown, "+OK POP3 ready\r\n+OK bye\r\n"}}, segment),
              "pop3")
        << "a check of the service";
  }
}

TEST(Eager, OthersThatOpenWithTheSameWordsAreNone) {
  for (const std::size_t segment : kSegments) {
    SCOPED_TRACE(absl::StrCat("segments of ", segment));
    EXPECT_EQ(Service({{kUp, "PASS secret\r\nNICK joe\r\nUSER joe 0 * :Joe\r\n"},
                       {kDown, ":irc.example 001 joe :Welcome\r\n"}},
                      segment),
              "none");
    EXPECT_EQ(Service({{kUp, "AUTH secret\r\n"},
                       {kDown, "+OK\r\n"},
                       {kUp, "PING\r\n"},
                       {kDown, "+PONG\r\n"}},
                      segment),
              "none");
    EXPECT_EQ(Service({{kUp, "HELP\r\n"}, {kDown, "commands: help, quit\r\n"}}, segment),
              "none");
    EXPECT_EQ(Service({{kUp, "STAT\r\n"}, {kDown, "STAT pid 1\r\nEND\r\n"}}, segment), "none");
    EXPECT_EQ(Service({{kUp, "LHLO a\r\nMAIL FROM:<a@b>\r\n"},
                       {kDown, "220 mx ready\r\n250 mx\r\n250 ok\r\n"}},
                      segment),
              "none");
  }
}

// LMTP that is met behind its handshake: what follows its greeting command is SMTP's.
TEST(Eager, LmtpMetUnderWayStaysNone) {
  const Script script = {{kDown, "220 mx ready\r\n"},
                         {kUp, "LHLO a\r\n"},
                         {kDown, "250-mx\r\n250 PIPELINING\r\n"},
                         {kUp, "MAIL FROM:<a@b>\r\n"},
                         {kDown, "250 2.1.0 ok\r\n"}};
  Frames frames = Play(script, kOddPort).frames();
  frames.erase(frames.begin(), frames.begin() + 2);
  Sensor sensor;
  sensor.Play(frames).Finish();
  EXPECT_EQ(Only(sensor), "none");
}

}  // namespace
}  // namespace mailtap::pipeline

// How mail may open, and what only opens like it, as packets on mail ports and on others.
#include "tests/unit/pipeline/opening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using namespace std::string_literals;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

std::vector<Opening> Mail() {
  const Line ehlo = {kUp, "EHLO me.example\r\n"}, fine = {kDown, "250 ok\r\n"};
  return {
      {"a banner without the word", "smtp", {{kDown, "220 mx.example.com\r\n"}, ehlo, fine}},
      {"a banner of several lines",
       "smtp",
       {{kDown, "220-mx.example.com\r\n220-no spam here\r\n220 \r\n"}, ehlo, fine}},
      {"a long banner of several lines",
       "smtp",
       {{kDown,
         "220-" + std::string(150, '*') + "\r\n220-" + std::string(150, '*') + "\r\n220 x\r\n"},
        ehlo,
        fine}},
      {"small letters", "smtp", {{kDown, "220 mx esmtp\r\n"}, {kUp, "ehlo me\r\n"}, fine}},
      {"line ends without CR", "smtp", {{kDown, "220 mx ESMTP\n"}, {kUp, "EHLO me\n"}, fine}},
      {"a line end before the greeting", "smtp", {{kDown, "\r\n220 mx ESMTP\r\n"}, ehlo, fine}},
      {"the client's line end first",
       "smtp",
       {{kUp, "\r\n"}, {kDown, "220 mx ESMTP\r\n"}, ehlo, fine}},
      {"the client speaks first", "smtp", {ehlo, {kDown, "220 mx ESMTP\r\n"}, fine}},
      {"all at once",
       "smtp",
       {{kDown, "220 mx ESMTP\r\n"},
        {kUp, "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"},
        {kDown, "250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n"}}},
      {"chunks",
       "smtp",
       {{kDown, "220 mx ESMTP\r\n"},
        ehlo,
        {kDown, "250-x\r\n250 CHUNKING\r\n"},
        {kUp, "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 4 LAST\r\nabc\n"},
        {kDown, "250 ok\r\n250 ok\r\n250 ok\r\n"}}},
      {"a host named ftp",
       "smtp",
       {{kDown, "220 ftp.example.com ESMTP Postfix\r\n"}, ehlo, fine}},
      {"a host named lmtp", "smtp", {{kDown, "220 lmtp.example.com ESMTP\r\n"}, ehlo, fine}},
      {"refused with reason",
       "smtp",
       {{kDown, "554 5.7.1 no mail from you\r\n"},
        ehlo,
        {kDown, "503 5.5.1 bad sequence\r\n"}}},
      {"PREAUTH",
       "imap",
       {{kDown, "* PREAUTH IMAP4rev2 server ready\r\n"}, {kUp, "1 SELECT INBOX\r\n"}}},
      {"a literal",
       "imap",
       {{kDown, "* OK ready\r\n"},
        {kUp, "a1 LOGIN {4}\r\n"},
        {kDown, "+ go on\r\n"},
        {kUp, "user {6}\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "secret\r\n"},
        {kDown, "a1 OK\r\n"}}},
      {"AUTHENTICATE",
       "imap",
       {{kDown, "* OK ready\r\n"},
        {kUp, "a AUTHENTICATE PLAIN\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "AGEAYg==\r\n"},
        {kDown, "a OK\r\n"}}},
      {"COMPRESS",
       "imap",
       {{kDown, "* OK ready\r\n"},
        {kUp, "a LOGIN b c\r\n"},
        {kDown, "a OK\r\n"},
        {kUp, "b COMPRESS DEFLATE\r\n"},
        {kDown, "b OK\r\n"},
        {kUp, std::string(200, '\x16')},
        {kDown, std::string(3'000, '\x9d')}}},
      {"a tag as long as allowed",
       "imap",
       {{kDown, "* OK [CAPABILITY IMAP4rev1] x\r\n"}, {kUp, "Thunderbird0001 CAPABILITY\r\n"}}},
      {"small letters", "imap", {{kDown, "* ok hi\r\n"}, {kUp, "a1 login b c\r\n"}}},
      {"refused", "imap", {{kDown, "* BYE too many connections\r\n"}, {kUp, "a LOGOUT\r\n"}}},
      {"bare +OK", "pop3", {{kDown, "+OK\r\n"}, {kUp, "USER joe\r\n"}, {kDown, "+OK\r\n"}}},
      {"AUTH",
       "pop3",
       {{kDown, "+OK ready\r\n"},
        {kUp, "AUTH PLAIN\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "AGEAYg==\r\n"},
        {kDown, "+OK\r\n"}}},
      {"CAPA",
       "pop3",
       {{kDown, "+OK\r\n"}, {kUp, "CAPA\r\n"}, {kDown, "+OK\r\nTOP\r\nUIDL\r\n.\r\n"}}},
      {"its language first",
       "pop3",
       {{kDown, "+OK ready\r\n"},
        {kUp, "LANG de\r\n"},
        {kDown, "+OK de\r\n"},
        {kUp, "UTF8\r\n"},
        {kDown, "+OK\r\n"}}},
      {"UTF8 first", "pop3", {{kDown, "+OK ready\r\n"}, {kUp, "UTF8\r\n"}, {kDown, "+OK\r\n"}}},
      {"HELP first",
       "pop3",
       {{kDown, "+OK ready\r\n"}, {kUp, "HELP\r\n"}, {kDown, "-ERR what?\r\n"}}},
      {"APOP",
       "pop3",
       {{kDown, "+OK <1.2@mail.example>\r\n"}, {kUp, "APOP joe c4c9334bac56\r\n"}}},
      {"small letters", "pop3", {{kDown, "+ok hello\r\n"}, {kUp, "user joe\r\n"}}},
  };
}

TEST(Opening, OfMailIsKnownOnItsPortAndOnAnyOther) {
  for (const Opening& opening : Mail()) {
    for (const uint16_t port : {MailPort(opening.service), uint16_t{12'345}}) {
      for (const std::size_t bytes : {1, 2, 5, 17, 1'400}) {
        // On its own port a client's command is enough, if it comes first.
        const absl::string_view evidence = port == 12'345 ? "banner" : "(banner|command)";
        EXPECT_THAT(Replayed(opening.script, port, bytes),
                    MatchesRegex(absl::StrCat(opening.service, " ", evidence, " none ",
                                              BytesOf(opening.script, kUp), "/",
                                              BytesOf(opening.script, kDown), " .*")))
            << opening.name << " on " << port << " in segments of " << bytes;
      }
    }
  }
}

// Each side cut in two at every byte.
TEST(Opening, MayBeCutAtAnyByte) {
  for (const Opening& opening : Mail()) {
    for (std::size_t cut = 1; cut < 60; ++cut) {
      Script halves;
      for (const Line& line : opening.script) {
        halves.push_back({line.from, line.text.substr(0, cut)});
        if (line.text.size() > cut) halves.push_back({line.from, line.text.substr(cut)});
      }
      ASSERT_THAT(Replayed(halves, 12'345), StartsWith(opening.service))
          << opening.name << " cut at " << cut;
    }
  }
}

TEST(Opening, RefusalsAndGarbageOnAMailPort) {
  const Script garbage = {{kUp, "\x01\x02\x03hello\r\n"},
                          {kDown, "220 mx ESMTP\r\n"},
                          {kUp, "EHLO me\r\n"},
                          {kDown, "250 ok\r\n"}};
  EXPECT_THAT(Replayed(garbage, 25), StartsWith("smtp banner none"));
  for (const char* banner : {"421 mx too busy\r\n", "554 go away\r\n"}) {
    const Script refused = {{kDown, banner}, {kUp, "QUIT\r\n"}, {kDown, "221 bye\r\n"}};
    EXPECT_THAT(Replayed(refused, 25), StartsWith("smtp banner none"));
  }
}

TEST(Opening, AServerMayGreetAfterMinutes) {
  for (const uint16_t port : {25, 2'525}) {
    for (const int64_t seconds : {5, 45, 200}) {
      Conversation late("10.1.0.5", 40'000, "192.0.2.25", port);
      late.Handshake().Wait(seconds * kNanosPerSecond);
      Say(late, SmtpScript());
      Sensor sensor;
      sensor.Play(late.Close().frames()).Finish();
      EXPECT_THAT(Only(sensor), StartsWith("smtp banner none"));
      EXPECT_THAT(Only(sensor), testing::EndsWith(" messages 1 rejected 0"))
          << port << " after " << seconds;
      EXPECT_EQ(sensor.Total().failed_sessions, 0u);
    }
  }
}

TEST(Opening, OneDirectionIsEnoughOnAMailPort) {
  const struct {
    Script script;
    uint16_t port;
    const char* service;
  } kCases[] = {
      {SmtpScript(), 25, "smtp"}, {ImapScript(), 143, "imap"}, {Pop3Script(), 110, "pop3"}};
  for (const auto& c : kCases) {
    for (const Direction direction : {kUp, kDown}) {
      Sensor sensor;
      sensor.Play(Play(c.script, c.port).OneWay(direction)).Finish();
      EXPECT_THAT(Only(sensor), StartsWith(c.service)) << c.port << " " << direction;
      Sensor odd;
      odd.Play(Play(c.script, 12'345).OneWay(direction)).Finish();
      EXPECT_EQ(Only(odd), "none") << c.service << " " << direction;
    }
  }
}

TEST(Opening, MailIsFoundUnderWay) {
  const Script smtp = SmtpScript(), imap = ImapScript();
  for (const uint16_t port : {25, 2'525}) {
    Conversation middle("10.1.0.5", 40'000, "192.0.2.25", port);
    Say(middle, Script(smtp.begin() + 3, smtp.end()));
    Sensor sensor;
    sensor.Play(middle.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), MatchesRegex("smtp (banner|command) none .*")) << port;
  }
  for (const uint16_t port : {143, 10'143}) {
    Conversation middle("10.1.0.5", 40'000, "192.0.2.25", port);
    Say(middle, Script(imap.begin() + 3, imap.end()));
    Sensor sensor;
    sensor.Play(middle.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), MatchesRegex("imap (banner|command) none .*")) << port;
  }
}

// Thunderbird counts, iOS does so with dots.
TEST(Opening, ATagMayBeANumber) {
  for (const std::string tag : {"4", "12", "250", "1.12"}) {
    Conversation middle("10.1.0.5", 40'000, "192.0.2.25", 10'143);
    middle.Client(tag + " UID FETCH 1:* (FLAGS)\r\n")
        .Server("* 1 FETCH (FLAGS ())\r\n" + tag + " OK done\r\n");
    Sensor sensor;
    sensor.Play(middle.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith("imap banner none")) << tag;
  }
}

// Prose has the words of many protocols.
TEST(Opening, OfASessionWithinAMessageCondemnsNothing) {
  for (const char* line : {"call me when you get this\r\n", "use the front door\r\n",
                           "get well soon\r\n", "group of five\r\n"}) {
    const Script smtp = SmtpScript();
    Conversation middle("10.1.0.5", 40'000, "192.0.2.25", 25);
    middle.Client(line).Client("and so on\r\n.\r\n").Server("250 2.0.0 Ok\r\n");
    Say(middle, Script(smtp.begin() + 3, smtp.end()));
    Sensor sensor;
    sensor.Play(middle.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith("smtp ")) << line;
  }
}

TEST(Opening, OfATagMayHaveBraces) {
  Script script = ImapScript();
  for (Line& words : script) {
    if (words.text.substr(0, 3) == "a1 ") words.text[1] = '}';
  }
  EXPECT_THAT(Replayed(script, 10'143), StartsWith("imap banner none"));
}

// Nobody has to answer a greeting within half a minute.
TEST(Opening, AClientMayAnswerAfterMinutes) {
  for (const uint16_t port : {110, 10'110}) {
    Conversation late("10.1.0.5", 40'000, "192.0.2.25", port);
    const Script pop3 = Pop3Script();
    late.Handshake().Server("+OK Dovecot ready.\r\n").Ack(kUp).Wait(200 * kNanosPerSecond);
    Say(late, Script(pop3.begin() + 1, pop3.end()));
    Sensor sensor;
    sensor.Play(late.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith("pop3 banner none")) << port;
  }
}

// However small its pieces are.
TEST(Opening, ALongGreetingMayTakeAnyNumberOfSegments) {
  Script script = SmtpScript();
  script[0].text = "220 mx.example.net ESMTP " + std::string(480, 'x') + "\r\n";
  for (const uint16_t port : {25, 2'525}) {
    Sensor sensor;
    sensor.Play(Play(script, port, 1).frames()).Finish();
    EXPECT_EQ(Only(sensor), absl::StrCat("smtp banner none ", BytesOf(script, kUp), "/",
                                         BytesOf(script, kDown), " messages 1 rejected 0"))
        << port;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

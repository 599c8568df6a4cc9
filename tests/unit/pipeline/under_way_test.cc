// Sessions that the sensor meets under way, or whose beginning it knows in part.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using ::testing::StartsWith;

Conversation To(uint16_t port) { return {"10.1.0.5", 40'000, "192.0.2.25", port}; }

// Bytes that hold no line end, and none that a record may start with.
std::string Noise(std::size_t bytes, unsigned seed) {
  std::string noise;
  while (noise.size() < bytes) {
    seed = seed * 1'103'515'245 + 12'345;
    const char byte = static_cast<char>(seed >> 16);
    if (byte != '\r' && byte != '\n' && byte != '\x17') noise += byte;
  }
  return noise;
}

std::string Record(std::size_t bytes, unsigned seed) {
  return std::string("\x17\x03\x03", 3) + static_cast<char>(bytes >> 8) +
         static_cast<char>(bytes & 0xff) + Noise(bytes, seed);
}

// What the frames from the one at `first` on say of a session.
std::string MetAt(const Frames& frames, std::size_t first) {
  Sensor sensor;
  sensor.Play({frames.begin() + static_cast<std::ptrdiff_t>(first), frames.end()}).Finish();
  return Only(sensor);
}

// A large upload: one record goes over many segments, and few of them start one.
TEST(UnderWay, RecordsTellOfTlsWhereverTheyBegin) {
  std::string records;
  for (unsigned i = 0; i < 12; ++i) records += Record(16'000 + i, i);
  for (const uint16_t port : {25, 587, 143, 110, 465, 993}) {
    const Frames frames = To(port).Client(records).Server(Noise(60, 99)).frames();
    for (std::size_t first : {1, 5, 11, 14, 30}) {
      const std::size_t bytes = records.size() - first * 1'400;
      const std::string tls = port == 465 || port == 993 ? "implicit " : "starttls ";
      EXPECT_THAT(MetAt(frames, first),
                  ::testing::HasSubstr(absl::StrCat(" port ", tls, bytes)))
          << port << " from segment " << first;
    }
  }
}

TEST(UnderWay, OtherBinaryDataAreNoMail) {
  for (const uint16_t port : {25, 143, 993}) {
    std::string data = Noise(100'000, port);
    // What looks like a record now and then is none where it leads to nothing.
    for (std::size_t at = 2'001; at < data.size(); at += 9'000) {
      data.replace(at, 5, std::string("\x17\x03\x03\x08\x00", 5));
    }
    const Frames frames = To(port).Client(data).Server(Noise(60, 99)).Client("\x81").frames();
    EXPECT_EQ(MetAt(frames, 1), "none") << port;
  }
}

// A chunk, an attachment that somebody sends as it is.
TEST(UnderWay, WordsTellBehindABinaryMessage) {
  Conversation talk = To(25);
  talk.Client(Noise(20'000, 1)).Server("250 2.0.0 queued\r\n");
  Say(talk, {{kUp, "MAIL FROM:<a@example.com>\r\n"},
             {kDown, "250 ok\r\n"},
             {kUp, "RCPT TO:<b@example.com>\r\n"},
             {kDown, "250 ok\r\n"}});
  EXPECT_THAT(MetAt(talk.frames(), 2), StartsWith("smtp banner none 17252/34 "));
}

// Of a session whose SYN-ACK is lost, or which is met under way, all is known by the next tick.
TEST(UnderWay, WhatIsSaidAtOnceIsReadWithoutMore) {
  for (const uint16_t port : {143, 8'143}) {
    for (const std::size_t lost : {1, 3}) {
      Frames frames = Play(ImapScript(), port).frames();
      frames.resize(frames.size() - 3);  // it goes on
      frames.erase(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(lost / 3 * 3));
      if (lost == 1) frames.erase(frames.begin() + 1);
      for (std::size_t i = 0; i < frames.size(); ++i) {
        frames[i].time = kStart + static_cast<int64_t>(i) * kNanosPerMilli;
      }
      Sensor sensor;
      sensor.Play(frames).Idle(2);
      EXPECT_EQ(sensor.ticks().back().sessions, 1u) << port << " " << lost;
    }
  }
}

TEST(UnderWay, APauseMakesNoOtherSession) {
  constexpr int64_t kPause = 60 * kNanosPerSecond;
  Conversation imap = To(143), tls = To(993), push = To(993);
  Say(imap.Handshake(), {{kDown, "* OK [CAPABILITY IMAP4rev1] ready\r\n"},
                         {kUp, "a LOGIN u p\r\n"},
                         {kDown, "a OK\r\n"}});
  for (int i = 0; i < 5; ++i) {
    Say(imap.Wait(kPause), {{kUp, "n NOOP\r\n"}, {kDown, "n OK\r\n"}});
    tls.Client(Record(32, 1)).Server(Record(32, 2)).Wait(kPause);
    push.Server(Record(32, 3)).Ack(kUp).Wait(kPause);
  }
  Frames without_answer = imap.frames();
  without_answer.erase(without_answer.begin() + 1);
  EXPECT_THAT(MetAt(without_answer, 0), StartsWith("imap banner none 53/71 "));
  EXPECT_THAT(MetAt(tls.frames(), 0), StartsWith("imap port implicit 185/185 "));
  EXPECT_THAT(MetAt(push.frames(), 0), StartsWith("imap port implicit 0/185 "));
}

// Words that no protocol is known for, and that the server takes.
TEST(UnderWay, AStrangeFirstLineHidesNothing) {
  for (const std::string first :
       {"EHLO\tc\r\n", " EHLO c\r\n", "X\r\n", "XCLIENT ADDR=1\r\n"}) {
    Script smtp = {
        {kDown, "220 mx.example.net ready\r\n"}, {kUp, first}, {kDown, "250 mx\r\n"}};
    const Script mail = SmtpScript();
    smtp.insert(smtp.end(), mail.begin() + 1, mail.end());
    Sensor sensor;
    sensor.Play(Play(smtp, 25).frames()).Finish();
    EXPECT_EQ(Only(sensor), absl::StrCat("smtp banner none ", BytesOf(smtp, kUp), "/",
                                         BytesOf(smtp, kDown), " messages 1 rejected 0"))
        << first;
  }
  Script pop3 = {{kDown, "+OK Hello there.\r\n"}, {kUp, "XTND XLIST\r\n"}, {kDown, "+OK\r\n"}};
  const Script mail = Pop3Script();
  pop3.insert(pop3.end(), mail.begin() + 1, mail.end());
  Sensor sensor;
  sensor.Play(Play(pop3, 110).frames()).Finish();
  EXPECT_THAT(Only(sensor), StartsWith(absl::StrCat("pop3 banner none ", BytesOf(pop3, kUp),
                                                    "/", BytesOf(pop3, kDown))));
}

// Words that many services know, met behind the handshake, and how each is answered.
TEST(UnderWay, TheAnswerTellsWhoseWordsTheyAre) {
  const auto met = [](const std::string& asked, const std::string& answered) {
    const Frames frames = To(25).Client(asked).Server(answered).Fin(kUp).Fin(kDown).frames();
    return MetAt(frames, 0).substr(0, 4);
  };
  EXPECT_EQ(met("QUIT\r\n", "221 bye\r\n"), "smtp");
  EXPECT_EQ(met("HELP\r\n", "214 try RFC 5321\r\n"), "smtp");
  EXPECT_EQ(met("QUIT\r\n", "205 bye\r\n"), "none");
  EXPECT_EQ(met("HELP\r\n", "-ERR unknown command\r\n"), "none");
  EXPECT_EQ(met("HELP\r\n", "Available commands:\r\n"), "none");
}

// RFC 9051, 6.3.13: a client that waits says nothing.
TEST(UnderWay, AnIdleClientOnlyListens) {
  for (const int64_t seconds : {5, 120}) {
    Conversation idle = To(143);
    for (int i = 0; i < 12; ++i) {
      idle.Server("* OK Still here\r\n").Ack(kUp).Wait(seconds * kNanosPerSecond);
    }
    Sensor sensor;
    sensor.Play(idle.frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith(absl::StrCat("imap banner none 0/", 12 * 17)));
    EXPECT_EQ(sensor.Total().failed_sessions, 0u);
  }
}

}  // namespace
}  // namespace mailtap::pipeline

// Counts of messages through whole conversations: against a generator of dialogues that keeps
// its own counts, whatever segments, a mirror's order and copies make of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/unit/pipeline/random_session.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

uint16_t PortOf(Service service) {
  return service == Service::kSmtp ? 25 : service == Service::kImap ? 143 : 110;
}

// In segments of up to `most` bytes, each line in its own.
Conversation Cut(const Session& session, Random& random, uint32_t most) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", PortOf(session.service));
  c.Handshake();
  for (const Line& line : session.script) {
    for (std::size_t at = 0; at < line.text.size();) {
      const std::size_t size = Pick(random, 1, most);
      const std::string piece = line.text.substr(at, size);
      line.from == kUp ? c.Client(piece) : c.Server(piece);
      at += size;
    }
  }
  return c.Close();
}

// An eager client may say more than is held, and of long segments only the ends are looked at
// for the final dot; then null is right.
void Expect(const Sensor& sensor, const Session& session, uint32_t most,
            const std::string& what) {
  ASSERT_EQ(sensor.sessions().size(), 1u) << what;
  const std::string words = Words(sensor.sessions()[0]);
  const bool hidden = session.service == Service::kSmtp &&
                      (session.eager || most > classify::MessageEnd::kLookedAt);
  if (hidden && (words == "null" || words == "bytes null")) return;
  EXPECT_EQ(words, Words(session.counts, session.service)) << what;
}

TEST(Messages, CountWhateverTheSegments) {
  Random random(1);
  for (int i = 0; i < 600; ++i) {
    const Session session = Any(random);
    const uint32_t most = i % 3 == 0 ? 5 : i % 3 == 1 ? 380 : 1'400;
    Sensor sensor;
    sensor.Play(Cut(session, random, most).frames()).Finish();
    Expect(sensor, session, most, absl::StrCat("session ", i));
    if (HasFailure()) return;
  }
}

TEST(Messages, CountWhateverTheOrderAndTheCopies) {
  Random random(2);
  for (int i = 0; i < 600; ++i) {
    const Session session = Any(random);
    const uint32_t most = i % 2 == 0 ? 60 : 1'400;
    const Frames frames = Cut(session, random, most).frames();
    Sensor sensor;
    sensor.Play(Shuffled(i % 4 < 2 ? frames : Doubled(frames), 4, 6, static_cast<unsigned>(i)))
        .Finish();
    Expect(sensor, session, most, absl::StrCat("session ", i));
    if (HasFailure()) return;
  }
}

// What is known of the messages has to be right; whether anything is.
bool KnownAndRight(const Frames& frames, const Session& session, const std::string& what) {
  Sensor sensor;
  sensor.Play(frames).Finish();
  EXPECT_EQ(sensor.sessions().size(), 1u) << what;
  if (sensor.sessions().size() != 1) return false;
  const std::string words = Words(sensor.sessions()[0]);
  if (words == "null" || words == "bytes null") return false;
  EXPECT_EQ(words, Words(session.counts, session.service)) << what;
  return true;
}

// Any frame may be lost: what is counted is right, or null.
TEST(Messages, LostFramesLeaveNothingWrong) {
  Random random(3);
  int null = 0, exact = 0;
  for (int i = 0; i < 800; ++i) {
    const Session session = Any(random);
    Frames frames = Cut(session, random, 900).frames();
    frames.erase(frames.begin() + Pick(random, 3, static_cast<uint32_t>(frames.size()) - 1));
    ++(KnownAndRight(frames, session, absl::StrCat("session ", i)) ? exact : null);
    if (HasFailure()) return;
  }
  EXPECT_GT(exact, 100) << "lost text and acknowledgments hide nothing";
  EXPECT_GT(null, 100);
}

// One side's words are there before the other's first packet.
TEST(Messages, ADirectionThatLagsLeavesNothingWrong) {
  Random random(4);
  for (int i = 0; i < 600; ++i) {
    const Session session = Any(random);
    Frames frames = Cut(session, random, 900).frames();
    const auto late = static_cast<Direction>(i % 2);
    const UnixNanos lag = (1 + i % 40) * kNanosPerMilli;
    for (Frame& frame : frames) {
      if (frame.direction == late) frame.time += lag;
    }
    std::stable_sort(frames.begin(), frames.end(),
                     [](const Frame& a, const Frame& b) { return a.time < b.time; });
    KnownAndRight(frames, session, absl::StrCat("session ", i));
    if (HasFailure()) return;
  }
}

// A segment comes only when it is sent again, and tells what its sender has heard by then.
// Another one may be missing for good.
TEST(Messages, WhatIsSentAgainLeavesNothingWrong) {
  constexpr std::size_t kAck = 14 + 20 + 8;  // of an Ethernet frame with IPv4
  Random random(5);
  for (int i = 0; i < 1'200; ++i) {
    const Session session = Any(random);
    Frames frames = Cut(session, random, 900).frames();
    const auto size = static_cast<uint32_t>(frames.size());
    const uint32_t first = Pick(random, 3, size - 4);
    const uint32_t again = std::min(size - 4, first + Pick(random, 1, 6));
    Frame moved = frames[first];
    for (uint32_t k = first; k < again; ++k) {
      frames[k] = frames[k + 1];
      if (frames[k].direction != moved.direction) continue;
      moved.bytes.replace(kAck, 4, frames[k].bytes, kAck, 4);
    }
    moved.time = frames[again].time;
    frames[again] = moved;
    if (i % 2 != 0 && !session.eager) frames.erase(frames.begin() + Pick(random, 3, again));
    KnownAndRight(frames, session, absl::StrCat("session ", i));
    if (HasFailure()) return;
  }
}

std::string Counted(const Script& script, uint16_t port, std::size_t segment_bytes) {
  Sensor sensor;
  sensor.Play(Play(script, port, segment_bytes).frames()).Finish();
  return sensor.sessions().size() == 1 ? Words(sensor.sessions()[0]) : Only(sensor);
}

const Script kRetrieval = {
    {kDown, "+OK ready\r\n"},      {kUp, "USER me\r\n"}, {kDown, "+OK\r\n"},
    {kUp, "PASS secret\r\n"},      {kDown, "+OK\r\n"},   {kUp, "RETR 1\r\n"},
    {kDown, "+OK\r\nabc\r\n.\r\n"}};

TEST(Messages, CountBehindALineEndBeforeTheGreeting) {
  const auto late = [](Script script) {
    script[0].text = "\r\n" + script[0].text;
    return script;
  };
  for (const std::size_t segment : {1, 2, 3, 1'400}) {
    for (const uint16_t port : {143, 10'143}) {
      EXPECT_EQ(Counted(late(ImapScript()), port, segment), "appended 0, fetched 2000");
    }
    for (const uint16_t port : {110, 10'110}) {
      EXPECT_EQ(Counted(late(kRetrieval), port, segment), "retrieved 1, 5 bytes");
    }
  }
}

// Clients that don't wait for the greeting, one that waits behind DATA alone, and one that
// waits for nothing.
TEST(Messages, CountWhatIsAskedForBeforeTheGreeting) {
  const Script pop3 = {
      {kUp, "USER me\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n"},
      {kDown, "+OK ready\r\n+OK\r\n+OK in\r\n+OK 5 octets\r\nabc\r\n.\r\n+OK bye\r\n"}};
  const Script imap = {
      {kUp, "a LOGIN me secret\r\nb APPEND x {3+}\r\nabc\r\nc FETCH 1 BODY[]\r\n"},
      {kDown, "* OK IMAP4rev1 ready\r\na OK\r\nb OK\r\n"},
      {kDown, "* 1 FETCH (BODY[] {6}\r\nabcdef)\r\nc OK\r\n"}};
  const Script smtp = {{kUp, "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"},
                       {kDown, "220 mx ESMTP\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
                       {kUp, "hi\r\n.\r\n"},
                       {kUp, "QUIT\r\n"},
                       {kDown, "250 ok\r\n221 bye\r\n"}};
  const Script blind = {
      {kUp, "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"},
      {kDown, "220 mx ESMTP\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
      {kDown, "250 ok\r\n221 bye\r\n"}};
  for (const std::size_t segment : {1, 3, 1'400}) {
    for (const uint16_t port : {110, 143}) {
      EXPECT_EQ(Counted(pop3, port, segment), "retrieved 1, 5 bytes") << port << segment;
    }
    for (const uint16_t port : {143, 110}) {
      EXPECT_EQ(Counted(imap, port, segment), "appended 3, fetched 6") << port << segment;
    }
    for (const uint16_t port : {25, 2'526}) {
      for (const Script& script : {smtp, blind}) {
        EXPECT_EQ(Counted(script, port, segment), "1 to 1, 4 bytes, refused 0+0")
            << port << segment;
      }
    }
  }
}

TEST(Messages, CountWhereLinesEndWithoutCarriageReturn) {
  const Script smtp = {
      {kDown, "220 mx ESMTP\n"},  {kUp, "EHLO me\n"},  {kDown, "250 mx\n"},
      {kUp, "MAIL FROM:<a@b>\n"}, {kDown, "250 ok\n"}, {kUp, "RCPT TO:<c@d>\n"},
      {kDown, "250 ok\n"},        {kUp, "DATA\n"},     {kDown, "354 go\n"},
      {kUp, "hi\n.\n"},           {kDown, "250 ok\n"}, {kUp, "QUIT\n"},
      {kDown, "221 bye\n"}};
  Script pop3 = kRetrieval;
  for (Line& line : pop3) line.text = absl::StrReplaceAll(line.text, {{"\r", ""}});
  for (const std::size_t segment : {1, 3, 1'400}) {
    EXPECT_EQ(Counted(smtp, 25, segment), "1 to 1, 3 bytes, refused 0+0");
    EXPECT_EQ(Counted(pop3, 110, segment), "retrieved 1, 4 bytes");
  }
}

// Some servers say something once more to a client that has hung up without QUIT.
TEST(Messages, WhatNobodyAskedForBehindTheEndHidesNothing) {
  Script script = SmtpScript();
  while (script.back().text.substr(0, 3) != "250") script.pop_back();
  for (const bool lost : {false, true}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", 25);
    Say(c.Handshake(), script);
    if (lost) c.Lost(kUp, "RSET\r\n");
    c.Fin(kUp).Server("250 Ok\r\n").Fin(kDown).Ack(kUp);
    Sensor sensor;
    sensor.Play(c.frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u);
    EXPECT_EQ(sensor.sessions()[0].messages, lost ? meter::SessionRecord::kUnknownCount : 1u);
  }
}

// Looks like more of the text.
TEST(Messages, OfAServerThatHasWaitedForTooLongAreOfUnknownLength) {
  Script script = kRetrieval;
  script.push_back({kDown, "-ERR timeout\r\n"});
  EXPECT_EQ(Counted(script, 110, 1'400), "bytes null");
  script.push_back({kUp, "QUIT\r\n"});
  EXPECT_EQ(Counted(script, 110, 1'400), "bytes null");
  // In the middle of a text it is just a line.
  script = kRetrieval;
  script.back().text = "+OK\r\n";
  script.push_back({kDown, "-ERR timeout\r\n"});
  script.push_back({kDown, "abc\r\n.\r\n"});
  EXPECT_EQ(Counted(script, 110, 1'400), "retrieved 1, 19 bytes");
}

TEST(Messages, AreHiddenByCompression) {
  const Script script = {{kDown, "* OK IMAP4rev1 ready\r\n"},
                         {kUp, "a1 LOGIN me secret\r\n"},
                         {kDown, "a1 OK\r\n"},
                         {kUp, "a2 COMPRESS DEFLATE\r\n"},
                         {kDown, "a2 OK DEFLATE active\r\n"},
                         {kUp, std::string("\x4a\xcd\x00", 3)}};
  Sensor sensor;
  sensor.Play(Play(script, 143).frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(Words(sensor.sessions()[0]), "null");
}

TEST(Messages, OfAFetchThatIsCutOffAreWhatCame) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 143);
  c.Handshake();
  Say(c, {{kDown, "* OK IMAP4rev1 ready\r\n"},
          {kUp, "a1 LOGIN me secret\r\n"},
          {kDown, "a1 OK\r\n"},
          {kUp, "a2 FETCH 1 BODY[]\r\n"},
          {kDown, "* 1 FETCH (BODY[] {1000000}\r\n" + std::string(7'000, 'x')}});
  Sensor sensor;
  sensor.Play(c.Reset(kUp).frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(Words(sensor.sessions()[0]), "appended 0, fetched 7000");
}

}  // namespace
}  // namespace mailtap::pipeline

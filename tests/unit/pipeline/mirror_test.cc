// What a bad mirror does to a conversation, and what must come out all the same.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

Frames Without(Frames frames, std::size_t index) {
  frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(index));
  return frames;
}

std::string Volume(const meter::SessionRecord& s) {
  return absl::StrCat(s.bytes[kUp].volume(), "/", s.bytes[kDown].volume());
}

struct Named {
  const char* name;
  Script script;
  uint16_t port;
};

std::vector<Named> Mail() {
  return {{"smtp", SmtpScript(), 25},
          {"smtp, pipelined", SmtpPipelinedScript(), 25},
          {"smtp, odd port", SmtpScript(), 2525},
          {"smtp, starttls", SmtpStarttlsScript(), 25},
          {"imap", ImapScript(), 143},
          {"imap, odd port", ImapScript(), 10'143},
          {"imap, starttls", ImapStarttlsScript(), 143},
          {"pop3", Pop3Script(), 110},
          {"pop3, odd port", Pop3Script(), 10'110},
          {"imaps", ImplicitTlsScript("imap.example.com"), 993}};
}

TEST(Mirror, DuplicatesChangeNothing) {
  for (const Named& c : Mail()) {
    SCOPED_TRACE(c.name);
    const Frames frames = Play(c.script, c.port).frames();
    Sensor once, twice;
    once.Play(frames).Finish();
    twice.Play(Doubled(frames)).Finish();
    EXPECT_EQ(Only(twice), Only(once));
    EXPECT_NE(Only(once), "none");
    EXPECT_EQ(twice.Total().sessions, 1u);
    EXPECT_EQ(twice.Total().messages, once.Total().messages);
    EXPECT_EQ(twice.Total().bytes[kUp].repeated, BytesOf(c.script, kUp));
  }
}

TEST(Mirror, OrderOfArrivalChangesNothing) {
  for (const Named& c : Mail()) {
    for (const std::size_t segment : {20, 300}) {
      const Frames frames = Play(c.script, c.port, segment).frames();
      // On an odd port the first payload is what a session is found by.
      if (c.port > 1'024 && segment < 100) continue;
      const std::size_t keep = c.port > 1'024 ? 4 : 3;
      Sensor ordered;
      ordered.Play(frames).Finish();
      for (unsigned seed = 0; seed < 40; ++seed) {
        for (const Frames& arrived :
             {Shuffled(frames, 4, keep, seed), Shuffled(Doubled(frames), 6, 2 * keep, seed)}) {
          Sensor sensor;
          sensor.Play(arrived).Finish();
          ASSERT_EQ(Only(sensor), Only(ordered))
              << c.name << " " << segment << " seed " << seed;
        }
      }
    }
  }
}

// The same for the handshake itself. On odd ports a greeting before its SYN is met under way.
TEST(Mirror, OrderOfTheHandshakeChangesNoVolume) {
  for (const Named& c : Mail()) {
    if (c.port > 1'024) continue;
    const Frames frames = Play(c.script, c.port, 300).frames();
    for (unsigned seed = 0; seed < 100; ++seed) {
      Sensor sensor;
      sensor.Play(Shuffled(frames, 4, 0, seed)).Finish();
      ASSERT_EQ(sensor.sessions().size(), 1u) << c.name << " seed " << seed;
      ASSERT_EQ(Volume(sensor.sessions()[0]),
                absl::StrCat(BytesOf(c.script, kUp), "/", BytesOf(c.script, kDown)))
          << c.name << " seed " << seed;
    }
  }
}

TEST(Mirror, SessionsThatLackADirectionAreToldFromOthersOfTheirConversation) {
  for (const Direction shown : {kUp, kDown}) {
    Conversation whole("10.0.0.5", 40'000, "198.51.100.7", 25);
    Conversation half("10.0.0.5", 40'001, "198.51.100.7", 25);
    for (Conversation* c : {&whole, &half}) {
      c->Handshake().Server("220 mx ESMTP\r\n").Client("EHLO a.example\r\n");
      c->Server("250 mx\r\n").Client("QUIT\r\n").Server("221 bye\r\n").Close();
    }
    Sensor sensor;
    sensor.Play(Merge({whole.frames(), half.OneWay(shown)})).Finish();
    ASSERT_EQ(sensor.sessions().size(), 2u);
    const meter::DeltaRecord total = sensor.Total();
    EXPECT_EQ(total.one_way, (total.bytes[kUp].volume() + total.bytes[kDown].volume()) / 2);
    EXPECT_NE(total.one_way, 0u);
  }
}

TEST(Mirror, LateSynAfterItsAnswerOnAnOddPort) {
  Frames frames = Play(SmtpScript(), 2525).frames();
  std::swap(frames[0].bytes, frames[1].bytes);
  Sensor sensor;
  sensor.Play(frames).Finish();
  EXPECT_NE(Only(sensor).find("messages 1 rejected 0"), std::string::npos) << Only(sensor);
}

// On an odd port only what was said first tells what it is, and it may come behind what was
// said next: each of the first frames behind each of those that follow it.
TEST(Mirror, OpeningsOnOddPortsComeInAnyOrder) {
  struct {
    Script script;
    std::size_t cut;  // bytes of a segment
  } const openings[] = {{SmtpScript(), 1'400},
                        {SmtpScript(), 7},
                        {ImapScript(), 9},
                        {Pop3Script(), 5},
                        {ImplicitTlsScript("imap.example.com"), 60}};
  for (const auto& [script, cut] : openings) {
    Conversation talk("10.1.0.5", 40'000, "192.0.2.25", 2'525);
    talk.Cut(cut).Handshake();
    Say(talk, script);
    const Frames frames = talk.Close().frames();
    Sensor in_order;
    in_order.Play(frames).Finish();
    const std::string wanted = Only(in_order);
    constexpr std::size_t kHandshake = 3, kFirst = 8;
    for (std::size_t late = kHandshake; late < std::min(kFirst, frames.size() - 1); ++late) {
      for (std::size_t to = late + 1; to < std::min(late + kFirst, frames.size()); ++to) {
        Frames reordered = frames;
        for (std::size_t i = late; i < to; ++i) std::swap(reordered[i], reordered[i + 1]);
        for (std::size_t i = 0; i < frames.size(); ++i) reordered[i].time = frames[i].time;
        Sensor sensor;
        sensor.Play(reordered).Finish();
        EXPECT_EQ(Only(sensor), wanted) << cut << ": " << late << " behind " << to;
        ASSERT_EQ(sensor.sessions().size(), 1u);
        EXPECT_EQ(sensor.sessions()[0].bytes[kUp].inferred, 0u) << cut << ": " << late;
        EXPECT_EQ(sensor.sessions()[0].bytes[kDown].inferred, 0u) << cut << ": " << late;
        EXPECT_EQ(sensor.sessions()[0].bytes[kUp].packets,
                  in_order.sessions()[0].bytes[kUp].packets);
      }
    }
  }
}

// A beginning that is lost and not late: such flows must not take the room of mail.
TEST(Mirror, WhatLacksItsBeginningIsWaitedForBriefly) {
  for (const bool server_first : {false, true}) {
    Conversation talk("10.1.0.5", 40'000, "192.0.2.25", 9'100);
    talk.Handshake().Lost(server_first ? kDown : kUp, std::string(200, '\x81'));
    for (int i = 0; i < 30; ++i) talk.Client(std::string(1'000, '\x81')).Ack(kDown);
    Sensor sensor;
    sensor.Play(talk.frames()).Idle(1);
    EXPECT_EQ(sensor.counters().sessions.value(), 0u) << server_first;
    EXPECT_EQ(sensor.counters().dialogues.value(), 0u) << server_first;
    EXPECT_EQ(sensor.Finish().sessions().size(), 0u) << server_first;
  }
}

// The client's packets come some milliseconds behind the server's.
TEST(Mirror, ADirectionMayLagBehind) {
  for (const auto& [script, port] : {std::pair{ImapScript(), 143}, {Pop3Script(), 110}}) {
    Frames frames = Play(script, static_cast<uint16_t>(port)).frames();
    for (Frame& frame : frames) {
      if (frame.direction == kUp) frame.time += 4 * kNanosPerMilli;
    }
    std::stable_sort(frames.begin() + 3, frames.end(),
                     [](const Frame& a, const Frame& b) { return a.time < b.time; });
    Sensor sensor;
    sensor.Play(frames).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u);
    EXPECT_NE(sensor.sessions()[0].text_bytes[kDown], meter::SessionRecord::kUnknownBytes);
  }
}

// RFC 7413: what a SYN carries is acknowledged with it, though on an odd port nobody reads it.
TEST(Mirror, ASynMayCarryText) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 2525);
  c.Handshake();
  Say(c, SmtpScript());
  Frames frames = c.Close().frames();
  constexpr std::size_t kAck = 14 + 20 + 8;  // of an Ethernet frame with IPv4
  // As if eight bytes more stood before the client's first.
  frames[0].bytes[kAck - 1] = static_cast<char>(frames[0].bytes[kAck - 1] - 8);
  Sensor sensor;
  sensor.Play(frames).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kUp].inferred, 8u);
}

// Any one frame lost: the session is still found, with all its bytes; and where the loss hides
// a message, its count is null, never wrong.
TEST(Mirror, OneLostFrame) {
  for (const Named& c : Mail()) {
    const Frames frames = Play(c.script, c.port, 500).frames();
    for (std::size_t lost = 0; lost < frames.size(); ++lost) {
      SCOPED_TRACE(absl::StrCat(c.name, " without frame ", lost));
      Sensor sensor;
      sensor.Play(Without(frames, lost)).Finish();
      if (c.port > 1'024 && sensor.sessions().empty()) continue;  // half of the proof is gone
      ASSERT_EQ(sensor.sessions().size(), 1u);
      const meter::SessionRecord& s = sensor.sessions()[0];
      const Sensor whole;
      const uint32_t truth = c.name == std::string("smtp, pipelined") ? 2 : 1;
      if (s.messages != meter::SessionRecord::kUnknownCount) {
        EXPECT_EQ(s.messages, truth);
        EXPECT_EQ(s.rejected, 0u);
      }
      if (c.port < 1'024) {
        EXPECT_EQ(Volume(s),
                  absl::StrCat(BytesOf(c.script, kUp), "/", BytesOf(c.script, kDown)));
      }
    }
  }
}

TEST(Mirror, LostMessageTextHidesNothing) {
  const Frames frames = Play(SmtpScript(), 25, 500).frames();
  // Frames: handshake 3, one a line up to 354, then the text's six and more.
  Sensor sensor;
  sensor.Play(Without(frames, 14)).Finish();
  EXPECT_EQ(Only(sensor), "smtp banner none 2628+500/200 messages 1 rejected 0");
}

// The handshake's first two packets arrive behind the first text; the stamps stay in order.
TEST(Mirror, TextMayComeBeforeTheHandshake) {
  for (const Named& c : Mail()) {
    if (c.port > 1'024)
      continue;  // on an odd port a side's first text is found by the handshake
    Sensor expected;
    expected.Play(Play(c.script, c.port).frames()).Finish();
    Frames late = Play(c.script, c.port).frames();
    std::vector<UnixNanos> times;
    for (const Frame& frame : late) times.push_back(frame.time);
    std::rotate(late.begin(), late.begin() + 2, late.begin() + 5);
    for (std::size_t i = 0; i < late.size(); ++i) late[i].time = times[i];
    Sensor sensor;
    sensor.Play(late).Finish();
    EXPECT_EQ(Only(sensor), Only(expected)) << c.name;
    EXPECT_EQ(sensor.Sni(), expected.Sni()) << c.name;
  }
}

TEST(Mirror, OneDirectionOnly) {
  const struct {
    Named c;
    Direction seen;
    const char* expected;
  } kCases[] = {
      {{"smtp client", SmtpScript(), 25}, kUp, "smtp command none 3128/0+200"},
      {{"smtp server", SmtpScript(), 25}, kDown, "smtp banner none 0+3128/200"},
      {{"imap client", ImapScript(), 143}, kUp, "imap command none 69/0+2212"},
      {{"imap server", ImapScript(), 143}, kDown, "imap banner none 0+69/2212"},
      {{"pop3 client", Pop3Script(), 110}, kUp, "pop3 command none 38/0+1581"},
      {{"pop3 server", Pop3Script(), 110}, kDown, "pop3 banner none 0+38/1581"},
      {{"imaps client", ImplicitTlsScript("imap.example.com"), 993},
       kUp,
       "imap sni implicit 283/0+1999"},
      {{"imaps server", ImplicitTlsScript("imap.example.com"), 993},
       kDown,
       "imap port implicit 0+283/1999"},
  };
  for (const auto& [c, seen, expected] : kCases) {
    for (const std::size_t segment : {1, 1'400}) {
      Sensor sensor;
      sensor.Play(Play(c.script, c.port, segment).OneWay(seen)).Finish();
      EXPECT_EQ(Only(sensor), absl::StrCat(expected, " messages null rejected null"))
          << c.name << " in segments of " << segment;
    }
  }
}

// Only the acknowledgments of a download are seen: no text at all, and still mail by its port.
TEST(Mirror, AcknowledgmentsAlone) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 993);
  c.Handshake();
  for (int i = 0; i < 20; ++i) c.Server(std::string(1'000, 'x')).Ack(kUp);
  Sensor sensor;
  sensor.Play(c.OneWay(kUp)).Finish();
  EXPECT_EQ(Only(sensor), "imap port implicit 0/0+20000 messages null rejected null");
  EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u);
}

// And a few bytes more, too few for a word.
TEST(Mirror, HeadersAlone) {
  for (const Named& c : Mail()) {
    if (c.port > 1'024) continue;
    for (uint32_t captured = 54; captured < 70; ++captured) {
      Frames frames = Play(c.script, c.port).frames();
      for (Frame& frame : frames) frame.captured = captured;
      Sensor sensor;
      sensor.Play(frames).Finish();
      ASSERT_EQ(sensor.sessions().size(), 1u) << c.name << " " << captured;
      EXPECT_EQ(Volume(sensor.sessions()[0]),
                absl::StrCat(BytesOf(c.script, kUp), "/", BytesOf(c.script, kDown)))
          << c.name << " " << captured;
      EXPECT_EQ(sensor.sessions()[0].messages, meter::SessionRecord::kUnknownCount);
      EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u);
      EXPECT_GT(sensor.counters().snapped.value(), 3u);
    }
  }
}

TEST(Mirror, MetUnderWay) {
  for (const Named& c : Mail()) {
    SCOPED_TRACE(c.name);
    // There Redis says the same.
    if (c.name == std::string("pop3, odd port")) continue;
    Conversation talk("10.1.0.5", 40'000, "192.0.2.25", c.port);
    Say(talk, c.script);
    talk.Close();
    Sensor sensor;
    sensor.Play(talk.frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u);
    EXPECT_EQ(Volume(sensor.sessions()[0]),
              absl::StrCat(BytesOf(c.script, kUp), "/", BytesOf(c.script, kDown)));
    EXPECT_EQ(sensor.sessions()[0].messages, meter::SessionRecord::kUnknownCount);
    EXPECT_EQ(ToString(sensor.sessions()[0].key.server), "192.0.2.25");
  }
}

TEST(Mirror, MissingBytesAreInferredAfterThreeSeconds) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 143);
  c.Handshake();
  Say(c, {{kDown, "* OK ready\r\n"}, {kUp, "a1 LOGIN a b\r\n"}, {kDown, "a1 OK\r\n"}});
  c.Lost(kDown, std::string(700, 'x')).Server("rest\r\n");
  Sensor sensor;
  sensor.Play(c.frames()).Idle(3);
  EXPECT_EQ(sensor.Total().bytes[kDown].inferred, 0u);
  sensor.Idle(1);
  EXPECT_EQ(sensor.Total().bytes[kDown].inferred, 700u);
  EXPECT_EQ(sensor.Total().bytes[kDown].observed, 25u);
}

// A reply whose question the mirror lost is no greeting.
TEST(Mirror, LostQuestionOfALookalike) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 6'379);
  c.Handshake().Lost(kUp, "SET a b\r\n").Server("+OK\r\n").Client("QUIT\r\n").Server("+OK\r\n");
  c.Close();
  Sensor sensor;
  sensor.Play(c.frames()).Idle(10).Finish();
  EXPECT_EQ(Only(sensor), "none");
}

// The client's first words come before the greeting that they answer, and once more later.
TEST(Mirror, ARetransmissionBehindAReorderedGreeting) {
  const Script script = {
      {kDown, "+OK POP3 ready\r\n"}, {kUp, "USER u\r\n"}, {kDown, "+OK\r\n"},
      {kUp, "PASS p\r\n"},           {kDown, "+OK\r\n"},  {kUp, "STAT\r\n"},
      {kDown, "+OK 1 9\r\n"},        {kUp, "QUIT\r\n"},   {kDown, "+OK bye\r\n"}};
  for (const std::size_t at : {6, 8, 10}) {
    Frames frames = Play(script, 10'110).frames();
    ASSERT_EQ(frames[3].direction, kDown);
    ASSERT_EQ(frames[4].direction, kUp);
    Frame words = frames[4];
    constexpr std::size_t kAck = 14 + 20 + 8;  // acknowledges what has been heard since
    words.bytes.replace(kAck, 4, frames[at].bytes, kAck, 4);
    std::swap(frames[3], frames[4]);
    std::swap(frames[3].time, frames[4].time);
    frames.insert(frames.begin() + static_cast<long>(at), words);
    frames[at].time = frames[at + 1].time;
    Sensor sensor;
    sensor.Play(frames).Finish();
    EXPECT_EQ(Only(sensor),
              absl::StrCat("pop3 banner none ", BytesOf(script, kUp), "/",
                           BytesOf(script, kDown), " messages null rejected null"))
        << at;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

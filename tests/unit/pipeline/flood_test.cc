// What connections that nobody answers leave of the room for those that come about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using testing::StartsWith;

constexpr uint16_t kClientPort = 50'000;

Conversation From(uint16_t client_port) { return {"10.1.0.5", client_port, "192.0.2.25", 25}; }

// Of many clients: notes of one pair of addresses displace each other only.
Conversation Stranger(int i) { return {absl::StrCat("10.2.0.", i), 40'000, "192.0.2.25", 25}; }

// With room for 64 sessions.
class FloodedSensor : public Sensor {
 public:
  FloodedSensor() : Sensor(Small()) {}

  FloodedSensor& Syns(int count) {
    for (int i = 0; i < count; ++i) Play({Stranger(i).Handshake().frames()[0]});
    return *this;
  }
  // The session of kClientPort, in words; the flood leaves none.
  std::string Mail() {
    Finish();
    return Only(*this);
  }

 private:
  static config::Config Small() {
    config::Config config = SmallConfig();
    config.limits.sessions = 64;
    config.limits.handshakes = 4'096;
    return config;
  }
};

Conversation Mail(const Script& script = SmtpScript()) {
  return Play(script, 25, 1'400, kClientPort);
}

std::string Unflooded(const Frames& frames) {
  Sensor sensor;
  sensor.Play(frames).Finish();
  return Only(sensor);
}

TEST(Flood, HidesNothing) {
  const Conversation mail = Mail();
  for (const Frames& frames :
       {mail.frames(), mail.OneWay(kUp), mail.OneWay(kDown), Doubled(mail.frames())}) {
    FloodedSensor sensor;
    sensor.Syns(200).Play(frames);
    EXPECT_GT(sensor.shortages(Shortage::kHalfOpen), 200u - 64);
    EXPECT_EQ(sensor.Mail(), Unflooded(frames));
    EXPECT_EQ(sensor.shortages(Shortage::kSessions), 0u);
    EXPECT_EQ(sensor.sessions()[0].first_seen, frames[0].time);
  }
}

TEST(Flood, MayBeginOrEndWithinAHandshake) {
  const Frames mail = Mail().frames();
  for (std::size_t before = 1; before < 4; ++before) {
    const Frames first(mail.begin(), mail.begin() + before);
    const Frames rest(mail.begin() + before, mail.end());
    FloodedSensor begins, ends;
    begins.Play(first);
    begins.Syns(200).Play(rest);
    EXPECT_EQ(begins.Mail(), Unflooded(mail)) << before;

    ends.Syns(200).Play(first);
    for (int i = 0; i < 64; ++i) {  // they are refused
      ends.Play(Stranger(i).Handshake().Reset(kDown).frames());
    }
    Frames later = rest;
    for (Frame& frame : later) frame.time += 20 * kNanosPerSecond;
    ends.Play(later);
    EXPECT_EQ(ends.Mail(), Unflooded(mail)) << before;
    EXPECT_EQ(ends.sessions()[0].first_seen, kStart);
    EXPECT_EQ(ends.sessions()[0].bytes[kUp].packets, Mail().OneWay(kUp).size());
  }
}

TEST(Flood, LeavesRoomWhereMuchIsOpen) {
  FloodedSensor sensor;
  constexpr uint16_t kOpen = 40;
  for (uint16_t i = 0; i < kOpen; ++i) {
    Conversation c = From(static_cast<uint16_t>(10'000 + i));
    c.Handshake().Server("220 mx ESMTP\r\n").Client("EHLO me\r\n").Server("250 mx\r\n");
    sensor.Play(c.frames());
  }
  sensor.Syns(200).Play(Mail().frames()).Finish();
  EXPECT_EQ(sensor.sessions().size(), kOpen + 1u);
  EXPECT_EQ(sensor.shortages(Shortage::kSessions), 0u);
}

// A client may speak in its SYN (RFC 7413).
TEST(Flood, HidesNoWordsInAHandshake) {
  Conversation c = From(kClientPort);
  Script rest = SmtpScript();
  c.Handshake(rest[1].text);
  rest.erase(rest.begin() + 1);
  Say(c, rest);
  FloodedSensor sensor;
  sensor.Syns(200).Play(c.Close().frames());
  EXPECT_EQ(sensor.Mail(), Unflooded(c.frames()));
}

TEST(Flood, HidesNothingThatIsMetUnderWay) {
  Conversation c = From(kClientPort);
  Say(c, SmtpScript());
  FloodedSensor sensor;
  sensor.Syns(200).Play(c.frames());
  EXPECT_EQ(sensor.Mail(), Unflooded(c.frames()));
}

// What turned out to be something else is no part of one.
TEST(Flood, IsNothingThatIsNoMail) {
  FloodedSensor sensor;
  for (int i = 0; i < 50; ++i) {
    Conversation c = Stranger(i);
    sensor.Play(c.Handshake().Client("SSH-2.0-scanner\r\n").Client("more\r\n").frames());
  }
  sensor.Play({Mail().frames()[0]});
  EXPECT_EQ(sensor.shortages(Shortage::kHalfOpen), 0u);
}

// One packet is enough for that, and nobody has answered it.
TEST(Flood, OfWhatIsNoMailLeavesRoomForIt) {
  for (const uint16_t port : {25, 2'525}) {
    FloodedSensor sensor;
    constexpr int kStrangers = 250;
    for (int i = 0; i < kStrangers; ++i) {
      Conversation c(absl::StrCat("10.2.0.", i), 40'000, "192.0.2.25", port);
      sensor.Play(c.At(kStart + i * kNanosPerSecond).Client("LHLO me\r\n").frames());
    }
    Frames mail = Mail().frames();
    for (Frame& frame : mail) frame.time += kStrangers * kNanosPerSecond;
    sensor.Play(mail);
    EXPECT_EQ(sensor.Mail(), Unflooded(mail)) << port;
    EXPECT_EQ(sensor.shortages(Shortage::kSessions), 0u) << port;
  }
}

// Before they are forgotten they have half of the room, no more.
TEST(Flood, OfWhatIsNoMailHasItsBound) {
  FloodedSensor sensor;
  constexpr int kStrangers = 250;
  constexpr int64_t kApart = 70 * kNanosPerMilli;
  for (int i = 0; i < kStrangers; ++i) {
    Conversation c(absl::StrCat("10.2.0.", i), 40'000, "192.0.2.25", 25);
    sensor.Play(c.At(kStart + i * kApart).Client("LHLO me\r\n").frames());
  }
  Frames mail = Mail().frames();
  for (Frame& frame : mail) frame.time += kStrangers * kApart;
  sensor.Play(mail);
  EXPECT_EQ(sensor.Mail(), Unflooded(mail));
  EXPECT_EQ(sensor.shortages(Shortage::kSessions), 0u);
}

}  // namespace
}  // namespace mailtap::pipeline

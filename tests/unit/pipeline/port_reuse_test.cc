// Connections on the ports of one before them, and packets that are nobody's.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

constexpr uint32_t kClientIsn = 1'000, kServerIsn = 700'000;

Conversation At(int64_t nanos, uint32_t ahead) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 25);
  c.At(kStart + nanos).Numbers(kClientIsn + ahead, kServerIsn + ahead);
  return c;
}

Conversation Whole(int64_t nanos, uint32_t ahead) {
  Conversation c = At(nanos, ahead);
  c.Handshake();
  Say(c, SmtpScript());
  return c;
}

// Volumes of all sessions, in order of their beginning.
std::string Volumes(Sensor& sensor) {
  sensor.Finish();
  std::vector<std::string> all;
  for (const meter::SessionRecord& session : sensor.sessions()) {
    all.push_back(
        absl::StrCat(session.bytes[kUp].volume(), "/", session.bytes[kDown].volume()));
  }
  return absl::StrJoin(all, " ");
}

constexpr char kTwice[] = "3128/200 3128/200";

Frames Without(Frames frames, std::size_t from, std::size_t count) {
  frames.erase(frames.begin() + from, frames.begin() + from + count);
  return frames;
}

// By as much as Linux's numbers advance.
TEST(PortReuse, OneDirectionsEndIsItsConnectionsEnd) {
  for (const Direction seen : {kUp, kDown}) {
    for (const int64_t millis : {200, 3'000, 20'000, 300'000}) {
      const auto ahead = static_cast<uint32_t>(millis * 15'625);
      // The FIN that nobody sees takes a number, which may be a byte's.
      const Frames first = Whole(0, 0).Fin(seen).frames();
      Frames both = Merge({first, Whole(millis * kNanosPerMilli, ahead).Fin(seen).frames()});
      std::erase_if(both, [seen](const Frame& frame) { return frame.direction != seen; });
      Sensor sensor;
      sensor.Play(both);
      EXPECT_EQ(Volumes(sensor), kTwice) << seen << " " << millis;
    }
  }
}

TEST(PortReuse, OfOneDirectionAHandshakeThatGoesOnTells) {
  for (const Direction seen : {kUp, kDown}) {
    Frames both = Merge(
        {Whole(0, 0).Ack(kUp).frames(), Whole(kNanosPerSecond, 50'000'000).Ack(kUp).frames()});
    std::erase_if(both, [seen](const Frame& frame) { return frame.direction != seen; });
    Sensor sensor;
    sensor.Play(both);
    EXPECT_EQ(Volumes(sensor), kTwice) << seen;
  }
}

TEST(PortReuse, WhoHasSaidItsLastBeginsAnew) {
  const Frames first = Whole(0, 0).Fin(kUp).Ack(kDown).frames();  // the server's FIN is lost
  Sensor sensor;
  sensor.Play(first);
  const int64_t after = first.back().time - kStart + 10 * kNanosPerMilli;
  sensor.Play(Whole(after, 100'000'000).Close().frames());
  EXPECT_EQ(Volumes(sensor), kTwice);
}

TEST(PortReuse, TheAnswerToTheSynMayBeLost) {
  Sensor sensor;
  sensor.Play(Whole(0, 0).frames());
  sensor.Play(Without(Whole(kNanosPerSecond, 50'000'000).Close().frames(), 1, 1));
  EXPECT_EQ(Volumes(sensor), kTwice);
}

// Once the one before has lingered, not for as long as packets come.
TEST(PortReuse, TheHandshakeMayBeLost) {
  Sensor sensor;
  sensor.Play(Whole(0, 0).Close().frames());
  Conversation next = At(kNanosPerSecond, 50'000'000);
  next.Handshake().Server("220 mx ESMTP\r\n");
  for (int i = 0; i < 60; ++i) {
    next.Wait(kNanosPerSecond).Client("NOOP\r\n").Server("250 OK\r\n");
  }
  sensor.Play(Without(next.Close().frames(), 0, 3));
  sensor.Finish();
  ASSERT_EQ(sensor.sessions().size(), 2u);
  EXPECT_GE(sensor.sessions()[1].bytes[kUp].volume(), 45 * 6u);
  EXPECT_LE(sensor.sessions()[1].bytes[kUp].volume(), 60 * 6u);
}

TEST(PortReuse, StrayPacketsBeforeAHandshakeChangeNothing) {
  const Conversation mail = Whole(0, 0).Close();
  for (const uint32_t other : {20'000u, 5'000'000u, 0u - 300'000u}) {
    for (const Direction from : {kUp, kDown}) {
      Conversation stray = At(-10 * kNanosPerMilli, other);
      Sensor sensor;
      sensor.Play(stray.Ack(from).frames()).Play(mail.frames());
      EXPECT_EQ(Only(sensor.Finish()), "smtp banner none 3128/200 messages 1 rejected 0")
          << other;
    }
  }
}

TEST(PortReuse, StrayPacketsWithinAHandshakeChangeNoVolume) {
  const Frames mail = Whole(0, 0).Close().frames();
  for (const uint32_t other : {1'000u, 5'000'000u, 0u - 5'000'000u}) {
    for (const Direction from : {kUp, kDown}) {
      for (const bool speaks : {false, true}) {
        if (speaks && other == 1'000) continue;  // so little may be lost
        Conversation stray = At(mail[0].time - kStart, other);
        stray.Ack(from);
        if (speaks) from == kUp ? stray.Client("stray\r\n") : stray.Server("stray\r\n");
        Frames frames = stray.frames();
        frames.insert(frames.begin(), mail[0]);
        Sensor sensor;
        sensor.Play(frames).Play({mail.begin() + 1, mail.end()});
        sensor.Finish();
        ASSERT_EQ(sensor.sessions().size(), 1u) << other << from << speaks;
        EXPECT_EQ(sensor.sessions()[0].bytes[kDown].volume(),
                  200u + (speaks && from == kDown) * 7u)
            << other << from << speaks;
      }
    }
  }
}

// The first acknowledgment behind a SYN says as much as its answer.
TEST(PortReuse, AnAnswerAndAGreetingThatAreLostCount) {
  Sensor sensor;
  const Frames mail = Whole(0, 0).Close().frames();
  Frames rest = Without(mail, 3, 1);
  sensor.Play(Without(rest, 1, 1)).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kDown].volume(), 200u);
}

TEST(PortReuse, AResetTellsWhatWasLostBeforeIt) {
  Conversation c = At(0, 0);
  c.Handshake().Server("220 mx ESMTP\r\n").Client("EHLO me\r\n").Server("250 mx\r\n");
  const std::size_t seen = c.frames().size();
  c.Client("MAIL FROM:<a@b.example>\r\n").Server("250 OK\r\n").Reset(kUp);
  Sensor sensor;
  sensor.Play(Without(c.frames(), seen, c.frames().size() - seen - 1)).Finish();
  EXPECT_EQ(Only(sensor), "smtp banner none 9+25/22 messages null rejected null");
}

}  // namespace
}  // namespace mailtap::pipeline

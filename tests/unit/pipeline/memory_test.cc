// What a worker's tables take, and what a session takes of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

TEST(Memory, ASessionOfTheDefaultTablesTakes256Bytes) {
  const config::Config config;
  exchange::RecordRing ring(1 << 16);
  const auto worker = Worker::Create(config, SharedPatterns(), ring);
  ASSERT_TRUE(worker.ok());
  const auto sessions = static_cast<std::size_t>(config.limits.sessions);
  EXPECT_LE((*worker)->session_bytes(), sessions * 256);
  // Two records, at the least.
  EXPECT_GT((*worker)->session_bytes(), sessions * (64 + 128));
}

// Who scans for mail servers takes up no room for text, nor do connections on which nobody
// says anything.
TEST(Memory, ADialogueBeginsWithTheFirstWord) {
  Sensor sensor;
  for (int i = 1; i <= 200; ++i) {
    Conversation c(absl::StrCat("10.1.0.", i), 40'000, "192.0.2.25", 25);
    Frames frames = c.Handshake().frames();
    if (i % 2 == 0) frames.resize(1);
    sensor.Play(frames);
  }
  sensor.EndTick();
  EXPECT_EQ(sensor.counters().sessions.value(), 200u);
  EXPECT_EQ(sensor.counters().dialogues.value(), 0u);
}

// What both sides said first is kept until it is clear what it is, and once more while TLS
// begins.
TEST(Memory, AnOpeningEndsWithTheDecision) {
  const auto openings = [](const std::string& said_by_client) {
    Sensor sensor;
    Conversation c("10.1.0.1", 40'000, "192.0.2.25", 2'525);
    c.Handshake().Server("220 mx.example.net ESMTP\r\n");
    if (!said_by_client.empty()) c.Client(said_by_client);
    sensor.Play(c.frames()).EndTick();
    EXPECT_EQ(sensor.counters().dialogues.value(), 1u);
    return sensor.counters().openings.value();
  };
  EXPECT_EQ(openings(""), 1u);
  EXPECT_EQ(openings("EHLO pc.example.com\r\n"), 0u);
  EXPECT_EQ(openings("EHLO pc.example.com\r\nSTARTTLS\r\n\x16\x03\x01"), 1u);
}

// With no room for a hello, the session is known for TLS and counted all the same.
TEST(Memory, WithoutRoomForAHelloItsNameIsMissed) {
  config::Config small = SmallConfig();
  small.limits.dialogues = 4;  // one opening
  Sensor sensor(small);
  Conversation first("10.1.0.1", 40'000, "192.0.2.25", 25);
  Conversation other("10.1.0.2", 40'000, "192.0.2.25", 25);
  const Script script = SmtpStarttlsScript();
  first.Handshake();
  std::size_t hello = 0;
  while (script[hello].text[0] != '\x16') ++hello;
  Say(first, Script(script.begin(), script.begin() + static_cast<long>(hello)));
  other.At(first.frames().back().time).Handshake().Server("220 mx.example.net ESMTP\r\n");
  const std::size_t said = first.frames().size();
  Say(first, Script(script.begin() + static_cast<long>(hello), script.end()));
  const Frames all = first.frames();
  sensor.Play(Frames(all.begin(), all.begin() + static_cast<long>(said)))
      .Play(other.frames())
      .Play(Frames(all.begin() + static_cast<long>(said), all.end()))
      .Finish();
  const auto starttls = [](const meter::SessionRecord& s) { return s.tls == Tls::kStarttls; };
  ASSERT_EQ(std::count_if(sensor.sessions().begin(), sensor.sessions().end(), starttls), 1);
  const auto& session =
      *std::find_if(sensor.sessions().begin(), sensor.sessions().end(), starttls);
  EXPECT_FALSE(session.has_sni);
  EXPECT_EQ(session.bytes[kUp].observed, BytesOf(script, kUp));
  EXPECT_GT(sensor.shortages(Shortage::kDialogues), 0u);
}

}  // namespace
}  // namespace mailtap::pipeline

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
  small.limits.undecided = 0;
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

// Flows on odd ports that greet and fall silent leave room for those on mail ports.
TEST(Memory, UndecidedFlowsTakeNoMailsOpenings) {
  config::Config small = SmallConfig();
  small.limits.dialogues = 200;
  small.limits.undecided = 100;
  Sensor sensor(small);
  for (int i = 1; i <= 120; ++i) {
    Conversation c(absl::StrCat("10.1.0.", i), 40'000, "192.0.2.25", 2'121);
    sensor.Play(c.Handshake().Server("220 mx.example.net ESMTP\r\n").frames());
  }
  for (uint16_t port = 1; port <= 40; ++port) {
    Conversation c("10.1.1.1", port, "192.0.2.25", 25);
    sensor.Play(c.Handshake().Server("220 mx.example.net ESMTP\r\n").frames());
  }
  sensor.EndTick();
  EXPECT_EQ(sensor.counters().openings.value(), 140u);
  EXPECT_GT(sensor.shortages(Shortage::kUndecided), 0u);
  EXPECT_EQ(sensor.shortages(Shortage::kDialogues), 0u);
}

// Where the server's side is not seen, there is no certificate to wait for.
TEST(Memory, OneWayTlsHoldsNoOpening) {
  Conversation c("10.1.0.1", 40'000, "192.0.2.25", 993);
  c.Handshake();
  Say(c, ImplicitTlsScript("imap.example.com"));
  Sensor sensor;
  sensor.Play(c.OneWay(kUp)).Idle(10);
  EXPECT_EQ(sensor.counters().sessions.value(), 1u);
  EXPECT_EQ(sensor.counters().openings.value(), 0u);
  EXPECT_EQ(sensor.counters().dialogues.value(), 0u);
  sensor.Finish();
  EXPECT_TRUE(sensor.sessions()[0].has_sni);
}

// What cannot be read when it is met may be read a little later, with the bytes that went
// before.
TEST(Memory, AShortageOnAnOddPortLosesNoBytes) {
  config::Config small = SmallConfig();
  small.limits.dialogues = 4;  // one opening, and one for undecided flows
  small.limits.undecided = 1;
  Sensor sensor(small);
  Conversation others[] = {{"10.1.0.1", 40'001, "192.0.2.25", 25},
                           {"10.1.0.1", 40'002, "192.0.2.25", 25}};
  for (Conversation& other : others) {
    sensor.Play(other.Handshake().Server("220 mx.example.net ESMTP\r\n").frames());
  }
  const Script script = SmtpScript();
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 2'525);
  c.Handshake();
  Say(c, Script(script.begin(), script.begin() + 1));
  sensor.Play(c.frames());
  EXPECT_GT(sensor.shortages(Shortage::kDialogues), 0u);
  const std::size_t played = c.frames().size();
  Frames ends;
  for (Conversation& other : others) {
    const std::size_t said = other.frames().size();
    other.Client("EHLO pc.example.com\r\n");
    ends.insert(ends.end(), other.frames().begin() + static_cast<long>(said),
                other.frames().end());
  }
  sensor.Play(ends);
  Say(c, Script(script.begin() + 1, script.end()));
  c.Close();
  sensor.Play(Frames(c.frames().begin() + static_cast<long>(played), c.frames().end()))
      .Finish();
  const auto odd = [](const meter::SessionRecord& s) { return s.key.server_port == 2'525; };
  const auto session = std::find_if(sensor.sessions().begin(), sensor.sessions().end(), odd);
  ASSERT_NE(session, sensor.sessions().end());
  EXPECT_EQ(session->bytes[kDown].volume(), BytesOf(script, kDown));
  EXPECT_EQ(session->bytes[kUp].volume(), BytesOf(script, kUp));
}

}  // namespace
}  // namespace mailtap::pipeline

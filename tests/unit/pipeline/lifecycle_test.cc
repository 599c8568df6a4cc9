// How sessions begin and end, and what happens when a table or the ring is full.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/net/hash.h"
#include "lib/net/wire.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

Conversation To(uint16_t port, uint16_t client_port = 40'000) {
  return {"10.1.0.5", client_port, "192.0.2.25", port};
}

TEST(Lifecycle, BareHandshakesAndScansAreCountedApart) {
  Sensor sensor;
  sensor.Play(To(25, 1'001).Handshake().Close().frames())
      .Play(To(143, 1'002).Handshake().Reset(kUp).frames());
  // A SYN that nobody answers, and one that is refused.
  Frames syn = {To(110, 1'003).Handshake().frames()[0]};
  Frames refused = {To(587, 1'004).Handshake().frames()[0]};
  sensor.Play(syn).Play(refused).Play(To(587, 1'004).Reset(kDown).frames()).Finish();
  EXPECT_TRUE(sensor.sessions().empty());
  EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u);
  EXPECT_EQ(sensor.Total().failed_sessions, 4u);
  EXPECT_EQ(sensor.Total().sessions, 0u);
  EXPECT_EQ(sensor.Total().bytes[kUp].volume(), 0u);
}

// Whoever takes banners, or is turned away by one.
TEST(Lifecycle, AGreetingThatNobodyAnswersIsAFailure) {
  for (const std::string greeting : {"220 mx ESMTP\r\n", "554 go away\r\n"}) {
    Sensor sensor;
    sensor.Play(To(25).Handshake().Server(greeting).Ack(kUp).Close().frames())
        .Play(To(25, 1'001).Handshake().Server(greeting).Ack(kUp).Reset(kUp).frames())
        .Play(To(25, 1'002).Handshake().Server(greeting).Ack(kUp).frames())
        .Finish();
    EXPECT_TRUE(sensor.sessions().empty());
    EXPECT_EQ(sensor.Total().failed_sessions, 3u);
    EXPECT_EQ(sensor.Total().sessions, 0u);
  }
}

TEST(Lifecycle, ASynThatIsTriedAgainFailsOnce) {
  Sensor sensor;
  Frame syn = To(25).Handshake().frames()[0];
  for (const int64_t second : {0, 1, 3, 7, 15, 31, 63}) {
    syn.time = kStart + second * kNanosPerSecond;
    sensor.Play({syn});
  }
  sensor.Finish();
  EXPECT_EQ(sensor.Total().failed_sessions, 1u);
}

TEST(Lifecycle, ScansOfOddPortsLeaveNothing) {
  Sensor sensor;
  for (uint16_t port = 2'000; port < 2'500; ++port) {
    sensor.Play(To(port).Handshake().Reset(kUp).frames());
  }
  sensor.Finish();
  EXPECT_TRUE(sensor.sessions().empty());
  EXPECT_TRUE(sensor.deltas().empty());
  EXPECT_EQ(sensor.counters().sessions.value(), 0u);
}

TEST(Lifecycle, GreetingThenResetIsNoSession) {
  Sensor sensor;
  sensor.Play(To(25).Handshake().Server("220 mx ESMTP\r\n").Reset(kUp).frames()).Finish();
  EXPECT_EQ(Only(sensor), "none");
}

TEST(Lifecycle, ASessionTellsWhetherItsEndCountedBytes) {
  Conversation mail = To(25);
  mail.Handshake();
  Say(mail, SmtpScript());
  mail.Close();
  Sensor waited, stopped;
  waited.Play(mail.frames()).Idle(60);
  stopped.Play(mail.frames()).Finish();
  ASSERT_EQ(waited.sessions().size(), 1u);
  ASSERT_EQ(stopped.sessions().size(), 1u);
  EXPECT_FALSE(waited.sessions()[0].counted_at_end);
  EXPECT_TRUE(stopped.sessions()[0].counted_at_end);
}

TEST(Lifecycle, PortsUsedAgainMakeTwoSessions) {
  Conversation first = To(25), second = To(25);
  first.Handshake();
  Say(first, SmtpScript());
  second.At(kStart + kNanosPerSecond).Numbers(77, 88).Handshake();
  Say(second, SmtpPipelinedScript());
  for (const bool closed : {true, false}) {
    Conversation c = first;
    if (closed) c.Close();
    Sensor sensor;
    sensor.Play(c.frames()).Play(second.frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 2u);
    EXPECT_EQ(Describe(sensor.sessions()[0]),
              "smtp banner none 3128/200 messages 1 rejected 0");
    EXPECT_EQ(sensor.sessions()[1].messages, 2u);
    EXPECT_EQ(sensor.Total().sessions, 2u);
    EXPECT_EQ(sensor.Total().messages, 3u);
  }
}

TEST(Lifecycle, ASynAgainIsNoNewSession) {
  Conversation c = To(25);
  c.Handshake();
  Frames frames = {c.frames()[0], c.frames()[0]};
  Conversation whole = Play(SmtpScript(), 25);
  Sensor sensor;
  sensor.Play(frames).Play(whole.frames()).Finish();
  EXPECT_EQ(Only(sensor), "smtp banner none 3128/200 messages 1 rejected 0");
}

TEST(Lifecycle, ClosedSessionsLingerForLateCopies) {
  Frames frames = Play(SmtpScript(), 25).frames();
  Sensor sensor;
  sensor.Play(frames).Idle(9);
  EXPECT_TRUE(sensor.sessions().empty());
  EXPECT_EQ(sensor.Total().sessions, 1u) << "counted at once, reported at its end";
  sensor.Idle(3);
  EXPECT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.counters().sessions.value(), 0u);
}

TEST(Lifecycle, AnEndLendsItsTimeToNoOtherSession) {
  const auto session = [](uint16_t client_port, int64_t second) {
    Conversation c = To(143, client_port).At(kStart + second * kNanosPerSecond);
    c.Handshake();
    Say(c, ImapScript());
    return c.frames();
  };
  Sensor sensor;
  sensor.Play(session(1'001, 0)).Play(session(1'002, 600)).Finish();
  ASSERT_EQ(sensor.sessions().size(), 2u);
  for (const meter::DeltaRecord& delta : sensor.deltas()) {
    EXPECT_LT(delta.last_seen - delta.first_seen, 10 * kNanosPerSecond);
  }
}

TEST(Lifecycle, EstablishedSessionsIdleOutAfterFortyMinutes) {
  Conversation c = To(143);
  c.Handshake();
  Say(c, ImapScript());
  Sensor sensor;
  sensor.Play(c.frames()).Idle(2'399);
  EXPECT_TRUE(sensor.sessions().empty());
  EXPECT_EQ(sensor.ticks().back().sessions, 1u);
  sensor.Idle(3);
  EXPECT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.ticks().back().sessions, 0u);
}

// Who has been greeted as a client of mail may take its time.
TEST(Lifecycle, UndecidedCandidatesIdleOut) {
  for (const std::string answer : {"", "EH", "HLO x\r\n"}) {
    Conversation c = To(2'525);
    c.Handshake().Server("220 hello\r\n").Ack(kUp);
    if (!answer.empty()) c.Client(answer).Ack(kDown);
    const int64_t patience = answer.size() > 2 ? 30 : 300;
    Sensor sensor;
    sensor.Play(c.frames()).Idle(patience - 1);
    EXPECT_EQ(sensor.counters().sessions.value(), 1u);
    sensor.Idle(3);
    EXPECT_EQ(sensor.counters().sessions.value(), 0u);
    EXPECT_TRUE(sensor.sessions().empty());
  }
}

TEST(Lifecycle, NextEventTickLeadsToTheTimeout) {
  Sensor sensor;
  EXPECT_EQ(sensor.worker().NextEventTick(), INT64_MAX);
  sensor.Play(Play(SmtpScript(), 25).frames()).Idle(1);
  const int64_t due = sensor.worker().NextEventTick();
  EXPECT_GE(due, TickOf(kStart) + 10);
  EXPECT_LE(due, TickOf(kStart) + 11);
  sensor.Idle(due - TickOf(kStart));
  EXPECT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.worker().NextEventTick(), INT64_MAX);
}

// A full ring loses nothing: what found no room comes later.
TEST(Lifecycle, FullRing) {
  std::vector<Frames> streams;
  constexpr int kSessions = 60;
  for (uint16_t i = 0; i < kSessions; ++i) {
    streams.push_back(Play(i % 2 == 0 ? SmtpScript() : Pop3Script(), i % 2 == 0 ? 25 : 110,
                           1'400, static_cast<uint16_t>(10'000 + i))
                          .frames());
  }
  config::Config small = SmallConfig();
  small.limits.ring_bytes = 4'096;
  Sensor roomy, tight(small);
  roomy.Play(Merge(streams)).Idle(15).Finish();
  tight.hold_ring = true;
  tight.Play(Merge(streams));
  for (int i = 0; i < 15; ++i) tight.EndTick();
  EXPECT_GT(tight.counters().ring_full.value(), 0u);
  EXPECT_LT(tight.sessions().size(), static_cast<std::size_t>(kSessions));
  tight.hold_ring = false;
  tight.Finish();
  EXPECT_EQ(tight.sessions().size(), static_cast<std::size_t>(kSessions));
  const meter::DeltaRecord want = roomy.Total(), got = tight.Total();
  EXPECT_EQ(got.sessions, want.sessions);
  EXPECT_EQ(got.messages, want.messages);
  for (const Direction d : {kUp, kDown}) {
    EXPECT_EQ(got.bytes[d].observed, want.bytes[d].observed);
    EXPECT_EQ(got.bytes[d].packets, want.bytes[d].packets);
  }
}

// Connections on ports whose last session can't be reported yet are their own all the same.
TEST(Lifecycle, AFullRingDoesNotHidePortsUsedAgain) {
  config::Config small = SmallConfig();
  small.limits.ring_bytes = 4'096;
  small.limits.handshakes = 4'096;
  Sensor sensor(small);
  sensor.hold_ring = true;
  constexpr int kClients = 60;
  const auto round = [](int which) {
    std::vector<Frames> streams;
    for (int i = 0; i < kClients; ++i) {
      Conversation c(absl::StrCat("10.2.0.", i), 40'000, "192.0.2.25", 110);
      c.At(kStart + 5 * which * kNanosPerSecond)
          .Numbers(1'000'000u + 2'000'000u * which, 500'000'000u + 2'000'000u * which)
          .Handshake();
      Say(c, Pop3Script());
      streams.push_back(c.Close().frames());
    }
    return Merge(streams);
  };
  sensor.Play(round(0)).Play(round(1));
  sensor.hold_ring = false;
  sensor.Play(round(2)).Finish();
  EXPECT_GT(sensor.counters().ring_full.value(), 0u);
  EXPECT_EQ(sensor.Total().bytes[kUp].observed, 3 * kClients * BytesOf(Pop3Script(), kUp));
  EXPECT_EQ(sensor.Total().bytes[kDown].observed, 3 * kClients * BytesOf(Pop3Script(), kDown));
}

// A session says that its end was what counted its last bytes, however often that has to wait.
TEST(Lifecycle, AFullRingDoesNotHideThatTheEndCounts) {
  config::Config small = SmallConfig();
  small.limits.ring_bytes = 4'096;
  Sensor sensor(small);
  sensor.hold_ring = true;
  constexpr int kSessions = 60;
  for (uint16_t i = 0; i < kSessions; ++i) {
    Conversation c = To(25, static_cast<uint16_t>(10'000 + i));
    c.Handshake().Server("220 mx ESMTP\r\n").Client("EHLO me\r\n").Server("250 mx\r\n");
    sensor.Play(c.Lost(kUp, std::string(30, 'x')).Ack(kDown).frames());
  }
  const int64_t tick = TickOf(kStart) + 1;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(sensor.worker().Finish(tick));
  sensor.hold_ring = false;
  sensor.Finish();
  ASSERT_EQ(sensor.sessions().size(), static_cast<std::size_t>(kSessions));
  for (const meter::SessionRecord& session : sensor.sessions()) {
    EXPECT_TRUE(session.counted_at_end);
    EXPECT_EQ(session.bytes[kUp].inferred, 30u);
  }
}

// A full session table loses no bytes: they are unattributed.
TEST(Lifecycle, FullSessionTable) {
  config::Config small = SmallConfig();
  small.limits.sessions = 8;
  Sensor sensor(small);
  std::vector<Frames> streams;
  uint64_t up = 0, down = 0;
  for (uint16_t i = 0; i < 20; ++i) {
    streams.push_back(
        Play(Pop3Script(), 110, 1'400, static_cast<uint16_t>(10'000 + i)).frames());
    up += BytesOf(Pop3Script(), kUp);
    down += BytesOf(Pop3Script(), kDown);
  }
  sensor.Play(Merge(streams)).Finish();
  EXPECT_EQ(sensor.sessions().size(), 8u);
  EXPECT_GT(sensor.shortages(Shortage::kSessions), 0u);
  EXPECT_EQ(sensor.Total().bytes[kUp].observed, up);
  EXPECT_EQ(sensor.Total().bytes[kDown].observed, down);
  uint64_t unattributed = 0;
  for (const meter::DeltaRecord& delta : sensor.deltas()) {
    if (delta.key.attribution != meter::Attribution::kNone) continue;
    unattributed += delta.bytes[kUp].observed + delta.bytes[kDown].observed;
  }
  EXPECT_EQ(unattributed, (up + down) * 12 / 20);
}

TEST(Lifecycle, CopiesOfWhatFindsNoSessionCountOnce) {
  config::Config small = SmallConfig();
  small.limits.sessions = 1;
  Sensor sensor(small);
  sensor.Play(To(25, 10'000).Handshake().Server("220 mx ESMTP\r\n").frames());
  Frames frames = Doubled(Play(Pop3Script(), 110).frames());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].bytes[14 + 5] = static_cast<char>(1 + i / 2);  // the IPv4 id
  }
  sensor.Play(frames).Finish();
  const meter::DeltaRecord total = sensor.Total();
  EXPECT_EQ(total.bytes[kUp].observed, BytesOf(Pop3Script(), kUp));
  EXPECT_EQ(total.bytes[kUp].duplicate, BytesOf(Pop3Script(), kUp));
}

TEST(Lifecycle, FullConversationTable) {
  config::Config small = SmallConfig();
  small.limits.conversations = 16;
  Sensor sensor(small);
  std::vector<Frames> streams;
  for (int i = 0; i < 60; ++i) {
    Conversation c(absl::StrCat("10.1.0.", i + 1), 40'000, "192.0.2.25", 110);
    c.Handshake();
    Say(c, Pop3Script());
    streams.push_back(c.frames());
  }
  sensor.Play(Merge(streams)).Finish();
  EXPECT_EQ(sensor.sessions().size(), 60u);
  EXPECT_GT(sensor.shortages(Shortage::kConversations), 0u);
  EXPECT_EQ(sensor.Total().bytes[kDown].observed, 60 * BytesOf(Pop3Script(), kDown));
  EXPECT_EQ(sensor.Total().sessions, 60u);
}

// Without a dialogue the port must do; on an odd port there is nothing to go by.
TEST(Lifecycle, FullDialoguePool) {
  config::Config small = SmallConfig();
  small.limits.dialogues = 0;
  Sensor sensor(small);
  sensor.Play(Play(ImapScript(), 143).frames())
      .Play(Play(SmtpScript(), 2'525).frames())
      .Finish();
  EXPECT_EQ(Only(sensor), "imap port none 69/2212 messages null rejected null");
  EXPECT_GT(sensor.shortages(Shortage::kDialogues), 0u);
}

TEST(Lifecycle, FullReorderPool) {
  config::Config small = SmallConfig();
  small.limits.reorder_buffers = 0;
  Frames frames = Play(SmtpScript(), 25).frames();
  std::swap(frames[6].bytes, frames[7].bytes);
  Sensor sensor(small);
  sensor.Play(frames).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kUp].observed, BytesOf(SmtpScript(), kUp));
  EXPECT_EQ(sensor.sessions()[0].messages, meter::SessionRecord::kUnknownCount);
  EXPECT_GT(sensor.shortages(Shortage::kReorderBuffers), 0u);
}

// Traffic spread by the address hash over two workers gives the records of one.
TEST(Lifecycle, TwoWorkersSeeWhatOneSees) {
  std::vector<Frames> streams, halves[2];
  const Script scripts[] = {SmtpScript(), ImapScript(), Pop3Script(), FtpScript()};
  const uint16_t ports[] = {25, 10'143, 110, 2'121};
  for (int i = 0; i < 64; ++i) {
    Conversation c(absl::StrCat("10.1.0.", i + 1), 40'000, "192.0.2.25", ports[i % 4]);
    c.At(kStart + i * kNanosPerMilli).Handshake();
    Say(c, scripts[i % 4]);
    streams.push_back(c.Close().frames());
    const auto* ip = reinterpret_cast<const uint8_t*>(c.frames()[0].bytes.data()) + 14;
    const uint64_t hash = net::AddressHash(net::LoadRaw32(ip + 12), net::LoadRaw32(ip + 16));
    halves[hash & 1].push_back(c.frames());
  }
  ASSERT_FALSE(halves[0].empty() || halves[1].empty());
  Sensor one, left, right;
  one.Play(Merge(streams)).Finish();
  left.Play(Merge(halves[0])).Finish();
  right.Play(Merge(halves[1])).Finish();
  EXPECT_EQ(one.sessions().size(), 48u);
  EXPECT_EQ(left.sessions().size() + right.sessions().size(), 48u);
  const std::string both = absl::StrCat(left.Transcript(), "\n", right.Transcript());
  std::vector<std::string> lines = absl::StrSplit(both, '\n');
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(absl::StrJoin(lines, "\n"), one.Transcript());
}

// The server's half of the handshake is not needed for that.
TEST(Lifecycle, AGreetingMayBeAnsweredLateWithoutASynAck) {
  for (const uint16_t port : {25, 2'525}) {
    Conversation late = To(port);
    late.Handshake().Server("220 mx ESMTP\r\n").Ack(kUp).Wait(200 * kNanosPerSecond);
    Script rest = SmtpScript();
    rest.erase(rest.begin());
    Say(late, rest);
    Frames frames = late.Close().frames();
    frames.erase(frames.begin() + 1);
    Sensor sensor;
    sensor.Play(frames).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u) << port;
    EXPECT_EQ(sensor.sessions()[0].bytes[kDown].volume(), BytesOf(rest, kDown) + 14) << port;
    EXPECT_EQ(sensor.Total().failed_sessions, 0u) << port;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

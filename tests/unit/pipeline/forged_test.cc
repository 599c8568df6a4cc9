// Packets that neither end sent, or that belong to another numbering of the same connection:
// whoever mirrors them changes no figure.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>

#include "lib/net/decode.h"
#include "lib/net/wire.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

constexpr std::size_t kUnderWay = 8;  // frames of the script before what is forged
constexpr char kWhole[] = "smtp banner none 3128/200 messages 1 rejected 0";

// Adds to the sequence and the acknowledgment number of an IPv4 frame.
void Renumber(Frame& frame, uint32_t seq, uint32_t ack) {
  auto* tcp = reinterpret_cast<uint8_t*>(frame.bytes.data()) + 14 + 20;
  const auto add = [](uint8_t* at, uint32_t by) {
    const uint32_t value = __builtin_bswap32(net::Load32(at) + by);
    std::memcpy(at, &value, sizeof(value));
  };
  add(tcp + 4, seq);
  if ((tcp[13] & net::kAck) != 0) add(tcp + 8, ack);
}

// A frame with the addresses and near the numbers of `like`.
Frame Forged(const Frame& like, uint8_t flags, uint32_t ahead, std::size_t payload = 0) {
  Frame frame = like;
  frame.bytes.resize(14 + 20 + 20 + payload, 'x');
  const auto total = static_cast<uint16_t>(frame.bytes.size() - 14);
  frame.bytes[16] = static_cast<char>(total >> 8);
  frame.bytes[17] = static_cast<char>(total);
  frame.bytes[14 + 20 + 13] = static_cast<char>(flags);
  Renumber(frame, ahead, 0);
  return frame;
}

// The script in 100-byte segments, with frames put into the middle of it.
std::string With(uint16_t port, const std::function<Frames(const Frames&)>& forge) {
  Frames frames = Play(SmtpScript(), port, 100).frames();
  const Frames forged = forge(frames);
  frames.insert(frames.begin() + kUnderWay, forged.begin(), forged.end());
  Sensor sensor;
  sensor.Play(frames).Finish();
  return Only(sensor);
}

TEST(Forged, ASynHidesNothing) {
  for (const uint16_t port : {25, 2'525}) {
    for (const Direction from : {kUp, kDown}) {
      for (const uint8_t flags : {net::kSyn + 0, net::kSyn | net::kAck}) {
        for (const uint32_t ahead : {123'456'789u, 0x80000000u, 0u - 3u}) {
          EXPECT_EQ(With(port,
                         [&](const Frames& frames) {
                           const std::size_t like = from == kUp ? 0 : 1;
                           return Frames{Forged(frames[like], flags, ahead)};
                         }),
                    kWhole)
              << port << " " << from << " " << int{flags} << " " << ahead;
        }
      }
    }
  }
}

TEST(Forged, AResetWithAnyNumberEndsNothing) {
  for (const uint16_t port : {25, 2'525}) {
    Frames frames = Play(SmtpScript(), port, 100).frames();
    const Frame reset = Forged(frames[kUnderWay - 1], net::kRst, 123'456'789);
    frames.insert(frames.begin() + kUnderWay, reset);
    // Longer than what is closed is kept.
    for (std::size_t i = kUnderWay; i < frames.size(); ++i) {
      frames[i].time += 20 * kNanosPerSecond;
    }
    Sensor sensor;
    sensor.Play(frames).Finish();
    EXPECT_EQ(Only(sensor), kWhole) << port;
  }
}

TEST(Forged, SegmentsSideBySideAddNothing) {
  for (const bool bare : {true, false}) {
    EXPECT_EQ(With(25,
                   [&](const Frames& frames) {
                     const Frame& last = frames[kUnderWay - 1];
                     const std::size_t payload = bare ? 0 : 100;
                     return Frames{Forged(last, net::kAck, 500'000'000, payload),
                                   Forged(last, net::kAck, 500'000'100, payload)};
                   }),
              kWhole);
  }
}

TEST(Forged, AcknowledgmentsSideBySideAddNothing) {
  EXPECT_EQ(With(25,
                 [&](const Frames& frames) {
                   Frame one = Forged(frames[3], net::kAck, 0), two = one;
                   Renumber(one, 0, 500'000'000);
                   Renumber(two, 0, 500'000'100);
                   return Frames{one, two};
                 }),
            kWhole);
}

// What a mirror of both sides of a firewall shows that adds to the client's numbers and the
// server's. `early`: 1 where the outer copy comes first, by the frame's Direction.
Frames BothSides(const Frames& inside, uint32_t client, uint32_t server,
                 const std::array<bool, 2>& early) {
  Frames both;
  for (const Frame& frame : inside) {
    Frame outside = frame;
    const bool up = frame.direction == kUp;
    Renumber(outside, up ? client : server, up ? server : client);
    const bool first = early[up ? kUp : kDown];
    (first ? both.emplace_back(outside) : both.emplace_back(frame)).time -= kNanosPerMilli / 10;
    both.push_back(first ? frame : outside);
  }
  return both;
}

TEST(Forged, AConnectionInTwoNumberingsCountsOnce) {
  for (const uint16_t port : {25, 2'525}) {
    const Frames inside = Play(SmtpScript(), port, 100).frames();
    for (const uint32_t client : {0u, 300'000'000u, 3'000'000'000u}) {
      for (const uint32_t server : {0u, 700'000'000u}) {
        for (const std::array<bool, 2> early :
             {std::array{false, true}, {true, false}, {false, false}, {true, true}}) {
          Sensor sensor;
          sensor.Play(BothSides(inside, client, server, early)).Finish();
          EXPECT_EQ(Only(sensor), kWhole)
              << port << " " << client << " " << server << " " << early[0] << early[1];
          EXPECT_EQ(sensor.Total().failed_sessions, 0u);
        }
      }
    }
  }
}

// The mirror has lost the handshake of a connection on the ports of one that crashed.
TEST(Forged, NumbersElsewhereAfterAPauseAreNoLoss) {
  Conversation first("10.1.0.5", 40'000, "192.0.2.25", 25);
  first.Handshake();
  Say(first, SmtpScript());
  Conversation second("10.1.0.5", 40'000, "192.0.2.25", 25);
  second.At(kStart + 30 * kNanosPerSecond).Numbers(301'000'000, 3'000'000'000u).Handshake();
  Say(second, SmtpScript());
  Frames frames = second.Close().frames();
  frames.erase(frames.begin(), frames.begin() + 2);
  Sensor sensor;
  sensor.Play(first.frames()).Play(frames).Finish();
  const meter::DeltaRecord total = sensor.Total();
  EXPECT_EQ(total.bytes[kUp].volume(), 2 * 3'128u);
  EXPECT_EQ(total.bytes[kDown].volume(), 2 * 200u);
}

TEST(Forged, TheOtherEndsAcknowledgmentTellsLossFromForgery) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 25);
  c.Handshake().Server("220 mx ESMTP\r\n").Client("EHLO a\r\n").Server("250 mx\r\n");
  c.Client("MAIL FROM:<a@b>\r\n").Server("250 ok\r\n").Client("RCPT TO:<c@d>\r\n");
  c.Server("250 ok\r\n").Client("DATA\r\n").Server("354 go on\r\n");
  c.Lost(kUp, std::string(500'000, 'x')).Client(std::string(2'000, 'x')).Ack(kDown);
  c.Client("\r\n.\r\n").Server("250 queued\r\n").Close();
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  EXPECT_EQ(Only(sensor), "smtp banner none 2051+500000/61 messages 1 rejected 0");
}

}  // namespace
}  // namespace mailtap::pipeline

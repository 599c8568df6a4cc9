// Messages that are longer than TCP's numbers reach.
#include <gtest/gtest.h>

#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/random_session.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

constexpr uint32_t kSegment = 60'000;
constexpr uint32_t kSegments = 150'000;
constexpr uint64_t kBytes = uint64_t{kSegment} * kSegments;  // twice round and some more
constexpr uint32_t kClientIsn = 1'000, kServerIsn = 4'000'000'000;

void Put(std::string& frame, std::size_t at, uint32_t number) {
  for (int i = 0; i < 4; ++i) frame[at + i] = static_cast<char>(number >> (24 - 8 * i));
}

// A session that says `before`, `kBytes` of text by one end, and `after`.
class LongTalk {
 public:
  LongTalk(uint16_t port, const Script& before) : port_(port) {
    Conversation c = From(kClientIsn, kServerIsn, kStart);
    c.Handshake();
    Say(c, before);
    next_[kUp] = kClientIsn + 1 + static_cast<uint32_t>(BytesOf(before, kUp));
    next_[kDown] = kServerIsn + 1 + static_cast<uint32_t>(BytesOf(before, kDown));
    sensor_.Play(c.frames());
  }

  // The capture holds little more than headers of it.
  LongTalk& Text(Direction from) {
    constexpr std::size_t kNumbers = 14 + 20 + 4;
    const std::string text(kSegment, 'x');
    Conversation c = From(next_[kUp], next_[kDown], kStart + kNanosPerSecond);
    c.Cut(kSegment);
    from == kUp ? c.Client(text) : c.Server(text);
    c.Ack(Opposite(from));
    Frames frames = c.frames();
    frames[0].captured = 100;
    for (uint32_t i = 0; i < kSegments; ++i) {
      Put(frames[0].bytes, kNumbers, next_[from]);
      next_[from] += kSegment;
      Put(frames[1].bytes, kNumbers + 4, next_[from]);
      for (Frame& frame : frames) frame.time += kNanosPerMilli / 10;
      sensor_.Play(frames);
    }
    return *this;
  }

  std::string End(const Script& after) {
    Conversation c = From(next_[kUp], next_[kDown], kStart + 60 * kNanosPerSecond);
    Say(c, after);
    sensor_.Play(c.Close().frames()).Finish();
    if (sensor_.sessions().size() != 1) return "no session";
    return Words(sensor_.sessions()[0]);
  }

 private:
  Conversation From(uint32_t client_isn, uint32_t server_isn, UnixNanos time) const {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", port_);
    c.Numbers(client_isn, server_isn).At(time);
    return c;
  }

  uint16_t port_;
  uint32_t next_[2];
  Sensor sensor_;
};

const Script kSubmission = {
    {kDown, "220 mx ESMTP\r\n"},    {kUp, "EHLO me\r\n"},  {kDown, "250 mx\r\n"},
    {kUp, "MAIL FROM:<a@b.c>\r\n"}, {kDown, "250 ok\r\n"}, {kUp, "RCPT TO:<d@e.f>\r\n"},
    {kDown, "250 ok\r\n"},          {kUp, "DATA\r\n"},     {kDown, "354 go\r\n"}};
const Script kRetrieval = {{kDown, "+OK POP3 ready\r\n"},
                           {kUp, "USER me\r\n"},
                           {kDown, "+OK\r\n"},
                           {kUp, "PASS x\r\n"},
                           {kDown, "+OK\r\n"},
                           {kUp, "RETR 1\r\n"},
                           {kDown, "+OK\r\n"}};

TEST(Large, AMessageIsMeasuredBeyondTheRangeOfNumbers) {
  const std::string bytes = std::to_string(kBytes + 2);
  EXPECT_EQ(LongTalk(25, kSubmission)
                .Text(kUp)
                .End({{kUp, "\r\n.\r\n"}, {kDown, "250 ok\r\n"}, {kUp, "QUIT\r\n"}}),
            "1 to 1, " + bytes + " bytes, refused 0+0");
  // Its end may not be found.
  EXPECT_EQ(LongTalk(25, kSubmission).Text(kUp).End({{kDown, "552 too much\r\n"}}),
            "0 to 0, 0 bytes, refused 0+1");
}

TEST(Large, ARetrievalIsMeasuredBeyondTheRangeOfNumbers) {
  const std::string bytes = std::to_string(kBytes + 2);
  EXPECT_EQ(LongTalk(110, kRetrieval)
                .Text(kDown)
                .End({{kDown, "\r\n.\r\n"}, {kUp, "QUIT\r\n"}, {kDown, "+OK\r\n"}}),
            "retrieved 1, " + bytes + " bytes");
  EXPECT_EQ(LongTalk(110, kRetrieval).Text(kDown).End({{kDown, "\r\n.\r\n"}}),
            "retrieved 1, " + bytes + " bytes");
}

}  // namespace
}  // namespace mailtap::pipeline

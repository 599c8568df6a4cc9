#include "lib/pipeline/first_look.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace mailtap::pipeline {
namespace {

using std::string_literals::operator""s;

// A segment's payload, behind a header as in a frame.
bool Glances(const FirstLook& look, const std::string& payload, uint8_t flags = net::kAck) {
  const std::string frame = "head" + payload;
  return look.Glance(flags, reinterpret_cast<const uint8_t*>(frame.data()) + 4,
                     static_cast<uint32_t>(payload.size()));
}

bool Opens(const FirstLook& look, const std::string& payload) {
  net::Segment segment;
  segment.src_port = 40'000;
  segment.dst_port = 8'443;
  segment.payload = reinterpret_cast<const uint8_t*>(payload.data());
  segment.captured = segment.length = static_cast<uint32_t>(payload.size());
  return look.OpensLikeMail(segment);
}

// Letters' case is folded by a bit that makes text of control characters, too.
bool IsGarbledText(const std::string& payload) {
  const auto begins = [&](char c) { return payload[0] == c; };
  if (begins('\r') || begins('\n') || begins(4) || begins(5) || begins(0x16)) return false;
  return std::any_of(payload.begin(), payload.begin() + 4,
                     [](char c) { return c >= 0 && c < ' '; });
}

// Openings of all kinds with up to two bytes changed: the glance may send away only what the
// closer look would.
TEST(FirstLook, TheGlanceSendsNothingAwayThatOpens) {
  const TlsNames names{config::TlsNames()};
  const FirstLook look(names);
  const std::string kOpenings[] = {
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(60, 'r'),
      "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"s + std::string(60, 'r'),
      "\4\1\0\x19\xc0\0\2\1somebody-with-a-long-name\0"s,
      "\5\x20"s + std::string(32, '\2'),
      "\5\1\0\5\1\0\3\x18" + std::string(24, 'm') + "\0\x19"s,
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"s + std::string(12, '\1'),
      "\r\n220 mx.example.net ESMTP\r\n",
      "+OK\r\nand what else there is\r\n",
      "a LOGIN somebody secret-word\r\n",
      "220 m\xc3\xbcx.example.net ESMTP\r\n"};
  std::mt19937 random(5);
  int opened = 0, sent_away = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string payload = kOpenings[random() % std::size(kOpenings)];
    for (uint32_t changes = random() % 3; changes > 0; --changes) {
      payload[random() % 6] = static_cast<char>(random());
    }
    const bool glance = Glances(look, payload);
    const bool opens = Opens(look, payload);
    EXPECT_TRUE(glance || !opens || IsGarbledText(payload)) << testing::PrintToString(payload);
    opened += opens ? 1 : 0;
    sent_away += glance ? 0 : 1;
  }
  EXPECT_GT(opened, 50'000);
  EXPECT_GT(sent_away, 50'000);
}

TEST(FirstLook, ALineMayEndBehindItsCode) {
  const TlsNames names{config::TlsNames()};
  const FirstLook look(names);
  for (const std::string code : {"+OK", "220", "421", "554"}) {
    EXPECT_TRUE(Glances(look, code + "\r\n" + std::string(40, 'x'))) << code;
  }
}

TEST(FirstLook, BinaryDataThatOpensLikeNothingIsSentAway) {
  const TlsNames names{config::TlsNames()};
  const FirstLook look(names);
  for (const std::string& start : {"\x17\x03\x03"s, "\x16\x07\x01"s, "\x16\x03\x11"s, "\5\xff"s,
                                   "\4\2"s, "\0"s, "abc\1"s}) {
    EXPECT_FALSE(Glances(look, start + std::string(40, '\xee')))
        << testing::PrintToString(start);
  }
}

TEST(FirstLook, ASynIsLookedAtAndAResetNever) {
  const TlsNames names{config::TlsNames()};
  const FirstLook look(names);
  EXPECT_TRUE(Glances(look, "", net::kSyn));
  EXPECT_FALSE(Glances(look, "EHLO client.example.net\r\n", net::kAck | net::kRst));
  EXPECT_TRUE(Glances(look, "EHLO client.example.net\r\n"));
}

}  // namespace
}  // namespace mailtap::pipeline

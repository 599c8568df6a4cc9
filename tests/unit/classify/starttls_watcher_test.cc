#include "lib/classify/starttls_watcher.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/classify/hello_builder.h"

namespace mailtap::classify {
namespace {

// How many bytes the watcher takes of `text`, delivered in pieces of `step`.
std::size_t Feed(StarttlsWatcher& watcher, const std::string& text, std::size_t step) {
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size() && !watcher.tls(); at += step) {
    const std::string piece = text.substr(at, step);
    taken += watcher.OnClient(reinterpret_cast<const uint8_t*>(piece.data()), piece.size());
  }
  return taken;
}

TEST(StarttlsWatcher, StopsAtTheHelloAfterARequest) {
  const std::string hello = ClientHelloFor("mail.example.com");
  for (const std::string clear :
       {"a1 CAPABILITY\r\na2 STARTTLS\r\n", "x starttls\n", "CAPA\r\nSTLS\r\n", "stls\r\n",
        "a-very-long-tag-of-32-characters STARTTLS\r\n"}) {
    for (const std::size_t step : {1, 2, 7, 1'000}) {
      StarttlsWatcher watcher;
      EXPECT_EQ(Feed(watcher, clear + hello, step), clear.size()) << clear << step;
      EXPECT_TRUE(watcher.tls());
    }
  }
}

TEST(StarttlsWatcher, WithoutARequestNothingIsTls) {
  for (const std::string text :
       {"a1 LOGIN a b\r\n\x16\x03\x01", "a1 STARTTLS\r\na2 NOOP\r\n\x16\x03\x01",
        "STLS\r\nUSER x\r\n\x16", "XSTLS\r\n\x16", "aSTARTTLS\r\n\x16", "STLS x\r\n\x16",
        "a1 STARTTLS\r\nx\x16\x03\x01", "\x16\x03\x01"}) {
    StarttlsWatcher watcher;
    EXPECT_EQ(Feed(watcher, text, 1), text.size()) << text;
    EXPECT_FALSE(watcher.tls()) << text;
  }
}

TEST(StarttlsWatcher, ARefusedRequestMayBeRepeated) {
  StarttlsWatcher watcher;
  EXPECT_EQ(Feed(watcher, "a STARTTLS\r\nb NOOP\r\nc STARTTLS\r\n\x16", 3), 32u);
  EXPECT_TRUE(watcher.tls());
}

TEST(StarttlsWatcher, ServersAgreeInAWholeLine) {
  for (const char* said :
       {"220 go ahead\r\n", "220\n", "220\r\n", "250-a\r\n250 b\r\n220 2.0.0 Ready\r\n",
        "a1 OK\r\n", "* CAPABILITY X\r\ntag. OK Begin\n", "x ok now\r\n", "+OK\r\n",
        "+ok begin\r\n"}) {
    EXPECT_TRUE(MayAgreeToTls(said)) << said;
  }
  for (const char* said : {"", "\n", "\r\n", "220 go ahead", "220-more\r\n", "2201 x\r\n",
                           "454 no\r\n", "220 x\r\n250 y\r\n", "* OK ready\r\n", "a1 NO\r\n",
                           "a1 BAD OK\r\n", "a1\r\n", "+ OK\r\n", "-ERR\r\n", "OK\r\n"}) {
    EXPECT_FALSE(MayAgreeToTls(said)) << said;
  }
}

TEST(StarttlsWatcher, GivesUpAfterManyLines) {
  StarttlsWatcher watcher;
  for (int i = 0; i < 23; ++i) Feed(watcher, "a NOOP\r\n", 100);
  EXPECT_FALSE(watcher.done());
  Feed(watcher, "a NOOP\r\n", 100);
  EXPECT_TRUE(watcher.done());
}

}  // namespace
}  // namespace mailtap::classify

// Upgrades to TLS of which only a part is seen, and what only looks like one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using classify::ClientHelloFor;
using classify::ServerFlight;
using classify::ServerHello;
using ::testing::StartsWith;

std::string OfServerAlone(const Script& script, uint16_t port, bool handshake = true) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", port);
  if (handshake) c.Handshake();
  Say(c, script);
  Sensor sensor;
  sensor.Play(c.Close().OneWay(kDown)).Finish();
  return Only(sensor);
}

TEST(Starttls, IsKnownByTheServersSideAlone) {
  const struct {
    Script script;
    uint16_t port;
    const char* expected;
  } kCases[] = {{SmtpStarttlsScript(), 25, "smtp banner starttls"},
                {SmtpStarttlsScript(), 587, "smtp banner starttls"},
                {ImapStarttlsScript(), 143, "imap banner starttls"},
                {Pop3StlsScript(), 110, "pop3 banner starttls"}};
  for (const auto& c : kCases) {
    for (const bool handshake : {true, false}) {
      EXPECT_THAT(OfServerAlone(c.script, c.port, handshake), StartsWith(c.expected)) << c.port;
    }
  }
}

// Of POP3 this is no proof until the session has ended.
TEST(Starttls, IsKnownByTheServersSideOfAWordlessGreeting) {
  const Script pop3 = {{kDown, "+OK\r\n"},
                       {kUp, "STLS\r\n"},
                       {kDown, "+OK\r\n"},
                       {kUp, ClientHelloFor("mail.example.com")},
                       {kDown, ServerFlight({"mail.example.com"})}};
  EXPECT_THAT(OfServerAlone(pop3, 110), StartsWith("pop3 banner starttls"));
}

// What holds a ServerHello, behind a line that agrees, answers no hello.
TEST(Starttls, IsNotWhatAMessageHolds) {
  const std::string text = ServerHello() + std::string(2'000, 'x');
  const std::string request(100, 'y');
  const Script imap = {{kDown, "* OK IMAP4rev1 ready\r\n"},
                       {kUp, "a1 LOGIN me secret\r\n"},
                       {kDown, "a1 OK\r\n"},
                       {kUp, "a2 FETCH 1 BODY[]\r\n"},
                       {kDown, "* 1 FETCH (BODY[] {5000}\r\na3 OK go\r\n"},
                       {kDown, text}};
  EXPECT_THAT(OfServerAlone(imap, 143), StartsWith("imap banner none"));
  EXPECT_THAT(OfServerAlone(imap, 143, /*handshake=*/false), StartsWith("imap banner none"));
  const Script pop3 = {{kDown, "+OK POP3 ready\r\n"},
                       {kUp, "USER me\r\n"},
                       {kDown, "+OK\r\n"},
                       {kUp, "PASS x\r\n"},
                       {kDown, "+OK\r\n"},
                       {kUp, "RETR 1\r\n"},
                       {kDown, "+OK\r\n"},
                       {kDown, text}};
  EXPECT_THAT(OfServerAlone(pop3, 110), StartsWith("pop3 banner none"));
  // Nor is it one where the client has said more, but nobody has agreed.
  const Script refused = {{kDown, "* OK IMAP4rev1 ready\r\n"},
                          {kUp, "a1 STARTTLS\r\n"},
                          {kDown, "a1 NO not now\r\n"},
                          {kUp, request},
                          {kDown, text}};
  EXPECT_THAT(OfServerAlone(refused, 143), StartsWith("imap banner none"));
}

}  // namespace
}  // namespace mailtap::pipeline

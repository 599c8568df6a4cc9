// Upgrades to TLS of which only a part is seen, and what only looks like one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using classify::ApplicationData;
using classify::ClientHelloFor;
using classify::ServerFlight;
using classify::ServerHello;
using ::testing::HasSubstr;
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
  Script named = pop3;
  named[0].text = "+OK Dovecot ready.\r\n";
  named[2].text = "+OK Begin TLS negotiation now.\r\n";
  EXPECT_THAT(OfServerAlone(named, 110), StartsWith("pop3 banner starttls"));
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

// Words behind STARTTLS, which the server takes before it turns to TLS (CVE-2011-0411).
TEST(Starttls, MayBeInjectedInto) {
  Script script = SmtpStarttlsScript();
  ASSERT_EQ(script[3].text, "STARTTLS\r\n");
  script[3].text += "RSET\r\n" + script[5].text;
  script.erase(script.begin() + 5);
  Sensor sensor;
  sensor.Play(Play(script, 25).frames()).Finish();
  EXPECT_THAT(Only(sensor), StartsWith("smtp banner starttls"));
  EXPECT_THAT(Only(sensor), HasSubstr("messages null"));
}

const char* const kTellingNames[] = {"smtp.example.com", "imap.example.com", "www.example.com"};

// The client speaks TLS from its first byte, to a server that greets it and takes it for
// garbage.
TEST(Starttls, IsNotAHelloThatIsRefusedInClear) {
  const struct {
    uint16_t port;
    const char* greeting;
    const char* refusal;
    const char* expected;
  } kCases[] = {
      {25, "220 mx ESMTP\r\n", "500 5.5.2 Error: bad syntax\r\n", "smtp banner none"},
      {587, "220 mx ESMTP\r\n", "500 5.5.2 Error: bad syntax\r\n", "smtp banner none"},
      {465, "220 mx ESMTP\r\n", "500 5.5.2 Error: bad syntax\r\n", "smtp banner none"},
      {993, "* OK IMAP4rev1 ready\r\n", "* BAD Error\r\n* BYE Bye\r\n", "imap banner none"},
      {143, "* OK IMAP4rev1 ready\r\n", "* BAD Error\r\n* BYE Bye\r\n", "imap banner none"},
      {110, "+OK POP3 ready\r\n", "-ERR Unknown command.\r\n", "pop3 banner none"}};
  for (const auto& c : kCases) {
    for (const char* name : kTellingNames) {
      const std::string hello = ClientHelloFor(name);
      for (const Script& script :
           {Script{{kUp, hello}, {kDown, c.greeting}, {kDown, c.refusal}},
            Script{{kDown, c.greeting}, {kUp, hello}, {kDown, c.refusal}},
            Script{{kUp, hello}, {kDown, c.greeting}},
            Script{{kDown, c.greeting}, {kUp, hello}}}) {
        for (const std::size_t segment : {1, 100, 1'400}) {
          Sensor sensor;
          sensor.Play(Play(script, c.port, segment).frames()).Finish();
          EXPECT_THAT(Only(sensor), StartsWith(c.expected)) << c.port << name << segment;
          EXPECT_EQ(sensor.Sni(), "");
          EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u);
        }
      }
    }
  }
}

TEST(Starttls, MayFollowAHelloThatWasRefused) {
  Script script = SmtpStarttlsScript();
  script.insert(script.begin() + 1, {{kUp, ClientHelloFor("smtp.example.com")},
                                     {kDown, "500 5.5.2 Error: bad syntax\r\n"}});
  Sensor sensor;
  sensor.Play(Play(script, 25).frames()).Finish();
  EXPECT_THAT(Only(sensor), StartsWith("smtp banner starttls"));
}

// A server that answers it speaks TLS, whatever its port is for; and so it may where it is not
// seen.
TEST(Starttls, IsNotAHelloThatIsAnsweredInTls) {
  const Script script = {{kUp, ClientHelloFor("smtp.example.com")},
                         {kDown, ServerFlight({"mx.example.com"})},
                         {kUp, ApplicationData(500)},
                         {kDown, ApplicationData(900)}};
  for (const std::size_t segment : {1, 100, 1'400}) {
    const Conversation c = Play(script, 587, segment);
    for (const Frames& frames : {c.frames(), c.OneWay(kUp)}) {
      Sensor sensor;
      sensor.Play(frames).Finish();
      EXPECT_THAT(Only(sensor), StartsWith("smtp sni implicit")) << segment;
      EXPECT_EQ(sensor.Sni(), "smtp.example.com");
    }
  }
  Conversation lossy("10.1.0.5", 40'000, "192.0.2.25", 587);
  lossy.Handshake().Client(script[0].text).Lost(kDown, script[1].text.substr(0, 50));
  lossy.Server("220 " + script[1].text.substr(54)).Close();
  Sensor sensor;
  sensor.Play(lossy.frames()).Finish();
  EXPECT_THAT(Only(sensor), StartsWith("smtp sni implicit"));
}

// Behind words, too: whoever could make a session TLS's by a few bytes would hide its messages.
TEST(Starttls, IsNotWhatAServerRefusesUnderWay) {
  const std::string hello = ClientHelloFor("mx.example.com");
  for (const std::string& garbage :
       {"\x16\x03\x01" + std::string(1, '\0') + "\x05\r\n", hello + "\r\n"}) {
    const auto lines = static_cast<int>(std::count(garbage.begin(), garbage.end(), '\n'));
    for (const bool asks : {true, false}) {
      Script script = {{kDown, "220 mx.example.com ESMTP\r\n"},
                       {kUp, "EHLO client.example.com\r\n"},
                       {kDown, "250-mx.example.com\r\n250 STARTTLS\r\n"}};
      if (asks) {
        script.push_back({kUp, "STARTTLS\r\n"});
        script.push_back({kDown, "454 TLS is not available\r\n"});
      }
      script.push_back({kUp, garbage});
      std::string answer;
      for (int i = 0; i < lines; ++i) answer += "500 5.5.2 bad syntax\r\n";
      script.push_back({kDown, answer});
      for (int message = 0; message < 3; ++message) {
        script.push_back({kUp, "MAIL FROM:<a@example.com>\r\n"});
        script.push_back({kDown, "250 ok\r\n"});
        script.push_back({kUp, "RCPT TO:<b@example.com>\r\n"});
        script.push_back({kDown, "250 ok\r\n"});
        script.push_back({kUp, "DATA\r\n"});
        script.push_back({kDown, "354 go on\r\n"});
        script.push_back({kUp, "text\r\n.\r\n"});
        script.push_back({kDown, "250 ok\r\n"});
      }
      for (const uint16_t port : {25, 2525}) {
        Sensor sensor;
        sensor.Play(Play(script, port).frames()).Finish();
        EXPECT_THAT(Only(sensor), StartsWith("smtp banner none"));
        EXPECT_THAT(Only(sensor), HasSubstr("messages 3"));
      }
    }
  }
}

// What has been agreed to may fail, and be tried again.
TEST(Starttls, MayFailAndBeTriedAgain) {
  const std::string hello = ClientHelloFor("mail.example.com");
  for (const bool again : {false, true}) {
    Script imap = {{kDown, "* OK IMAP4rev1 ready\r\n"},
                   {kUp, "a1 STARTTLS\r\n"},
                   {kDown, "a1 OK go on\r\n"},
                   {kUp, hello},
                   {kDown, "* BAD invalid command\r\n"},
                   {kUp, "\r\na2 CAPABILITY\r\n"},
                   {kDown, "a2 OK done\r\n"}};
    Script pop3 = {{kDown, "+OK POP3 ready\r\n"}, {kUp, "STLS\r\n"},
                   {kDown, "+OK go on\r\n"},      {kUp, hello},
                   {kDown, "-ERR what?\r\n"},     {kUp, "\r\nCAPA\r\n"},
                   {kDown, "-ERR no\r\n"}};
    if (again) {
      for (const auto& [script, ask] :
           {std::pair(&imap, "a3 STARTTLS\r\n"), std::pair(&pop3, "STLS\r\n")}) {
        script->push_back({kUp, ask});
        script->push_back({kDown, script == &imap ? "a3 OK go on\r\n" : "+OK go on\r\n"});
        script->push_back({kUp, hello});
        script->push_back({kDown, ServerFlight({"mail.example.com"})});
      }
    }
    for (const auto& [script, port] :
         {std::pair(&imap, uint16_t{143}), std::pair(&pop3, uint16_t{110})}) {
      Sensor sensor;
      sensor.Play(Play(*script, port).frames()).Finish();
      EXPECT_THAT(Only(sensor), HasSubstr(again ? " banner starttls" : " banner none")) << port;
    }
  }
}

// A client that does not wait: the server's words behind its hello answer what came before it.
TEST(Starttls, MayBeAskedForWithTheHelloBehindIt) {
  const std::string hello = ClientHelloFor("mx.example.com");
  for (const bool refused : {false, true}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", 25);
    c.Handshake().Server("220 mx.example.com ESMTP\r\n");
    c.Client("EHLO client.example.com\r\nSTARTTLS\r\n").Client(hello);
    c.Server("250-mx.example.com\r\n250 STARTTLS\r\n");
    c.Server(refused ? "454 not now\r\n" : "220 go on\r\n");
    if (!refused) c.Server(ServerFlight({"mx.example.com"})).Client(ApplicationData(100));
    Sensor sensor;
    sensor.Play(c.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor),
                StartsWith(refused ? "smtp banner none" : "smtp banner starttls"));
  }
}

}  // namespace
}  // namespace mailtap::pipeline

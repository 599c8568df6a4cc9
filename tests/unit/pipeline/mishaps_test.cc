// Dialogues that do not go by the book: garbage, mistakes and scans, words of other protocols,
// and what a mirror makes of their order.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/opening.h"

namespace mailtap::pipeline {
namespace {

using namespace std::string_literals;

// Greeting and client's first words, and the dialogue behind them: one message.
Script SmtpAfter(const std::string& greeting, const Script& first = {}) {
  Script script = {{kDown, greeting}};
  script.insert(script.end(), first.begin(), first.end());
  const Script rest = SmtpScript();
  script.insert(script.end(), rest.begin() + 1, rest.end());
  return script;
}

constexpr char kEsmtp[] = "220 mx.example.com ESMTP\r\n";
constexpr char kUnknown[] = "502 5.5.2 command not recognized\r\n";

struct Case {
  const char* name;
  uint16_t port;
  Script script;
  const char* service;  // of the one session, or "none"
  uint32_t messages = meter::SessionRecord::kUnknownCount;
};

void ExpectEach(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    for (const std::size_t segment : {1'400, 7, 1}) {
      SCOPED_TRACE(absl::StrCat(c.name, " on ", c.port, ", segments of ", segment));
      Sensor sensor;
      sensor.Play(Play(c.script, c.port, segment).frames()).Finish();
      ASSERT_EQ(Only(sensor).substr(0, 4), c.service);
      if (sensor.sessions().empty()) continue;
      EXPECT_EQ(sensor.sessions()[0].messages, c.messages);
      EXPECT_EQ(sensor.sessions()[0].bytes[kUp].observed, BytesOf(c.script, kUp));
      EXPECT_EQ(sensor.sessions()[0].bytes[kDown].observed, BytesOf(c.script, kDown));
    }
  }
}

TEST(Mishaps, GarbageBeforeAGreetingHidesNothingOnItsPort) {
  const Line user = {kUp, "USER joe\r\n"}, fine = {kDown, "+OK\r\n"};
  ExpectEach({
      {"a warning", 25, SmtpAfter("ld.so: no such file\r\n"s + kEsmtp), "smtp", 1},
      {"a warning, three lines", 587, SmtpAfter("a b\r\nc d\r\ne f\r\n"s + kEsmtp), "smtp", 1},
      {"a warning", 110, {{kDown, "warning: x\r\n+OK ready\r\n"}, user, fine}, "pop3"},
      {"a space",
       143,
       {{kDown, " * OK ready\r\n"}, {kUp, "a NOOP\r\n"}, {kDown, "a OK\r\n"}},
       "imap"},
  });
  // The first line is no reply, so what is counted is not known.
  for (const std::string& garbage : {" "s, "\xff\xfb\x01"s, "\xef\xbb\xbf"s}) {
    Sensor sensor;
    sensor.Play(Play(SmtpAfter(garbage + kEsmtp), 25).frames()).Finish();
    EXPECT_EQ(Only(sensor).substr(0, 11), "smtp banner") << garbage;
  }
  // Not every text is a garbled greeting.
  const std::string asterisk = "Asterisk Call Manager/2.1\r\n";
  const Script manager = {{kDown, asterisk},
                          {kUp, "Action: Login\r\nUsername: a\r\n\r\n"},
                          {kDown, "Response: Success\r\n\r\n"}};
  EXPECT_EQ(Replayed(manager, 143), "none");
}

TEST(Mishaps, WhatTheServerRefusesSaysNothingOfTheSession) {
  std::vector<Case> cases;
  for (const char* mistake : {"SYST\r\n", "GET / HTTP/1.1\r\n", "LHLO x\r\n", "NICK joe\r\n",
                              "XCLIENT ADDR=192.0.2.1\r\n", "\xff\xfc\x01\r\n"}) {
    for (const uint16_t port : {25, 2525}) {
      cases.push_back(
          {mistake, port, SmtpAfter(kEsmtp, {{kUp, mistake}, {kDown, kUnknown}}), "smtp", 1});
    }
  }
  cases.push_back({"refused behind a few words", 2525,
                   SmtpAfter("220 hello\r\n", {{kUp, "XFORWARD x\r\n"}, {kDown, kUnknown}}),
                   "smtp", 1});
  for (const char* first : {"NOOP\r\n", "RSET\r\n", "HELP\r\n"}) {
    cases.push_back({first, 2525,
                     SmtpAfter("220 hello\r\n", {{kUp, first}, {kDown, "250 ok\r\n"}}), "smtp",
                     1});
  }
  cases.push_back({"refused from the start",
                   2525,
                   {{kDown, "554 no mail here\r\n"}, {kUp, "QUIT\r\n"}, {kDown, "221 bye\r\n"}},
                   "smtp",
                   0});
  cases.push_back({"unknown command",
                   10143,
                   {{kDown, "* OK ready\r\n"},
                    {kUp, "a1 XYZZY\r\n"},
                    {kDown, "a1 BAD unknown\r\n"},
                    {kUp, "a2 LOGIN a b\r\n"},
                    {kDown, "a2 OK\r\n"}},
                   "imap"});
  cases.push_back({"unknown command",
                   10110,
                   {{kDown, "+OK POP3 ready\r\n"},
                    {kUp, "HELLO\r\n"},
                    {kDown, "-ERR what?\r\n"},
                    {kUp, "USER joe\r\n"},
                    {kDown, "+OK\r\n"}},
                   "pop3"});
  ExpectEach(cases);
}

TEST(Mishaps, AnAcceptedWordOfAnotherProtocolIsThatProtocol) {
  const Script lmtp = {{kUp, "LHLO x\r\n"}, {kDown, "250 mx\r\n"}};
  ExpectEach({{"lmtp behind an esmtp banner", 24, SmtpAfter(kEsmtp, lmtp), "none"},
              {"the same on smtp's port", 25, SmtpAfter(kEsmtp, lmtp), "none"}});
}

TEST(Mishaps, AHostMayBeNamedLikeAProtocol) {
  std::vector<Case> cases;
  for (const char* host : {"ftp.example.com", "ftp2.example.com", "lmtp.example.com"}) {
    for (const uint16_t port : {25, 2525}) {
      cases.push_back(
          {host, port, SmtpAfter(absl::StrCat("220 ", host, " ready\r\n")), "smtp", 1});
    }
  }
  for (const char* host : {"mail.imsp.example.com IMAP4rev1", "mupdate.example.com Cyrus IMAP",
                           "MUPDATE-host IMAP4rev1", "[CAPABILITY IMAP4rev1 X-IMSP] IMSP"}) {
    for (const uint16_t port : {143, 10143}) {
      cases.push_back({host,
                       port,
                       {{kDown, absl::StrCat("* OK ", host, " server ready\r\n")},
                        {kUp, "a1 LOGIN a b\r\n"},
                        {kDown, "a1 OK\r\n"}},
                       "imap"});
    }
  }
  const Line quit = {kUp, "QUIT\r\n"};
  for (const char* ftp :
       {"220 FTP server ready\r\n", "220 host FTP.\r\n", "220 x FTPD 2\r\n"}) {
    cases.push_back({ftp, 25, {{kDown, ftp}, quit}, "none"});
  }
  ExpectEach(cases);
}

TEST(Mishaps, ScansAreNoSessionsAndContradictNothing) {
  const struct {
    uint16_t port;
    Script script;
  } kScans[] = {{25, {{kUp, "\r\n\r\n"}}},         {143, {{kUp, "\r\n"}}},
                {465, {{kUp, "\r\n\r\n"}}},        {110, {{kUp, "\n"}}},
                {25, {{kDown, kEsmtp}}},           {143, {{kDown, "* OK ready\r\n"}}},
                {110, {{kDown, "+OK ready\r\n"}}}, {143, {{kDown, "* BYE full\r\n"}}}};
  for (const auto& scan : kScans) {
    Sensor sensor;
    sensor.Play(Play(scan.script, scan.port).frames()).Finish();
    EXPECT_EQ(Only(sensor), "none") << scan.port << scan.script[0].text;
    EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u) << scan.script[0].text;
  }
  const Script alert = {{kUp, "\r\n\r\n"}, {kDown, "\x15\x03\x01\x00\x02\x02\x46"s}};
  EXPECT_EQ(Replayed(alert, 465), "none");
}

// Somebody types: the greeting's bytes are not lost, nor what is counted.
TEST(Mishaps, AClientMayTakeMinutesToAnswer) {
  const Script script = SmtpScript();
  for (const uint16_t port : {25, 2525}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", port);
    c.Handshake().Server(script[0].text).Ack(kUp).Wait(290 * kNanosPerSecond);
    Say(c, Script(script.begin() + 1, script.end()));
    c.Close();
    Sensor sensor;
    sensor.Play(c.frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u) << port;
    EXPECT_EQ(sensor.sessions()[0].messages, 1u);
    EXPECT_EQ(sensor.sessions()[0].bytes[kDown].observed, BytesOf(script, kDown));
    EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u);
  }
}

// A message's text is nobody's business, whatever it looks like.
TEST(Mishaps, ALiteralIsNeitherTlsNorACommand) {
  const std::string text = "a9 STARTTLS\r\n" + classify::ClientHelloFor("smtp.evil.example") +
                           std::string(3'000, 'x');
  const std::string announced = absl::StrCat("a1 APPEND x {", text.size());
  for (const uint16_t port : {143, 10143}) {
    for (const std::size_t segment : {1'400, 100, 13}) {
      for (const bool at_once : {false, true}) {
        Script script = {{kDown, "* OK ready\r\n"},
                         {kUp, absl::StrCat(announced, at_once ? "+}\r\n" : "}\r\n")}};
        if (!at_once) script.push_back({kDown, "+ go\r\n"});
        script.push_back({kUp, text + "\r\n"});
        script.push_back({kDown, "a1 OK done\r\n"});
        Sensor sensor;
        sensor.Play(Play(script, port, segment).frames()).Finish();
        ASSERT_EQ(sensor.sessions().size(), 1u);
        const meter::SessionRecord& session = sensor.sessions()[0];
        EXPECT_EQ(session.tls, Tls::kNone) << segment << at_once;
        EXPECT_FALSE(session.has_sni);
        EXPECT_EQ(session.text_bytes[kUp], text.size());
      }
    }
  }
}

TEST(Mishaps, Pop3IsKnownUnderWayByWhatOnlyItSays) {
  const Script whole = {{kDown, "+OK ready\r\n"},
                        {kUp, "USER joe\r\n"},
                        {kDown, "+OK\r\n"},
                        {kUp, "PASS x\r\n"},
                        {kDown, "+OK\r\n"},
                        {kUp, "RETR 1\r\n"},
                        {kDown, "+OK 10 octets\r\nSubject:\r\n.\r\n"},
                        {kUp, "DELE 1\r\n"},
                        {kDown, "+OK\r\n"}};
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 10110);
  Say(c, whole);
  Sensor sensor;
  sensor.Play(c.Close().frames()).Finish();
  EXPECT_EQ(Only(sensor).substr(0, 11), "pop3 banner");
  // FTP names files by numbers, too.
  const Script ftp = {{kUp, "RETR 1\r\n"}, {kDown, "150 here it comes\r\n226 done\r\n"}};
  Conversation f("10.1.0.5", 40'000, "192.0.2.25", 2121);
  Say(f, ftp);
  Sensor other;
  other.Play(f.Close().frames()).Finish();
  EXPECT_EQ(Only(other), "none");
}

TEST(Mishaps, StarttlsIsKnownByTheServersLastWordsInClear) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 2525);
  c.Server("220 2.0.0 Ready to start TLS\r\n")
      .Client(classify::ClientHelloFor("mx.example.net"));
  c.Server(classify::ServerHello()).Close();
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  EXPECT_EQ(Only(sensor).substr(0, 20), "smtp banner starttls");
  EXPECT_EQ(sensor.Sni(), "mx.example.net");
}

TEST(Mishaps, OfTwoMailPortsTheServersWordsTellWhichIsItsOwn) {
  Conversation c("10.1.0.5", 143, "192.0.2.25", 25);
  c.Server("250 2.1.0 Ok\r\n").Client("RCPT TO:<a@b>\r\n").Server("250 2.1.5 Ok\r\n").Close();
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].key.service, Service::kSmtp);
  EXPECT_EQ(sensor.sessions()[0].key.server_port, 25);
}

// The name stands in a hello's first segment; the others are lost.
TEST(Mishaps, AHelloTellsItsNameThoughItsEndIsLost) {
  const std::string hello = classify::ClientHello(
      classify::ServerNameExtension("smtp.example.com") + classify::PaddingExtension(1'500));
  for (const std::size_t kept : {1'400, 200}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", 2465);
    c.Handshake().Client(hello.substr(0, kept)).Lost(kUp, hello.substr(kept));
    c.Server(classify::ServerHello()).Close();
    Sensor sensor;
    sensor.Play(c.frames()).Finish();
    EXPECT_EQ(Only(sensor).substr(0, 17), "smtp sni implicit") << kept;
    EXPECT_EQ(sensor.Sni(), "smtp.example.com");
  }
  // Half a name is none.
  const std::size_t name = hello.find("smtp.example.com");
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 465);
  c.Handshake().Client(hello.substr(0, name + 12)).Lost(kUp, hello.substr(name + 12));
  c.Server(classify::ServerHello()).Close();
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  EXPECT_EQ(Only(sensor).substr(0, 18), "smtp port implicit");
  EXPECT_FALSE(sensor.sessions()[0].has_sni);
}

}  // namespace
}  // namespace mailtap::pipeline

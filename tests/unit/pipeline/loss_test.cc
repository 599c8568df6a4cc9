// Frames that the mirror left out take no session with them while anything that is left tells
// what it is.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

Frames Without(Frames frames, std::size_t index) {
  frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(index));
  return frames;
}

std::string Volumes(const Sensor& sensor) {
  std::string text;
  for (const meter::SessionRecord& s : sensor.sessions()) {
    absl::StrAppend(&text, Name(s.key.service), " ", s.bytes[kUp].volume(), "/",
                    s.bytes[kDown].volume(), "\n");
  }
  return text;
}

TEST(Loss, AnyOneFrameMayBeMissingOnAnOddPort) {
  struct Case {
    const char* service;
    Script script;
    bool ambiguous = false;
  };
  for (const Case& c : {Case{"smtp", SmtpScript()}, Case{"smtp", SmtpPipelinedScript()},
                        Case{"smtp", SmtpStarttlsScript()}, Case{"imap", ImapScript()},
                        Case{"imap", ImapStarttlsScript()}, Case{"pop3", Pop3Script(), true},
                        Case{"pop3", Pop3StlsScript()}}) {
    const Frames frames = Play(c.script, 12'345).frames();
    for (std::size_t lost = 0; lost < frames.size(); ++lost) {
      // Without the SYN-ACK or the greeting nothing tells POP3 in clear from Redis.
      constexpr std::size_t kSynAck = 1, kGreeting = 3;
      if (c.ambiguous && (lost == kSynAck || lost == kGreeting)) continue;
      Sensor sensor;
      sensor.Play(Without(frames, lost)).Finish();
      EXPECT_EQ(Volumes(sensor), absl::StrCat(c.service, " ", BytesOf(c.script, kUp), "/",
                                              BytesOf(c.script, kDown), "\n"))
          << "without frame " << lost;
    }
  }
}

// So little of a greeting tells nothing, nor does it stand against what comes behind it.
TEST(Loss, OfAGreetingLeavesAStump) {
  for (const std::size_t left : {1, 2, 3, 4, 9, 10}) {
    for (const Script& script : {SmtpScript(), ImapScript()}) {
      Conversation c("10.1.0.5", 40'000, "192.0.2.25", 12'345);
      const std::string& greeting = script[0].text;
      c.Handshake().Server(greeting.substr(0, left)).Lost(kDown, greeting.substr(left));
      Say(c, Script(script.begin() + 1, script.end()));
      Sensor sensor;
      sensor.Play(c.Close().frames()).Finish();
      const char* service = script[0].text[0] == '*' ? "imap" : "smtp";
      EXPECT_EQ(Volumes(sensor), absl::StrCat(service, " ", BytesOf(script, kUp), "/",
                                              BytesOf(script, kDown), "\n"))
          << left << " bytes are left";
    }
  }
}

// A server's greeting and TLS: what asked for it is lost.
TEST(Loss, OfStarttlsTheGreetingIsEnough) {
  for (const bool hello : {true, false}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", 10'143);
    c.Handshake().Server("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n");
    c.Lost(kUp, "a1 STARTTLS\r\n").Server("a1 OK begin\r\n");
    const std::string tls = ImplicitTlsScript("mx.example.com")[0].text;
    if (hello) {
      c.Client(tls);
    } else {
      c.Lost(kUp, tls);
    }
    const std::string record("\x17\x03\x03\x00\x20", 5);
    c.Server(record + std::string(32, 'x')).Client(record + std::string(32, 'y'));
    c.Close();
    Sensor sensor;
    sensor.Play(c.frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u) << hello;
    EXPECT_EQ(sensor.sessions()[0].key.service, Service::kImap);
    EXPECT_EQ(sensor.sessions()[0].tls, Tls::kStarttls);
    EXPECT_EQ(sensor.sessions()[0].evidence, Evidence::kBanner);
  }
}

constexpr char kImapServer[] = "192.0.2.25";
constexpr uint16_t kOddPort = 10'143;

std::string AtKnownServer(const Frames& frames) {
  Sensor sensor;
  const auto server = net::ParseAddress(kImapServer);
  sensor.known_servers.Add(server.value(), kOddPort, 0, Service::kImap);
  sensor.Play(frames).Finish();
  return Only(sensor);
}

Frames TlsWithoutClientHello() {
  const Script script = ImplicitTlsScript("imap.example.com");
  Conversation c("10.1.0.5", 40'000, kImapServer, kOddPort);
  c.Handshake().Lost(kUp, script[0].text);
  for (std::size_t i = 1; i < script.size(); ++i) {
    script[i].from == kUp ? c.Client(script[i].text) : c.Server(script[i].text);
  }
  return c.Close().frames();
}

TEST(Loss, OfTheClientHelloCountsWhereTheServerHasSpokenMailBefore) {
  const Script script = ImplicitTlsScript("imap.example.com");
  const Frames frames = TlsWithoutClientHello();
  EXPECT_EQ(AtKnownServer(frames),
            absl::StrCat("imap port implicit ", BytesOf(script, kUp) - script[0].text.size(),
                         "+", script[0].text.size(), "/", BytesOf(script, kDown),
                         " messages null rejected null"));
  Sensor unknown;
  unknown.Play(frames).Finish();
  EXPECT_EQ(Only(unknown), "none");
}

TEST(Loss, OfTheClientHelloCountsWhereTheServerSpeaksMailBeforeTheSessionEnds) {
  Sensor sensor;
  sensor.Play(TlsWithoutClientHello());
  sensor.known_servers.Add(net::ParseAddress(kImapServer).value(), kOddPort, 0, Service::kImap);
  sensor.Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  const meter::DeltaRecord total = sensor.Total();
  EXPECT_EQ(total.sessions, 1u);
  EXPECT_EQ(sensor.sessions()[0].key.service, Service::kImap);
  EXPECT_EQ(total.bytes[kDown].volume(), BytesOf(ImplicitTlsScript("imap.example.com"), kDown));
}

// What follows begins anywhere within a record.
TEST(Loss, OfBothHellosCountsWhereTheServerHasSpokenMailBefore) {
  const std::string client_hello = ImplicitTlsScript("imap.example.com")[0].text;
  const std::string hidden = "\x16\xd4\x03\x81 neither a record nor text \x9c";
  const std::string record = std::string("\x17\x03\x03\x00\x05", 5) + "12345";
  Conversation c("10.1.0.5", 40'000, kImapServer, kOddPort);
  c.Handshake().Lost(kUp, client_hello).Lost(kDown, std::string(700, 'x')).Server(hidden);
  for (int i = 0; i < 3; ++i) c.Client(record).Server(record);
  EXPECT_EQ(AtKnownServer(c.Close().frames()),
            absl::StrCat("imap port implicit 30+", client_hello.size(), "/", 30 + hidden.size(),
                         "+700 messages null rejected null"));
}

// When the control core tells of a server depends on its clock; what is counted must not.
TEST(Loss, OfNothingCountsTheSamePacketsWheneverTheServerBecomesKnown) {
  const Frames frames = Play(ImapScript(), kOddPort).frames();
  std::set<std::string> counts;
  for (std::size_t known_from = 0; known_from <= frames.size(); ++known_from) {
    Sensor sensor;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (i == known_from) {
        sensor.known_servers.Add(net::ParseAddress(kImapServer).value(), kOddPort, 0,
                                 Service::kImap);
      }
      sensor.Play({frames[i]});
    }
    sensor.Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u);
    const meter::SessionRecord& session = sensor.sessions()[0];
    counts.insert(absl::StrCat(Describe(session), " ", session.bytes[kUp].packets, " ",
                               session.bytes[kDown].packets, " ", session.first_seen));
  }
  EXPECT_EQ(counts.size(), 1u) << absl::StrJoin(counts, "\n");
}

TEST(Loss, OfNothingLeavesOtherTlsAtAMailServerWhatItIs) {
  const Frames web = Play(ImplicitTlsScript("www.example.com"), kOddPort).frames();
  EXPECT_EQ(AtKnownServer(web), "none");
}

TEST(Loss, OfNothingIsHiddenByAKnownServerThatGreetsLate) {
  for (const int64_t seconds : {5, 61, 200}) {
    Conversation late("10.1.0.5", 40'000, kImapServer, kOddPort);
    late.Handshake().Wait(seconds * kNanosPerSecond);
    Say(late, ImapScript());
    Sensor sensor;
    sensor.known_servers.Add(net::ParseAddress(kImapServer).value(), kOddPort, 0,
                             Service::kImap);
    sensor.Play(late.Close().frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u);
    EXPECT_EQ(sensor.sessions()[0].first_seen, kStart) << seconds;
    EXPECT_NE(sensor.sessions()[0].text_bytes[kDown], meter::SessionRecord::kUnknownBytes);
  }
}

TEST(Loss, OfOneSidesTextCountsWhereTheServerHasSpokenMailBefore) {
  Conversation c("10.1.0.5", 40'000, kImapServer, kOddPort);
  c.Handshake().Lost(kDown, "* OK ready\r\n").Client("a1 CAPABILITY\r\n");
  c.Lost(kDown, "* CAPABILITY IMAP4rev1\r\na1 OK done\r\n").Client("a2 LOGOUT\r\n").Close();
  EXPECT_EQ(AtKnownServer(c.frames()), "imap command none 26/0+48 messages null rejected null");
}

// A proxy of which only one side is seen, whose answer to the client's request is lost.
TEST(Loss, OfAProxysAnswerLeavesWhatItsServerProves) {
  Conversation c("10.1.0.5", 40'000, kImapServer, kOddPort);
  c.Handshake().Client("request").Lost(kDown, "answered");
  c.Server("220 mx.example.com ESMTP\r\n").Client("EHLO me\r\n").Server("250 mx\r\n").Close();
  EXPECT_EQ(AtKnownServer(c.OneWay(kDown)),
            "smtp banner none 0+16/34+8 messages null rejected null");
}

// What comes first behind a gap may be anything: a line of a multi-line reply, a password.
TEST(Loss, LaterLinesTellWhereTheFirstOnesFitNothing) {
  Conversation c("10.1.0.5", 40'000, "192.0.2.25", 2'525);
  c.Handshake().Server("220 mx.example.com ESMTP\r\n").Lost(kUp, "EHLO me\r\n");
  c.Server("250-mx\r\n250 AUTH LOGIN\r\n").Lost(kUp, "AUTH LOGIN\r\n").Server("334 VXNl\r\n");
  c.Client("c2VjcmV0\r\n").Server("235 2.7.0 Ok\r\n");
  c.Client("MAIL FROM:<a@example.com>\r\n").Server("250 2.1.0 Ok\r\n").Close();
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  EXPECT_EQ(Only(sensor), "smtp banner none 37+21/88 messages null rejected null");
}

// Sessions that all wait for a lost command at once need more buffers than there are.
TEST(Loss, WithoutBuffersTheMissingCountsAsLost) {
  constexpr int kSessions = 100;
  std::vector<Frames> streams;
  for (int i = 0; i < kSessions; ++i) {
    Conversation c("10.1.0.5", static_cast<uint16_t>(40'000 + i), "192.0.2.25", 110);
    c.Handshake().Server("+OK ready <1.2@mail.example>\r\n").Lost(kUp, "CAPA\r\n");
    c.Server("+OK\r\nUSER\r\n.\r\n");
    for (int n = 0; n < 20; ++n) c.Client("USER joe\r\n").Server("+OK\r\n");
    streams.push_back(c.Close().frames());
  }
  config::Config config = SmallConfig();
  config.limits.reorder_buffers = 64;
  Sensor sensor(config);
  sensor.Play(Merge(streams)).Finish();
  ASSERT_EQ(sensor.sessions().size(), static_cast<std::size_t>(kSessions));
  for (const meter::SessionRecord& session : sensor.sessions()) {
    EXPECT_EQ(session.key.service, Service::kPop3);
    EXPECT_EQ(session.evidence, Evidence::kBanner);
    EXPECT_EQ(session.bytes[kUp].volume(), 206u);
    EXPECT_EQ(session.bytes[kUp].inferred, 6u);
  }
}

// A client may use any port; what it sends under way is no mail because of that.
TEST(Loss, BinaryUnderWayOnAMailPortHasToShowTls) {
  Conversation c("10.1.0.5", 993, "192.0.2.25", 2'049);
  for (int i = 0; i < 5; ++i) {
    c.Client(std::string("\x80\x00\x00\x40", 4) + std::string(64, '\1'));
    c.Server(std::string("\x80\x00\x00\x40", 4) + std::string(64, '\2'));
  }
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  EXPECT_EQ(Only(sensor), "none");
}

// What the server acknowledges was said, though nothing of it is seen.
TEST(Loss, OfAllThatAClientSaysLeavesTheServersWords) {
  const struct {
    uint16_t port;
    const char *said, *greeting, *answer;
  } kDialogues[] = {{25, "QUIT\r\n", "220 mx ESMTP\r\n", "221 bye\r\n"},
                    {110, "QUIT\r\n", "+OK POP3 ready\r\n", "+OK bye\r\n"},
                    {143, "1 LOGOUT\r\n", "* OK IMAP4rev1 ready\r\n", "* BYE\r\n1 OK\r\n"}};
  for (const auto& d : kDialogues) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", d.port);
    c.Handshake().Server(d.greeting).Lost(kUp, d.said).Server(d.answer).Close();
    Sensor sensor;
    sensor.Play(c.frames()).Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u) << d.port;
    EXPECT_EQ(sensor.sessions()[0].bytes[kUp].volume(), std::string(d.said).size());
    EXPECT_EQ(sensor.Total().failed_sessions, 0u) << d.port;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

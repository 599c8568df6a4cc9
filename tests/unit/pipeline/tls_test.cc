// TLS: ClientHellos on any port, certificates, and upgrades that are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using classify::AlpnExtension;
using classify::ApplicationData;
using classify::ClientHello;
using classify::ClientHelloFor;
using classify::PaddingExtension;
using classify::ServerFlight;
using classify::ServerHello;
using classify::ServerNameExtension;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Script TlsScript(const std::string& hello) {
  return {{kUp, hello},
          {kDown, ServerHello()},
          {kUp, ApplicationData(500)},
          {kDown, ApplicationData(900)}};
}

std::string Replayed(const Script& script, uint16_t port,
                     const config::Config& config = SmallConfig(),
                     std::size_t segment_bytes = 1'400) {
  Sensor sensor(config);
  sensor.Play(Play(script, port, segment_bytes).frames()).Finish();
  return Only(sensor);
}

std::vector<std::string> CertificateNames(const Sensor& sensor) {
  std::vector<std::string> names;
  for (const meter::NameRecord& name : sensor.names()) {
    if (name.source == meter::NameSource::kCertificate) {
      names.emplace_back(name.text, name.length);
    }
  }
  return names;
}

TEST(Tls, AlpnTellsMailOnAnyPort) {
  const struct {
    const char* protocol;
    const char* expected;
  } kCases[] = {{"imap", "imap sni implicit"},
                {"pop3", "pop3 sni implicit"},
                {"smtp", "smtp sni implicit"},
                {"h2", "none"},
                {"managesieve", "none"}};
  for (const auto& c : kCases) {
    const std::string hello =
        ClientHello(ServerNameExtension("www.example.com") + AlpnExtension({c.protocol}));
    for (const uint16_t port : {443, 8'443, 8'080, 9'000}) {
      EXPECT_THAT(Replayed(TlsScript(hello), port), StartsWith(c.expected))
          << c.protocol << " " << port;
    }
  }
}

// Cut into records, too; there a name tells nothing that it doesn't tell in one.
TEST(Tls, AHelloOnAWebPortMayTakeAnyNumberOfRecords) {
  for (const std::size_t record : {20, 90, 16'384}) {
    const std::string name = ServerNameExtension("imap.example.com");
    EXPECT_THAT(Replayed(TlsScript(ClientHello(name + AlpnExtension({"imap"}), record)), 443),
                StartsWith("imap sni implicit"))
        << record;
    EXPECT_EQ(Replayed(TlsScript(ClientHello(name + AlpnExtension({"h2"}), record)), 443),
              "none")
        << record;
  }
}

TEST(Tls, NamesThatTellMailAreConfigured) {
  config::Config config = SmallConfig();
  config.tls.services[static_cast<int>(Service::kSmtp)] = {"mx*.example.com"};
  config.tls.web_ports = {};
  EXPECT_THAT(Replayed(TlsScript(ClientHelloFor("mx7.example.com")), 443, config),
              StartsWith("smtp sni implicit"));
  EXPECT_EQ(Replayed(TlsScript(ClientHelloFor("smtp.example.com")), 9'000, config), "none");
  EXPECT_EQ(Replayed(TlsScript(ClientHelloFor("mx7.example.com")), 443), "none");
}

TEST(Tls, AHelloMayTakeAnyNumberOfSegments) {
  const std::string hello =
      ClientHello(PaddingExtension(3'000) + ServerNameExtension("imap.example.com"));
  for (const std::size_t bytes : {1, 3, 5, 6, 100, 536, 1'400}) {
    EXPECT_THAT(Replayed(TlsScript(hello), 9'000, SmallConfig(), bytes),
                StartsWith("imap sni implicit"))
        << bytes;
  }
}

TEST(Tls, AHandshakeMayPauseForMinutes) {
  const std::string hello = ClientHelloFor("imap.example.com");
  const Script rest = TlsScript(hello);
  for (const uint16_t port : {993, 8'443}) {
    for (const std::size_t first : {std::size_t{40}, hello.size()}) {
      Conversation slow("10.1.0.5", 40'000, "192.0.2.25", port);
      slow.Handshake().Client(hello.substr(0, first)).Wait(200 * kNanosPerSecond);
      slow.Client(hello.substr(first));
      Say(slow, Script(rest.begin() + 1, rest.end()));
      Sensor sensor;
      sensor.Play(slow.Close().frames()).Finish();
      EXPECT_EQ(Only(sensor),
                absl::StrCat("imap sni implicit ", BytesOf(rest, kUp), "/",
                             BytesOf(rest, kDown), " messages null rejected null"))
          << port << " after " << first;
    }
  }
}

// Where only the client is seen, and its hello not as a whole, a port made for TLS tells.
TEST(Tls, APartOfAHelloIsEnoughOnItsPort) {
  const std::string hello = classify::ClientHelloFor("mail.example.com");
  const std::string data = classify::ApplicationData(5'000);
  for (const bool snapped : {true, false}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", 465);
    c.Handshake();
    if (snapped) {
      c.Client(hello);
    } else {
      c.Client(hello.substr(0, 60)).Lost(kUp, hello.substr(60));
    }
    for (int i = 0; i < 5; ++i) c.Server(data).Client(data).Wait(40 * kNanosPerSecond);
    Frames frames = c.Close().OneWay(kUp);
    for (Frame& frame : frames) {
      if (snapped) frame.captured = 96;
    }
    Sensor sensor;
    sensor.Play(frames);
    const uint64_t before_its_end = sensor.Total().bytes[kUp].volume();
    sensor.Finish();
    ASSERT_EQ(sensor.sessions().size(), 1u) << snapped;
    EXPECT_THAT(Only(sensor), testing::StartsWith("smtp port implicit"));
    EXPECT_GE(before_its_end, hello.size() + 4 * data.size());
    EXPECT_EQ(sensor.Total().bytes[kUp].volume(), hello.size() + 5 * data.size());
  }
}

TEST(Tls, UndecidedFlowsOnOddPortsAreBoundedAndCounted) {
  config::Config config = SmallConfig();
  config.limits.undecided = 64;
  Sensor sensor(config);
  std::vector<Frames> streams;
  for (uint16_t i = 0; i < 100; ++i) {
    Conversation half("10.1.0.5", static_cast<uint16_t>(30'000 + i), "192.0.2.25", 9'000);
    const std::string hello = ClientHelloFor("imap.example.com");
    half.Handshake().Client(hello.substr(0, 40));
    streams.push_back(half.frames());
  }
  sensor.Play(Merge(streams));
  EXPECT_EQ(sensor.shortages(Shortage::kUndecided), 36u);
  // Mail on its own ports has room of its own.
  sensor.Play(Play(SmtpScript(), 25).At(kStart + kNanosPerSecond).frames());
  // Once they have gone, there is room again.
  sensor.Idle(60);
  Conversation whole("10.1.0.5", 50'000, "192.0.2.25", 9'000);
  whole.At(kStart + 90 * kNanosPerSecond).Handshake();
  Say(whole, TlsScript(ClientHelloFor("imap.example.com")));
  sensor.Play(whole.Close().frames()).Finish();
  EXPECT_EQ(sensor.sessions().size(), 2u);
}

TEST(Tls, AWholeHelloThatRulesMailOutTakesNoRoom) {
  config::Config config = SmallConfig();
  config.limits.undecided = 0;
  const Script script = TlsScript(ClientHelloFor("www.example.com"));
  for (const std::size_t segment : {1'400, 40}) {
    Sensor sensor(config);
    sensor.Play(Play(script, 8'443, segment).frames()).Finish();
    EXPECT_EQ(sensor.shortages(Shortage::kUndecided) == 0, segment == 1'400);
    EXPECT_EQ(Only(sensor), "none");
  }
}

TEST(Tls, TheCertificatesNamesLabelTheServer) {
  Script script = TlsScript(ClientHelloFor("imap.example.com"));
  script[1].text = ServerFlight({"mail.example.com", "imap.example.com"});
  for (const std::size_t bytes : {7, 536, 1'400}) {
    Sensor sensor;
    sensor.Play(Play(script, 993, bytes).frames()).Finish();
    EXPECT_THAT(CertificateNames(sensor), ElementsAre("mail.example.com", "imap.example.com"));
    EXPECT_EQ(sensor.Sni(), "imap.example.com");
    EXPECT_EQ(sensor.counters().dialogues.value(), 0u);
  }
}

TEST(Tls, TheCertificateFollowsStarttlsToo) {
  for (const Script& base : {SmtpStarttlsScript(), ImapStarttlsScript(), Pop3StlsScript()}) {
    Script script = base;
    for (Line& line : script) {
      if (line.text == ServerHello()) line.text = ServerFlight({"mx.example.com"});
    }
    Sensor sensor;
    sensor.Play(Play(script, 10'025).frames()).Finish();
    EXPECT_THAT(CertificateNames(sensor), ElementsAre("mx.example.com"));
    EXPECT_EQ(sensor.sessions().at(0).tls, Tls::kStarttls);
  }
}

TEST(Tls, ACertificateMakesNothingMail) {
  Script script = TlsScript(ClientHelloFor("www.example.com"));
  script[1].text = ServerFlight({"imap.example.com"});
  Sensor sensor;
  sensor.Play(Play(script, 9'000).frames()).Finish();
  EXPECT_EQ(Only(sensor), "none");
  EXPECT_THAT(CertificateNames(sensor), IsEmpty());
}

// Reordered and with a segment missing: what is there is read, nothing waits for ever.
TEST(Tls, AReorderedServerFlightIsReadInOrder) {
  Script script = TlsScript(ClientHelloFor("imap.example.com"));
  script[1].text = ServerFlight({"mx.example.com"});
  Frames frames = Play(script, 993, 400).frames();
  std::vector<std::size_t> flight;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].direction == kDown && frames[i].bytes.size() > 100) flight.push_back(i);
  }
  ASSERT_GT(flight.size(), 4u);
  std::swap(frames[flight[0]].bytes, frames[flight[2]].bytes);
  Sensor sensor;
  sensor.Play(frames).Finish();
  EXPECT_THAT(CertificateNames(sensor), ElementsAre("mx.example.com"));

  frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(flight[1]));
  Sensor lossy;
  lossy.Play(frames).Idle(10).Finish();
  EXPECT_EQ(lossy.sessions().size(), 1u);
  EXPECT_EQ(lossy.counters().dialogues.value(), 0u);
}

TEST(Tls, AnUpgradeThatIsRefusedStaysClear) {
  Script smtp = SmtpScript();
  smtp.insert(smtp.begin() + 3,
              {{kUp, "STARTTLS\r\n"}, {kDown, "454 4.7.0 TLS not available\r\n"}});
  EXPECT_THAT(Replayed(smtp, 25), StartsWith("smtp banner none"));
  EXPECT_THAT(Replayed(smtp, 25), testing::EndsWith("messages 1 rejected 0"));
  Script imap = ImapScript();
  imap.insert(imap.begin() + 1, {{kUp, "a0 STARTTLS\r\n"}, {kDown, "a0 BAD no TLS\r\n"}});
  EXPECT_THAT(Replayed(imap, 143), StartsWith("imap banner none"));
  Script pop3 = Pop3Script();
  pop3.insert(pop3.begin() + 1, {{kUp, "STLS\r\n"}, {kDown, "-ERR no TLS\r\n"}});
  EXPECT_THAT(Replayed(pop3, 110), StartsWith("pop3 banner none"));
}

TEST(Tls, AfterARefusalASecondAttemptMaySucceed) {
  Script smtp = SmtpStarttlsScript();
  smtp.insert(smtp.begin() + 3, {{kUp, "STARTTLS\r\n"},
                                 {kDown, "454 4.7.0 not now\r\n"},
                                 {kUp, "NOOP\r\n"},
                                 {kDown, "250 2.0.0 Ok\r\n"}});
  EXPECT_THAT(Replayed(smtp, 25), StartsWith("smtp banner starttls"));
}

// A scanner that tries TLS on a port of mail's, met behind its handshake.
TEST(Tls, ThatIsRefusedInClearWasNotAskedForUnderWay) {
  const struct {
    uint16_t port;
    const char *greeting, *service;
  } kCases[] = {{25, "220 mx.example.com ESMTP\r\n", "smtp"},
                {143, "* OK [CAPABILITY IMAP4rev1] ready\r\n", "imap"},
                {110, "+OK POP3 ready\r\n", "pop3"}};
  for (const auto& c : kCases) {
    for (const bool refused : {true, false}) {
      Conversation talk("10.1.0.5", 40'000, "192.0.2.25", c.port);
      talk.Client(ClientHelloFor("mx.example.com"));
      talk.Server(refused ? c.greeting : ServerHello()).Fin(kUp).Fin(kDown);
      Sensor sensor;
      sensor.Play(talk.frames()).Finish();
      EXPECT_THAT(Only(sensor), StartsWith(absl::StrCat(
                                    c.service, refused ? " banner none" : " port starttls")));
    }
  }
}

// The mirror lacks the start of the client's hello; the server answers it.
TEST(Tls, AnUpgradeIsKnownByTheServersHelloToo) {
  const struct {
    Script script;
    uint16_t port;
    const char* expected;
  } kCases[] = {{SmtpStarttlsScript(), 25, "smtp banner starttls"},
                {SmtpStarttlsScript(), 2'525, "smtp banner starttls"},
                {ImapStarttlsScript(), 143, "imap banner starttls"},
                {Pop3StlsScript(), 110, "pop3 banner starttls"}};
  for (const auto& c : kCases) {
    Conversation lossy("10.1.0.5", 40'000, "192.0.2.25", c.port);
    lossy.Handshake();
    for (const Line& line : c.script) {
      if (line.from == kUp && line.text[0] == '\x16') {
        lossy.Lost(kUp, line.text.substr(0, 20)).Client(line.text.substr(20));
      } else {
        Say(lossy, {line});
      }
    }
    Sensor sensor;
    sensor.Play(lossy.frames()).Idle(10).Finish();
    EXPECT_THAT(Only(sensor), StartsWith(c.expected)) << c.port;
  }
}

// What turns to TLS on a mail port is mail's where words of mail may have asked for it, or
// where what asked may be lost.
TEST(Tls, OfAnotherProtocolOnAMailPortIsNoMail) {
  using namespace std::string_literals;
  const std::string hello = ClientHelloFor("host.example.com");
  const Script ldap = {{kUp, "0\x1d\2\1\1w\x18\x80\x16" + "1.3.6.1.4.1.1466.20037"s},
                       {kDown, "0\x0c\2\1\1x\7\n\1\0\4\0\4\0"s},
                       {kUp, hello},
                       {kDown, ServerHello()}};
  const Script postgres = {
      {kUp, "\0\0\0\x08\4\xd2\x16\x2f"s}, {kDown, "S"}, {kUp, hello}, {kDown, ServerHello()}};
  const Script web = {{kUp, hello}, {kDown, ServerHello()}};
  for (const Script& script : {ldap, postgres, web}) {
    for (const uint16_t port : {25, 143, 110}) {
      for (const std::size_t segment : {1'400, 3}) {
        Sensor sensor;
        sensor.Play(Play(script, port, segment).frames()).Finish();
        EXPECT_EQ(Only(sensor), "none") << port << " in segments of " << segment;
        EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 1u);
      }
    }
  }
  for (const std::string& answer : {""s, "\x15\3\1\0\2\2\x28"s}) {
    Script scan = {{kUp, hello}};
    if (!answer.empty()) scan.push_back({kDown, answer});
    Sensor sensor;
    sensor.Play(Play(scan, 25).frames()).Finish();
    EXPECT_EQ(Only(sensor), "none");
    EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), answer.empty() ? 0u : 1u);
  }
  Conversation lost("10.1.0.5", 40'000, "192.0.2.25", 25);
  lost.Handshake().Server("220 hi\r\n").Lost(kUp, "EHLO me\r\nSTARTTLS\r\n");
  lost.Server("250 hi\r\n220 go\r\n").Client(hello).Server(ServerHello()).Close();
  Sensor sensor;
  sensor.Play(lost.frames()).Finish();
  EXPECT_THAT(Only(sensor), StartsWith("smtp"));
}

// As clients of the 2000s began, to servers of TLS too.
TEST(Tls, AHelloMayHaveTheFormOfSsl2) {
  std::string hello = "\x01\x03\x01" + std::string("\0\x12\0\0\0\x20", 6);
  hello += std::string(18, '\x0a') + std::string(32, 'r');
  hello = std::string("\x80") + static_cast<char>(hello.size()) + hello;
  const Script script = {{kUp, hello},
                         {kDown, ServerFlight({"mail.example.com"})},
                         {kUp, ApplicationData(300)},
                         {kDown, ApplicationData(300)}};
  for (const uint16_t port : {465, 993, 995}) {
    Sensor sensor;
    sensor.Play(Play(script, port).frames()).Finish();
    EXPECT_THAT(Only(sensor), HasSubstr(" port implicit")) << port;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

// Mail inside proxies: what goes before the dialogue is read over, and the session says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Way {
  const char* name;
  uint16_t port;
  Via via;
  Script before;
};

Script Connect(const std::string& target) {
  return {{kUp, "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n"},
          {kDown, "HTTP/1.1 200 Connection established\r\n\r\n"}};
}

std::vector<Way> Ways() {
  const Line greeting5 = {kUp, "\5\1\0"s}, chosen5 = {kDown, "\5\0"s};
  const Line reply5 = {kDown, "\5\0\0\1\0\0\0\0\0\0"s};
  Script refused = {{kUp, "CONNECT mx.example:25 HTTP/1.1\r\n\r\n"},
                    {kDown, "HTTP/1.1 407 Who are you?\r\nContent-Length: 4\r\n\r\nnope"}};
  const Script granted = Connect("mx.example:25");
  refused.insert(refused.end(), granted.begin(), granted.end());
  return {
      {"connect", 3'128, Via::kHttpConnect, granted},
      {"connect, after a refusal", 8'080, Via::kHttpConnect, refused},
      {"connect, behind a line end",
       8'080,
       Via::kHttpConnect,
       {{kUp, "\r\nCONNECT  mx.example:25 HTTP/1.1\r\n\r\n"},
        {kDown, "HTTP/1.1 200 OK\r\n\r\n"}}},
      {"connect on a mail port, behind line ends",
       25,
       Via::kHttpConnect,
       {{kUp, "\r\n\r\nCONNECT _mx.example:25 HTTP/1.1\r\n\r\n"},
        {kDown, "HTTP/1.1 200 OK\r\n\r\n"}}},
      {"socks4",
       1'080,
       Via::kSocks4,
       {{kUp, "\4\1\0\x19\xc0\0\2\1me\0"s}, {kDown, "\0\x5a\0\0\0\0\0\0"s}}},
      {"socks4a",
       1'080,
       Via::kSocks4,
       {{kUp, "\4\1\0\x19\0\0\0\1\0mx.example\0"s}, {kDown, "\0\x5a\0\0\0\0\0\0"s}}},
      {"socks5",
       1'080,
       Via::kSocks5,
       {greeting5, chosen5, {kUp, "\5\1\0\1\xc0\0\2\1\0\x19"s}, reply5}},
      {"socks5 with a password",
       9'050,
       Via::kSocks5,
       {{kUp, "\5\2\0\2"s},
        {kDown, "\5\2"s},
        {kUp, "\1\2me\3you"s},
        {kDown, "\1\0"s},
        {kUp, "\5\1\0\3\x0amx.example\0\x19"s},
        reply5}},
      {"proxy header, v1",
       2'525,
       Via::kNone,
       {{kUp, "PROXY TCP4 192.0.2.1 192.0.2.25 40000 25\r\n"}}},
      {"proxy header, v2",
       2'525,
       Via::kNone,
       {{kUp, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"s + std::string(12, 'a')}}},
      {"proxy header on a mail port",
       25,
       Via::kNone,
       {{kUp, "PROXY TCP6 2001:db8::1 2001:db8::2 40000 25\r\n"}}},
  };
}

Script Joined(const Script& before, const Script& dialogue) {
  Script whole = before;
  whole.insert(whole.end(), dialogue.begin(), dialogue.end());
  return whole;
}

std::unique_ptr<Sensor> Replayed(const Script& script, uint16_t port,
                                 std::size_t segment_bytes = 1'400) {
  auto sensor = std::make_unique<Sensor>();
  sensor->Play(Play(script, port, segment_bytes).frames()).Finish();
  return sensor;
}

TEST(Tunnel, MailInsideIsFoundAndMarked) {
  for (const Way& way : Ways()) {
    SCOPED_TRACE(way.name);
    const struct {
      Script script;
      std::string before, after;
    } kMail[] = {{SmtpScript(), "smtp banner none ", " messages 1 rejected 0"},
                 {ImapScript(), "imap banner none ", " messages null rejected null"},
                 {Pop3Script(), "pop3 banner none ", " messages null rejected null"}};
    for (const auto& mail : kMail) {
      const Script whole = Joined(way.before, mail.script);
      for (const std::size_t bytes : {1, 2, 3, 7, 64, 1'400}) {
        const auto sensor = Replayed(whole, way.port, bytes);
        ASSERT_EQ(Only(*sensor), absl::StrCat(mail.before, BytesOf(whole, kUp), "/",
                                              BytesOf(whole, kDown), mail.after))
            << "segments of " << bytes;
        EXPECT_EQ(sensor->sessions()[0].via, way.via);
      }
    }
  }
}

// Counts are unknown then, volumes are not.
TEST(Tunnel, AnyOneOfItsPacketsMayBeLost) {
  for (const Way& way : Ways()) {
    for (const Script& dialogue : {SmtpScript(), ImapScript(), Pop3Script()}) {
      const Script whole = Joined(way.before, dialogue);
      const Frames frames = Play(whole, way.port).frames();
      const std::size_t last = 3 + 2 * way.before.size();
      for (std::size_t lost = 0; lost < last; ++lost) {
        Frames some = frames;
        some.erase(some.begin() + static_cast<std::ptrdiff_t>(lost));
        Sensor sensor;
        sensor.Play(some).Finish();
        ASSERT_EQ(sensor.sessions().size(), 1u) << way.name << " without frame " << lost;
        const meter::SessionRecord& session = sensor.sessions()[0];
        EXPECT_EQ(session.tls, Tls::kNone);
        EXPECT_EQ(session.bytes[kUp].volume() + session.bytes[kDown].volume(),
                  BytesOf(whole, kUp) + BytesOf(whole, kDown))
            << way.name << " without frame " << lost;
      }
    }
  }
}

TEST(Tunnel, AHeaderThatIsCutHidesNothingElse) {
  const std::string v2 = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"s + std::string(12, 'a');
  for (const std::string& header : {"PROXY TCP4 192.0.2.1 192.0.2.25 40000 25\r\n"s, v2}) {
    const Script whole = Joined({{kUp, header}}, SmtpScript());
    for (const uint16_t port : {25, 2'525}) {
      for (uint32_t captured = 20; captured < header.size(); ++captured) {
        Frames frames = Play(whole, port).frames();
        frames[3].captured = 14 + 20 + 20 + captured;
        Sensor sensor;
        sensor.Play(frames).Finish();
        EXPECT_EQ(Only(sensor),
                  absl::StrCat("smtp banner none ", BytesOf(whole, kUp), "/",
                               BytesOf(whole, kDown), " messages null rejected null"))
            << port << " " << captured;
      }
    }
  }
}

// A person may think, and so may whoever the proxy leads to.
TEST(Tunnel, TheDialogueMayBeginMinutesLater) {
  for (const Way& way : Ways()) {
    Conversation late("10.1.0.5", 40'000, "192.0.2.25", way.port);
    Say(late.Handshake(), way.before);
    Say(late.Ack(kUp).Wait(200 * kNanosPerSecond), SmtpScript());
    Sensor sensor;
    sensor.Play(late.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith("smtp banner none")) << way.name;
    EXPECT_EQ(sensor.sessions()[0].messages, 1u) << way.name;
    EXPECT_EQ(sensor.sessions()[0].via, way.via);
  }
}

TEST(Tunnel, StarttlsInsideIsFollowed) {
  for (const Way& way : Ways()) {
    SCOPED_TRACE(way.name);
    const auto sensor = Replayed(Joined(way.before, SmtpStarttlsScript()), way.port);
    EXPECT_THAT(Only(*sensor), StartsWith("smtp banner starttls"));
    EXPECT_EQ(sensor->Sni(), "mx1.example.com");
  }
}

TEST(Tunnel, TlsInsideIsMailByItsNameOrBecauseItLeadsToAMailPort) {
  const Script named = ImplicitTlsScript("imap.example.com");
  const Script other = ImplicitTlsScript("outlook.office365.com");
  EXPECT_THAT(Only(*Replayed(Joined(Connect("a.example:9993"), named), 3'128)),
              StartsWith("imap sni implicit"));
  EXPECT_THAT(Only(*Replayed(Joined(Connect("a.example:993"), other), 3'128)),
              StartsWith("imap port implicit"));
  EXPECT_THAT(Only(*Replayed(Joined(Connect("a.example:465"), other), 3'128)),
              StartsWith("smtp port implicit"));
  // As on the ports themselves, a name does not contradict them.
  EXPECT_THAT(Only(*Replayed(Joined(Connect("a.example:995"), named), 3'128)),
              StartsWith("pop3 port implicit"));
}

TEST(Tunnel, WebTrafficInsideIsNoMail) {
  for (const Script& script : {ImplicitTlsScript("www.example.com"), HttpScript(), SshScript(),
                               FtpScript(), RedisScript()}) {
    for (const Way& way : Ways()) {
      if (way.port == 25) continue;
      const auto sensor = Replayed(Joined(way.before, script), way.port);
      EXPECT_EQ(Only(*sensor), "none") << way.name;
    }
  }
  // Where the tunnel leads counts, not where the proxy listens.
  const Script named = ImplicitTlsScript("imap.example.com");
  EXPECT_EQ(Only(*Replayed(Joined(Connect("imap.example.com:443"), named), 3'128)), "none");
  const Script web = ImplicitTlsScript("www.example.com");
  for (const uint16_t port : {465, 993, 995}) {
    EXPECT_EQ(Only(*Replayed(Joined(Connect("www.example.com:443"), web), port)), "none")
        << port;
    EXPECT_THAT(Only(*Replayed(Joined(Connect("mail.example.com:995"), web), port)),
                StartsWith("pop3 port implicit"));
    const Script header = {{kUp, "PROXY TCP4 192.0.2.1 192.0.2.25 40000 993\r\n"}};
    EXPECT_THAT(Only(*Replayed(Joined(header, web), port)), HasSubstr(" port implicit"));
  }
}

TEST(Tunnel, AHeaderMayGoBeforeATunnel) {
  const Script header = {{kUp, "PROXY TCP4 192.0.2.1 192.0.2.25 40000 3128\r\n"}};
  const auto sensor =
      Replayed(Joined(header, Joined(Connect("mx.example:25"), SmtpScript())), 3'128);
  EXPECT_THAT(Only(*sensor), StartsWith("smtp banner none"));
  EXPECT_EQ(sensor->sessions()[0].via, Via::kHttpConnect);
}

// The client does not wait for the proxy's answer.
TEST(Tunnel, TheFirstWordsMayGoWithARequestOfSocks4) {
  Script script = SmtpScript();
  const Line greeting = script[0];
  script[0] = {kUp, "\4\1\0\x19\0\0\0\1me\0mx.example\0"s + script[1].text};
  script[1] = {kDown, "\0\x5a\0\0\0\0\0\0"s + greeting.text};
  for (const std::size_t bytes : {1, 7, 1'400}) {
    const auto sensor = Replayed(script, 1'080, bytes);
    EXPECT_EQ(Only(*sensor), absl::StrCat("smtp banner none ", BytesOf(script, kUp), "/",
                                          BytesOf(script, kDown), " messages 1 rejected 0"));
    EXPECT_EQ(sensor->sessions()[0].via, Via::kSocks4);
  }
}

// What has gone before on the connection is not looked at: the session begins with the tunnel.
TEST(Tunnel, OtherRequestsMayGoBeforeIt) {
  const Script inside = Joined(Connect("mx.example:25"), SmtpScript());
  const Script whole = Joined({{kUp, "GET http://example/ HTTP/1.1\r\n\r\n"},
                               {kDown, "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"}},
                              inside);
  const auto sensor = Replayed(whole, 8'080);
  EXPECT_EQ(Only(*sensor), absl::StrCat("smtp banner none ", BytesOf(inside, kUp), "/",
                                        BytesOf(inside, kDown), " messages 1 rejected 0"));
  EXPECT_EQ(sensor->sessions()[0].via, Via::kHttpConnect);
  EXPECT_EQ(sensor->sessions()[0].bytes[kUp].inferred, 0u);
}

TEST(Tunnel, AProxyMayAnswerAfterMinutes) {
  for (const int64_t seconds : {31, 200}) {
    Conversation late("10.1.0.5", 40'000, "192.0.2.25", 3'128);
    const Script tunnel = Connect("mx.example:25");
    Say(late.Handshake(), {tunnel[0]});
    Say(late.Wait(seconds * kNanosPerSecond), Joined({tunnel[1]}, SmtpScript()));
    Sensor sensor;
    sensor.Play(late.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), StartsWith("smtp banner none"));
    EXPECT_EQ(sensor.sessions()[0].via, Via::kHttpConnect);
    EXPECT_EQ(sensor.sessions()[0].messages, 1u);
  }
}

TEST(Tunnel, ThatIsRefusedOrNeverAnsweredIsNoMail) {
  const Line ask = {kUp, "CONNECT mx.example:25 HTTP/1.1\r\n\r\n"};
  for (const Script& script :
       {Script{ask}, Script{ask, {kDown, "HTTP/1.1 403 Forbidden\r\n\r\n"}},
        Script{ask, {kDown, "HTTP/1.1 200 OK\r\n\r\n"}},
        Script{{kUp, "\5\1\0"s}, {kDown, "\5\xff"s}}}) {
    const auto sensor = Replayed(script, 3'128);
    EXPECT_EQ(Only(*sensor), "none");
    EXPECT_EQ(sensor->counters().sessions.value(), 0u);
  }
}

TEST(Tunnel, WebTlsInsideLeavesNoStateBehind) {
  Sensor sensor;
  Conversation web("10.1.0.5", 40'000, "192.0.2.25", 3'128);
  web.Handshake();
  Say(web, Joined(Connect("www.example.com:443"), ImplicitTlsScript("www.example.com")));
  sensor.Play(web.frames()).Idle(1);
  EXPECT_EQ(sensor.counters().sessions.value(), 0u);
  EXPECT_EQ(sensor.counters().dialogues.value(), 0u);
}

// What is told of the server says each time that it is a proxy: it is no server of mail's.
TEST(Tunnel, ItsServerIsAProxyThroughout) {
  Conversation slow("10.1.0.5", 40'000, "192.0.2.25", 3'128);
  slow.Handshake();
  for (const Line& line : Joined(Connect("mx.example:25"), SmtpStarttlsScript())) {
    Say(slow.Wait(kNanosPerSecond), {line});
  }
  Sensor sensor;
  sensor.Play(slow.frames()).Finish();
  ASSERT_GT(sensor.deltas().size(), 2u);
  for (const meter::DeltaRecord& delta : sensor.deltas()) EXPECT_TRUE(delta.proxied);
}

TEST(Tunnel, MayLeadThroughAnother) {
  const std::vector<Way> ways = Ways();
  for (const Way& outer : ways) {
    if (outer.via == Via::kNone) continue;
    for (const Way& inner : ways) {
      SCOPED_TRACE(absl::StrCat(inner.name, " in ", outer.name));
      const Script whole = Joined(outer.before, Joined(inner.before, SmtpScript()));
      const auto sensor = Replayed(whole, outer.port);
      EXPECT_EQ(Only(*sensor), absl::StrCat("smtp banner none ", BytesOf(whole, kUp), "/",
                                            BytesOf(whole, kDown), " messages 1 rejected 0"));
      EXPECT_EQ(sensor->sessions()[0].via, inner.via == Via::kNone ? outer.via : inner.via);
    }
  }
}

}  // namespace
}  // namespace mailtap::pipeline

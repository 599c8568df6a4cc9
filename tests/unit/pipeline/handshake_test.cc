// Handshakes that carry the first words already (RFC 7413), on mail ports and on others.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

// The script with the client's and the server's first words in the handshake, where each may go
// there.
Frames PlayFast(const Script& script, uint16_t port, bool client, bool server) {
  Conversation talk("10.1.0.5", 40'000, "192.0.2.25", port);
  std::string carried[2];
  Script rest = script;
  for (const auto& [from, wanted] : {std::pair{kUp, client}, {kDown, server}}) {
    if (!wanted || rest.empty() || rest[0].from != from) continue;
    carried[from] = rest[0].text;
    rest.erase(rest.begin());
  }
  talk.Handshake(carried[kUp], carried[kDown]);
  Say(talk, rest);
  return talk.Close().frames();
}

Script ClientFirst() {
  Script script = SmtpScript();
  std::swap(script[0], script[1]);
  return script;
}

const struct {
  const char* name;
  Script script;
  bool client, server;
} kFast[] = {
    {"a greeting", SmtpScript(), false, true},
    {"a greeting of IMAP", ImapScript(), false, true},
    {"a greeting of POP3", Pop3Script(), false, true},
    {"a command", ClientFirst(), true, false},
    {"a command and a greeting", ClientFirst(), true, true},
    {"a ClientHello", ImplicitTlsScript("imap.example.com"), true, false},
    {"both hellos", ImplicitTlsScript("imap.example.com"), true, true},
};

std::string Seen(const Frames& frames) {
  Sensor sensor;
  sensor.Play(frames).Finish();
  if (sensor.sessions().size() != 1) return Only(sensor);
  const meter::SessionRecord& session = sensor.sessions()[0];
  EXPECT_EQ(ToString(session.key.client), "10.1.0.5");
  return absl::StrCat(Only(sensor), " packets ", session.bytes[kUp].packets, "/",
                      session.bytes[kDown].packets, " ", sensor.Sni());
}

TEST(Handshake, MayCarryTheFirstWords) {
  for (const auto& c : kFast) {
    for (const uint16_t port : {25, 12'345}) {
      SCOPED_TRACE(absl::StrCat(c.name, " on ", port));
      if (port == 25 && c.script[0].text[0] == '\x16') continue;
      const Frames frames = PlayFast(c.script, port, c.client, c.server);
      const std::size_t carried = (c.client ? 1 : 0) + (c.server ? 1 : 0);
      const Frames slow = PlayFast(c.script, port, false, false);
      ASSERT_EQ(frames.size() + carried, slow.size());
      const std::string seen = Seen(frames);
      EXPECT_EQ(seen.substr(0, seen.find(" packets")),
                Seen(slow).substr(0, Seen(slow).find(" packets")));
      EXPECT_NE(seen, "none");
    }
  }
}

// Its bare acknowledgment too, since that comes behind the first words.
TEST(Handshake, IsCountedOnce) {
  const Frames frames = PlayFast(ClientFirst(), 12'345, true, true);
  std::size_t up = 0;
  for (const Frame& frame : frames) up += frame.direction == kUp ? 1 : 0;
  EXPECT_NE(Seen(frames).find(absl::StrCat(" packets ", up, "/", frames.size() - up)),
            std::string::npos)
      << Seen(frames);
}

// What the client said with the SYN is no mail's beginning, and missing where the server's is
// the first that is read.
TEST(Handshake, WordsThatNobodyReadCountAsLost) {
  Conversation talk("10.1.0.5", 40'000, "192.0.2.25", 12'345);
  Script script = SmtpScript();
  talk.Handshake("12345678", script[0].text);
  script.erase(script.begin());
  Say(talk, script);
  Sensor sensor;
  sensor.Play(talk.Close().frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kUp].inferred, 8u);
  EXPECT_EQ(sensor.sessions()[0].bytes[kDown].inferred, 0u);
}

// Nobody answers: it is no session, and leaves none behind.
TEST(Handshake, WordsInASynAloneAreNoSession) {
  Conversation scan("10.1.0.5", 40'000, "192.0.2.25", 12'345);
  scan.Handshake("EHLO me.example\r\n");
  Sensor sensor;
  sensor.Play({scan.frames()[0]}).Idle(60);
  EXPECT_EQ(sensor.counters().sessions.value(), 0u);
  EXPECT_EQ(sensor.Finish().sessions().size(), 0u);
}

}  // namespace
}  // namespace mailtap::pipeline

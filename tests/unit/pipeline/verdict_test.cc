// Which conversations are mail, and what is reported of them.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/classify/hello_builder.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

struct Case {
  const char* name;
  Script script;
  uint16_t port;
  const char* expected;  // Only(), without the bytes
};

// Expected description with the script's own byte counts put in.
std::string Expected(const Case& c) {
  const std::string words = c.expected;
  const std::size_t at = words.find(" messages");
  if (at == std::string::npos) return words;
  return absl::StrCat(words.substr(0, at), " ", BytesOf(c.script, kUp), "/",
                      BytesOf(c.script, kDown), words.substr(at));
}

std::vector<Case> Cases() {
  const char* imap_clear = "imap banner none messages null rejected null";
  const char* pop3_clear = "pop3 banner none messages null rejected null";
  const std::string alpn_hello =
      classify::ClientHello(classify::AlpnExtension({"imap"}) + classify::GreaseExtension());
  const Script alpn = {{kUp, alpn_hello}, {kDown, classify::ServerHello()}};
  return {
      {"smtp", SmtpScript(), 25, "smtp banner none messages 1 rejected 0"},
      {"smtp, submission", SmtpScript(), 587, "smtp banner none messages 1 rejected 0"},
      {"smtp, odd port", SmtpScript(), 2525, "smtp banner none messages 1 rejected 0"},
      {"smtp, pipelined", SmtpPipelinedScript(), 25, "smtp banner none messages 2 rejected 0"},
      {"smtp, starttls", SmtpStarttlsScript(), 25,
       "smtp banner starttls messages null rejected null"},
      {"smtp, starttls, odd port", SmtpStarttlsScript(), 10'025,
       "smtp banner starttls messages null rejected null"},
      {"smtp on imap's port", SmtpScript(), 143, "smtp banner none messages 1 rejected 0"},
      {"smtp on the tls port", SmtpScript(), 465, "smtp banner none messages 1 rejected 0"},
      {"imap", ImapScript(), 143, imap_clear},
      {"imap, odd port", ImapScript(), 10'143, imap_clear},
      {"imap on smtp's port", ImapScript(), 25, imap_clear},
      {"imap, starttls", ImapStarttlsScript(), 143,
       "imap banner starttls messages null rejected null"},
      {"pop3", Pop3Script(), 110, pop3_clear},
      {"pop3, odd port", Pop3Script(), 10'110, pop3_clear},
      {"pop3 on imap's port", Pop3Script(), 143, pop3_clear},
      {"pop3, stls", Pop3StlsScript(), 110, "pop3 banner starttls messages null rejected null"},
      {"smtps", ImplicitTlsScript("smtp.example.com"), 465,
       "smtp sni implicit messages null rejected null"},
      {"imaps, other name", ImplicitTlsScript("mail.example.com"), 993,
       "imap port implicit messages null rejected null"},
      {"tls by name on an odd port", ImplicitTlsScript("imap.example.com"), 9'993,
       "imap sni implicit messages null rejected null"},
      {"tls by alpn on an odd port", alpn, 9'993,
       "imap sni implicit messages null rejected null"},
      {"web mail's tls", ImplicitTlsScript("mail.example.com"), 8'443, "none"},
      {"tls by name on the web's port", ImplicitTlsScript("imap.example.com"), 443, "none"},
      {"ftp, odd port", FtpScript(), 2'121, "none"},
      {"ftp on smtp's port", FtpScript(), 25, "none"},
      {"redis, odd port", RedisScript(), 6'379, "none"},
      {"nntp, odd port", NntpScript(), 8'119, "none"},
      {"nntp on smtp's port", NntpScript(), 25, "none"},
      {"http on smtp's port", HttpScript(), 25, "none"},
      {"ssh on smtp's port", SshScript(), 25, "none"},
      {"lmtp, odd port", LmtpScript(), 24, "none"},
      {"lmtp on smtp's port", LmtpScript(), 25, "none"},
      {"irc, odd port", IrcScript(), 6'667, "none"},
      {"tor's control port", TorScript(), 9'051, "none"},
      {"tor on smtp's port", TorScript(), 25, "none"},
      {"irc on pop3's port", IrcScript(), 110, "none"},
  };
}

TEST(Verdict, OfWholeConversations) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Sensor sensor;
    sensor.Play(Play(c.script, c.port).frames()).Finish();
    EXPECT_EQ(Only(sensor), Expected(c));
  }
}

// However TCP cuts the text, the answer is the same.
TEST(Verdict, DoesNotDependOnSegmentation) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    for (const std::size_t size : {1, 2, 3, 5, 7, 64, 536}) {
      Sensor sensor;
      sensor.Play(Play(c.script, c.port, size).frames()).Finish();
      EXPECT_EQ(Only(sensor), Expected(c)) << "segments of " << size;
    }
  }
}

// Every byte boundary of the first 200 bytes: each side's lines cut in two there.
TEST(Verdict, DoesNotDependOnWhereALineIsCut) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    for (std::size_t cut = 1; cut < 200; ++cut) {
      Script halves;
      for (const Line& line : c.script) {
        halves.push_back({line.from, line.text.substr(0, cut)});
        if (line.text.size() > cut) halves.push_back({line.from, line.text.substr(cut)});
      }
      Sensor sensor;
      sensor.Play(Play(halves, c.port).frames()).Finish();
      ASSERT_EQ(Only(sensor), Expected(c)) << "cut at " << cut;
    }
  }
}

TEST(Verdict, DoesNotDependOnBurstSize) {
  std::vector<Frames> streams;
  uint16_t client_port = 20'000;
  for (const Case& c : Cases()) {
    streams.push_back(Play(c.script, c.port, 100, client_port++).frames());
  }
  const Frames all = Merge(streams);
  std::string expected;
  for (const std::size_t burst : {1, 2, 3, 8, 32, 512}) {
    Sensor sensor;
    sensor.Play(all, burst).Finish();
    if (expected.empty()) expected = sensor.Transcript();
    EXPECT_EQ(sensor.Transcript(), expected) << "bursts of " << burst;
    EXPECT_EQ(sensor.counters().packets.value(), all.size());
  }
  EXPECT_NE(expected, "");
}

TEST(Verdict, ContentThatContradictsThePortIsCountedOnceAndStaysRejected) {
  Sensor sensor;
  Conversation ftp("10.1.0.5", 40'000, "192.0.2.25", 25);
  ftp.Handshake();
  Say(ftp, FtpScript());
  // Later it even sounds like mail; it is still the same FTP session.
  ftp.Client("HELP\r\n").Server("250 2.0.0 whatever\r\n").Client("EHLO x\r\n");
  ftp.Server("220 smtp.example.com ESMTP\r\n").Close();
  sensor.Play(ftp.frames()).Finish();
  EXPECT_EQ(Only(sensor), "none");
  EXPECT_EQ(sensor.Total().sessions, 0u);
  EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 1u);
}

TEST(Verdict, MailOnThePortOfSomethingElseIsCounted) {
  struct Case {
    Script script;
    uint16_t port;
    uint64_t count;
  };
  for (const Case& c :
       {Case{SmtpScript(), 80, 1}, Case{ImapScript(), 22, 1}, Case{Pop3Script(), 143, 1},
        Case{ImplicitTlsScript("imap.example.com"), 22, 1}, Case{SmtpScript(), 25, 0},
        Case{ImapScript(), 10'143, 0}, Case{HttpScript(), 80, 0}}) {
    Sensor sensor;
    sensor.Play(Play(c.script, c.port).frames()).Finish();
    EXPECT_EQ(sensor.mismatches(Mismatch::kMailOnOtherPort), c.count) << c.port;
    EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u) << c.port;
  }
}

TEST(Verdict, NamesComeFromSniAndBanner) {
  Sensor tls;
  tls.Play(Play(ImplicitTlsScript("SMTP.Example.com"), 465).frames()).Finish();
  EXPECT_EQ(tls.Sni(), "smtp.example.com");
  EXPECT_TRUE(tls.sessions().at(0).has_sni);

  Sensor starttls;
  starttls.Play(Play(SmtpStarttlsScript(), 25).frames()).Finish();
  EXPECT_EQ(starttls.Sni(), "mx1.example.com");
  EXPECT_EQ(starttls.BannerName(), "mx1.example.com");

  Sensor nameless;
  nameless
      .Play(Play({{kDown, "220 [192.0.2.1] ESMTP\r\n"}, {kUp, "EHLO secret.example\r\n"}}, 25)
                .frames())
      .Finish();
  EXPECT_TRUE(nameless.names().empty());
}

TEST(Verdict, EncapsulationOfTheFirstPacketIsReported) {
  Conversation c("2001:db8::5", 40'000, "2001:db8:1::25", 25);
  c.Vlan(100).Handshake();
  Say(c, SmtpScript());
  c.Close();
  Sensor sensor;
  sensor.Play(c.frames()).Finish();
  ASSERT_EQ(sensor.sessions().size(), 1u);
  const meter::SessionRecord& session = sensor.sessions()[0];
  EXPECT_EQ(ToString(session.key.client), "2001:db8::5");
  EXPECT_EQ(ToString(session.key.server), "2001:db8:1::25");
  ASSERT_EQ(session.encap.depth, 1u);
  EXPECT_EQ(ToString(session.encap.layers[0]), "vlan:100");
}

}  // namespace
}  // namespace mailtap::pipeline

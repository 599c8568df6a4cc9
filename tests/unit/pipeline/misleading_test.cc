// Sessions of mail that name something else first: a greeting whose text is another protocol's,
// foreign lines before it, a client's foreign words. An alert must not depend on them, since
// anybody may write them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/opening.h"

namespace mailtap::pipeline {
namespace {

// A whole dialogue of `service`, with this greeting, and with this behind it.
Script After(const std::string& service, const std::string& greeting,
             const Script& first = {}) {
  Script script = {{kDown, greeting}};
  script.insert(script.end(), first.begin(), first.end());
  const Script rest = service == "smtp"   ? SmtpScript()
                      : service == "imap" ? ImapScript()
                                          : Pop3Script();
  script.insert(script.end(), rest.begin() + 1, rest.end());
  return script;
}

// However TCP cuts it, the script is one session of `service`, or "none", and all its bytes.
void ExpectOnly(const Script& script, uint16_t port, const std::string& service) {
  for (const std::size_t segment : {1'400, 7, 1}) {
    SCOPED_TRACE(
        absl::StrCat(script[0].text, script[1].text, " on ", port, ", segments of ", segment));
    Sensor sensor;
    sensor.Play(Play(script, port, segment).frames()).Finish();
    ASSERT_EQ(Only(sensor).substr(0, 4), service);
    if (service == "none") continue;
    EXPECT_EQ(sensor.sessions()[0].bytes[kUp].observed, BytesOf(script, kUp));
    EXPECT_EQ(sensor.sessions()[0].bytes[kDown].observed, BytesOf(script, kDown));
    EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 0u);
    // Where it greets with something else first, what is counted is not known.
    if (service == "smtp" && script[0].text.substr(0, 3) == "220") {
      EXPECT_EQ(sensor.sessions()[0].messages, 1u);
    }
  }
}

TEST(Misleading, AGreetingOfSmtpMaySayWhatItLikes) {
  const char* kGreetings[] = {
      "220 mail.example.com FTP server ready\r\n",
      "220-mx.example.com\r\n220-mail, web and ftp to authorised users only.\r\n220 go\r\n",
      "220 relay.example.com LMTP service ready\r\n",
      "220 relay.example.com SNPP mail gateway\r\n",
      "220 mx <auth.mime> <abc@mx.example.com>\r\n",
  };
  for (const char* greeting : kGreetings) {
    for (const uint16_t port : {25, 587, 2525}) {
      ExpectOnly(After("smtp", greeting), port, "smtp");
      // What both protocols have tells nothing yet, nor does what is refused.
      const Script noop = {{kUp, "NOOP\r\n"}, {kDown, "250 2.0.0 Ok\r\n"}};
      ExpectOnly(After("smtp", greeting, noop), port, "smtp");
      const Script mistake = {{kUp, "SYST\r\n"}, {kDown, "502 5.5.2 what?\r\n"}};
      ExpectOnly(After("smtp", greeting, mistake), port, "smtp");
      Script helo = After("smtp", greeting, {{kUp, "EHLO me\r\n"}, {kDown, "502 what?\r\n"}});
      helo[3].text = "HELO me\r\n";
      ExpectOnly(helo, port, "smtp");
    }
  }
}

// A client that knows what its server will say hides nothing by saying it.
TEST(Misleading, AClientMaySayTheGreetingItself) {
  const std::string greeting = "220 mx1.example.com ESMTP Postfix\r\n";
  const Script echo = {{kUp, greeting}, {kDown, "500 5.5.2 what?\r\n"}};
  for (const uint16_t port : {25, 2525})
    ExpectOnly(After("smtp", greeting, echo), port, "smtp");
}

// What tells LMTP from SMTP is one line of the client's.
TEST(Misleading, AServerOfLmtpIsNoneOfSmtpWhereTheFirstLineIsLost) {
  for (const uint16_t port : {24, 2'003}) {
    Conversation c("10.1.0.5", 40'000, "192.0.2.25", port);
    c.Handshake().Server("220 mx.example.com Cyrus LMTP 3.6 server ready\r\n");
    c.Lost(kUp, "LHLO me\r\n").Server("250-mx.example.com\r\n250 PIPELINING\r\n");
    c.Client("MAIL FROM:<a@b.example>\r\n").Server("250 2.1.0 ok\r\n");
    c.Client("RCPT TO:<c@b.example>\r\n").Server("250 2.1.5 ok\r\n").Close();
    Sensor sensor;
    sensor.Play(c.frames()).Finish();
    EXPECT_EQ(Only(sensor), "none") << port;
  }
}

TEST(Misleading, AServerThatRefusesSmtpIsWhatItGreetsAs) {
  const Line greeting = {kDown, "220 mail.example.com FTP server ready\r\n"};
  const Line what = {kDown, "500 command not understood\r\n"};
  const Line ehlo = {kUp, "EHLO me\r\n"}, quit = {kUp, "QUIT\r\n"},
             bye = {kDown, "221 bye\r\n"};
  for (const uint16_t port : {21, 25, 2525}) {
    ExpectOnly({greeting, ehlo, what, quit, bye}, port, "none");
    ExpectOnly({greeting, {kUp, "FEAT\r\n"}, what, quit, bye}, port, "none");
    ExpectOnly({greeting,
                {kUp, "FEAT\r\n"},
                what,
                {kUp, "USER a\r\n"},
                {kDown, "331 ?\r\n"},
                ehlo,
                what},
               port, "none");
    ExpectOnly({greeting, {kUp, "NOOP\r\n"}, {kDown, "200 ok\r\n"}, quit, bye}, port, "none");
  }
}

TEST(Misleading, AGreetingOfFewWordsIsEnoughToForgiveWhatIsRefused) {
  for (const char* mistake :
       {"SYST", "FEAT", "OPTS UTF8 ON", "AUTH TLS", "INFO", "SET a b", "CLIENT x", "CALL x",
        "DEFINE x y", "GET / HTTP/1.0", "PING", "USER a"}) {
    const Line said = {kUp, absl::StrCat(mistake, "\r\n")};
    const Script refused = {said, {kDown, "502 unknown\r\n"}, said, {kDown, "502 no\r\n"}};
    const Script denied = {said, {kDown, "-ERR unknown\r\n"}};
    for (const uint16_t odd : {0, 10'000}) {
      ExpectOnly(After("smtp", "220 hi\r\n", refused), 25 + odd, "smtp");
      ExpectOnly(After("smtp", "220 mx.example.com ESMTP\r\n", refused), 25 + odd, "smtp");
      ExpectOnly(After("pop3", "+OK Dovecot ready.\r\n", denied), 110 + odd, "pop3");
    }
  }
}

// What FTP's servers say to a client that has not logged in forgives nothing.
TEST(Misleading, AServerOfFtpRefusesToo) {
  const Line bye = {kDown, "221 bye\r\n"}, quit = {kUp, "QUIT\r\n"};
  for (const uint16_t port : {21, 25}) {
    for (const char* word : {"SYST\r\n", "AUTH TLS\r\n", "USER anonymous\r\n"}) {
      const Script login = {{kDown, "220 (vsFTPd 3.0.3)\r\n"},
                            {kUp, word},
                            {kDown, "530 Please login with USER and PASS.\r\n"},
                            quit,
                            bye};
      ExpectOnly(login, port, "none");
      const Script refused = {
          {kDown, "220 service ready for new user.\r\n"}, {kUp, word}, {kDown, "503 x\r\n"}};
      ExpectOnly(refused, port, "none");
    }
  }
}

TEST(Misleading, ForeignLinesBeforeAGreetingHideNothingOnItsPort) {
  for (const char* line : {"SSH-2.0-foo", "HTTP/1.1 400", "PONG", "NOTICE AUTH :x",
                           "<?xml version='1.0'?>", "\"SIEVE\" \"fileinto\"", "+PONG"}) {
    const std::string before = absl::StrCat(line, "\r\n");
    for (const char* greeting : {"220 mx.example.com ESMTP\r\n", "220 hi\r\n"}) {
      ExpectOnly(After("smtp", before + greeting), 25, "smtp");
    }
    ExpectOnly(After("imap", before + "* OK ready\r\n"), 143, "imap");
    ExpectOnly(After("pop3", before + "+OK ready\r\n"), 110, "pop3");
    // Alone, with a client that says the like, it is what it says.
    ExpectOnly({{kDown, before}, {kUp, before}}, 25, "none");
  }
}

TEST(Misleading, ALineThatFillsTheOpeningHidesNothingOnItsPort) {
  const std::string before = std::string(300, 'x') + "\r\n";
  ExpectOnly(After("smtp", before + "220 mx.example.com ESMTP\r\n"), 25, "smtp");
  ExpectOnly(After("imap", before + "* OK ready\r\n"), 143, "imap");
  ExpectOnly(After("pop3", before + "+OK ready\r\n"), 110, "pop3");
  ExpectOnly({{kDown, before}, {kUp, "hello\r\n"}, {kDown, "what?\r\n"}}, 25, "none");
}

TEST(Misleading, TlsBehindAnyGreetingIsKnown) {
  Script script = SmtpStarttlsScript();
  script[0].text = "220 mx FTP\r\n";
  for (const uint16_t port : {25, 2525}) {
    EXPECT_EQ(Replayed(script, port).substr(0, 20), "smtp banner starttls") << port;
  }
}

}  // namespace
}  // namespace mailtap::pipeline

// How mail may open, and what only opens like it, as packets on mail ports and on others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/dialogues.h"
#include "tests/unit/pipeline/sensor.h"

namespace mailtap::pipeline {
namespace {

using namespace std::string_literals;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

struct Opening {
  const char* name;
  const char* service;  // "smtp", "imap" or "pop3"; of what only looks like it, see below
  Script script;
};

uint16_t MailPort(const std::string& service) {
  return service == "smtp" ? 25 : service == "imap" ? 143 : 110;
}

std::string Replayed(const Script& script, uint16_t port, std::size_t segment_bytes = 1'400) {
  Sensor sensor;
  sensor.Play(Play(script, port, segment_bytes).frames()).Finish();
  return Only(sensor);
}

std::vector<Opening> Mail() {
  const Line ehlo = {kUp, "EHLO me.example\r\n"}, fine = {kDown, "250 ok\r\n"};
  return {
      {"a banner without the word", "smtp", {{kDown, "220 mx.example.com\r\n"}, ehlo, fine}},
      {"a banner of several lines",
       "smtp",
       {{kDown, "220-mx.example.com\r\n220-no spam here\r\n220 \r\n"}, ehlo, fine}},
      {"a long banner of several lines",
       "smtp",
       {{kDown,
         "220-" + std::string(150, '*') + "\r\n220-" + std::string(150, '*') + "\r\n220 x\r\n"},
        ehlo,
        fine}},
      {"small letters", "smtp", {{kDown, "220 mx esmtp\r\n"}, {kUp, "ehlo me\r\n"}, fine}},
      {"line ends without CR", "smtp", {{kDown, "220 mx ESMTP\n"}, {kUp, "EHLO me\n"}, fine}},
      {"a line end before the greeting", "smtp", {{kDown, "\r\n220 mx ESMTP\r\n"}, ehlo, fine}},
      {"the client's line end first",
       "smtp",
       {{kUp, "\r\n"}, {kDown, "220 mx ESMTP\r\n"}, ehlo, fine}},
      {"the client speaks first", "smtp", {ehlo, {kDown, "220 mx ESMTP\r\n"}, fine}},
      {"all at once",
       "smtp",
       {{kDown, "220 mx ESMTP\r\n"},
        {kUp, "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"},
        {kDown, "250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n"}}},
      {"chunks",
       "smtp",
       {{kDown, "220 mx ESMTP\r\n"},
        ehlo,
        {kDown, "250-x\r\n250 CHUNKING\r\n"},
        {kUp, "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 4 LAST\r\nabc\n"},
        {kDown, "250 ok\r\n250 ok\r\n250 ok\r\n"}}},
      {"a host named ftp",
       "smtp",
       {{kDown, "220 ftp.example.com ESMTP Postfix\r\n"}, ehlo, fine}},
      {"a host named lmtp", "smtp", {{kDown, "220 lmtp.example.com ESMTP\r\n"}, ehlo, fine}},
      {"refused with reason",
       "smtp",
       {{kDown, "554 5.7.1 no mail from you\r\n"},
        ehlo,
        {kDown, "503 5.5.1 bad sequence\r\n"}}},
      {"PREAUTH",
       "imap",
       {{kDown, "* PREAUTH IMAP4rev2 server ready\r\n"}, {kUp, "1 SELECT INBOX\r\n"}}},
      {"a literal",
       "imap",
       {{kDown, "* OK ready\r\n"},
        {kUp, "a1 LOGIN {4}\r\n"},
        {kDown, "+ go on\r\n"},
        {kUp, "user {6}\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "secret\r\n"},
        {kDown, "a1 OK\r\n"}}},
      {"AUTHENTICATE",
       "imap",
       {{kDown, "* OK ready\r\n"},
        {kUp, "a AUTHENTICATE PLAIN\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "AGEAYg==\r\n"},
        {kDown, "a OK\r\n"}}},
      {"COMPRESS",
       "imap",
       {{kDown, "* OK ready\r\n"},
        {kUp, "a LOGIN b c\r\n"},
        {kDown, "a OK\r\n"},
        {kUp, "b COMPRESS DEFLATE\r\n"},
        {kDown, "b OK\r\n"},
        {kUp, std::string(200, '\x16')},
        {kDown, std::string(3'000, '\x9d')}}},
      {"a tag as long as allowed",
       "imap",
       {{kDown, "* OK [CAPABILITY IMAP4rev1] x\r\n"}, {kUp, "Thunderbird0001 CAPABILITY\r\n"}}},
      {"small letters", "imap", {{kDown, "* ok hi\r\n"}, {kUp, "a1 login b c\r\n"}}},
      {"refused", "imap", {{kDown, "* BYE too many connections\r\n"}, {kUp, "a LOGOUT\r\n"}}},
      {"bare +OK", "pop3", {{kDown, "+OK\r\n"}, {kUp, "USER joe\r\n"}, {kDown, "+OK\r\n"}}},
      {"AUTH",
       "pop3",
       {{kDown, "+OK ready\r\n"},
        {kUp, "AUTH PLAIN\r\n"},
        {kDown, "+ \r\n"},
        {kUp, "AGEAYg==\r\n"},
        {kDown, "+OK\r\n"}}},
      {"CAPA",
       "pop3",
       {{kDown, "+OK\r\n"}, {kUp, "CAPA\r\n"}, {kDown, "+OK\r\nTOP\r\nUIDL\r\n.\r\n"}}},
      {"APOP",
       "pop3",
       {{kDown, "+OK <1.2@mail.example>\r\n"}, {kUp, "APOP joe c4c9334bac56\r\n"}}},
      {"small letters", "pop3", {{kDown, "+ok hello\r\n"}, {kUp, "user joe\r\n"}}},
  };
}

TEST(Opening, OfMailIsKnownOnItsPortAndOnAnyOther) {
  for (const Opening& opening : Mail()) {
    for (const uint16_t port : {MailPort(opening.service), uint16_t{12'345}}) {
      for (const std::size_t bytes : {1, 2, 5, 17, 1'400}) {
        // On its own port a client's command is enough, if it comes first.
        const absl::string_view evidence = port == 12'345 ? "banner" : "(banner|command)";
        EXPECT_THAT(Replayed(opening.script, port, bytes),
                    MatchesRegex(absl::StrCat(opening.service, " ", evidence, " none ",
                                              BytesOf(opening.script, kUp), "/",
                                              BytesOf(opening.script, kDown), " .*")))
            << opening.name << " on " << port << " in segments of " << bytes;
      }
    }
  }
}

// Each side cut in two at every byte.
TEST(Opening, MayBeCutAtAnyByte) {
  for (const Opening& opening : Mail()) {
    for (std::size_t cut = 1; cut < 60; ++cut) {
      Script halves;
      for (const Line& line : opening.script) {
        halves.push_back({line.from, line.text.substr(0, cut)});
        if (line.text.size() > cut) halves.push_back({line.from, line.text.substr(cut)});
      }
      ASSERT_THAT(Replayed(halves, 12'345), StartsWith(opening.service))
          << opening.name << " cut at " << cut;
    }
  }
}

TEST(Opening, RefusalsAndGarbageOnAMailPort) {
  const Script garbage = {{kUp, "\x01\x02\x03hello\r\n"},
                          {kDown, "220 mx ESMTP\r\n"},
                          {kUp, "EHLO me\r\n"},
                          {kDown, "250 ok\r\n"}};
  EXPECT_THAT(Replayed(garbage, 25), StartsWith("smtp banner none"));
  for (const char* banner : {"421 mx too busy\r\n", "554 go away\r\n"}) {
    const Script refused = {{kDown, banner}, {kUp, "QUIT\r\n"}, {kDown, "221 bye\r\n"}};
    EXPECT_THAT(Replayed(refused, 25), StartsWith("smtp banner none"));
  }
}

TEST(Opening, AServerMayGreetAfterMinutes) {
  for (const uint16_t port : {25, 2'525}) {
    for (const int64_t seconds : {5, 45, 200}) {
      Conversation late("10.1.0.5", 40'000, "192.0.2.25", port);
      late.Handshake().Wait(seconds * kNanosPerSecond);
      Say(late, SmtpScript());
      Sensor sensor;
      sensor.Play(late.Close().frames()).Finish();
      EXPECT_THAT(Only(sensor), StartsWith("smtp banner none"));
      EXPECT_THAT(Only(sensor), testing::EndsWith(" messages 1 rejected 0"))
          << port << " after " << seconds;
      EXPECT_EQ(sensor.counters().half_open.value(), 0u);
    }
  }
}

TEST(Opening, OneDirectionIsEnoughOnAMailPort) {
  const struct {
    Script script;
    uint16_t port;
    const char* service;
  } kCases[] = {
      {SmtpScript(), 25, "smtp"}, {ImapScript(), 143, "imap"}, {Pop3Script(), 110, "pop3"}};
  for (const auto& c : kCases) {
    for (const Direction direction : {kUp, kDown}) {
      Sensor sensor;
      sensor.Play(Play(c.script, c.port).OneWay(direction)).Finish();
      EXPECT_THAT(Only(sensor), StartsWith(c.service)) << c.port << " " << direction;
      Sensor odd;
      odd.Play(Play(c.script, 12'345).OneWay(direction)).Finish();
      EXPECT_EQ(Only(odd), "none") << c.service << " " << direction;
    }
  }
}

TEST(Opening, MailIsFoundUnderWay) {
  const Script smtp = SmtpScript(), imap = ImapScript();
  for (const uint16_t port : {25, 2'525}) {
    Conversation middle("10.1.0.5", 40'000, "192.0.2.25", port);
    Say(middle, Script(smtp.begin() + 3, smtp.end()));
    Sensor sensor;
    sensor.Play(middle.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), MatchesRegex("smtp (banner|command) none .*")) << port;
  }
  for (const uint16_t port : {143, 10'143}) {
    Conversation middle("10.1.0.5", 40'000, "192.0.2.25", port);
    Say(middle, Script(imap.begin() + 3, imap.end()));
    Sensor sensor;
    sensor.Play(middle.Close().frames()).Finish();
    EXPECT_THAT(Only(sensor), MatchesRegex("imap (banner|command) none .*")) << port;
  }
}

std::vector<Opening> Lookalikes() {
  return {
      {"FTP on a host named smtp",
       "",
       {{kDown, "220 smtp.example.com FTP server ready\r\n"},
        {kUp, "USER joe\r\n"},
        {kDown, "331 password\r\n"},
        {kUp, "PASS x\r\n"},
        {kDown, "230 ok\r\n"}}},
      {"FTP that is only asked for help",
       "",
       {{kDown, "220 mail.example.com FTP server (Version wu-2.6) ready.\r\n"},
        {kUp, "HELP\r\n"},
        {kDown, "214 ok\r\n"},
        {kUp, "SYST\r\n"},
        {kDown, "215 UNIX\r\n"}}},
      {"FTP over TLS",
       "",
       {{kDown, "220 FTP server\r\n"}, {kUp, "AUTH TLS\r\n"}, {kDown, "234 go\r\n"}}},
      {"POPPASSD",
       "",
       {{kDown, "200 poppassd v1.8 hello, who are you?\r\n"},
        {kUp, "USER joe\r\n"},
        {kDown, "200 your password please\r\n"},
        {kUp, "PASS x\r\n"},
        {kDown, "200 ok\r\n"},
        {kUp, "NEWPASS y\r\n"},
        {kDown, "200 done\r\n"}}},
      {"NNTP",
       "",
       {{kDown, "200 news.example.com ready\r\n"},
        {kUp, "LIST ACTIVE\r\n"},
        {kDown, "215 list\r\n.\r\n"},
        {kUp, "POST\r\n"},
        {kDown, "340 go\r\n"},
        {kUp, "From: a@b\r\nSubject: EHLO\r\n\r\nMail from: nobody\r\n.\r\n"},
        {kDown, "240 article posted\r\n"}}},
      {"an NNTP server that refuses",
       "",
       {{kDown, "502 no permission\r\n"}, {kUp, "QUIT\r\n"}, {kDown, "205 bye\r\n"}}},
      {"ManageSieve",
       "",
       {{kDown,
         "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"SIEVE\" \"fileinto\"\r\nOK\r\n"},
        {kUp, "AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\n"},
        {kDown, "OK \"Logged in.\"\r\n"}}},
      {"LMTP",
       "",
       {{kDown, "220 mail.example.com LMTP Postfix\r\n"},
        {kUp, "LHLO me\r\n"},
        {kDown, "250-x\r\n250 PIPELINING\r\n"},
        {kUp, "MAIL FROM:<a@b>\r\n"},
        {kDown, "250 2.1.0 Ok\r\n"}}},
      {"MUPDATE",
       "",
       {{kDown, "* OK MUPDATE \"mupdate.example\" \"Cyrus\" \"3.2\" \"(master)\"\r\n"},
        {kUp, "A01 AUTHENTICATE \"PLAIN\"\r\n"},
        {kDown, "A01 OK \"Authenticated\"\r\n"}}},
      {"ACAP",
       "",
       {{kDown, "* ACAP (IMPLEMENTATION \"x\") (SASL \"PLAIN\")\r\n"},
        {kUp, "a AUTHENTICATE \"PLAIN\"\r\n"},
        {kDown, "a OK \"in\"\r\n"}}},
      {"Cyrus's replication",
       "",
       {{kDown, "* SASL PLAIN\r\n* STARTTLS\r\n* OK mail Cyrus sync server v3.2\r\n"},
        {kUp, "S0 NOOP\r\n"},
        {kDown, "S0 OK\r\n"}}},
      {"IRC",
       "",
       {{kUp, "NICK joe\r\nUSER joe 0 * :Joe\r\n"},
        {kDown, ":irc.example NOTICE * :hi\r\n"},
        {kUp, "LIST\r\n"},
        {kDown, ":irc.example 321 joe Channel\r\n"}}},
      {"IRC, USER first",
       "",
       {{kUp, "USER joe 0 * :Joe\r\nNICK joe\r\n"}, {kDown, ":irc.example 001 joe :hi\r\n"}}},
      {"XMPP",
       "",
       {{kUp, "<?xml version='1.0'?><stream:stream to='mail.example.com'>\r\n"},
        {kDown, "<?xml version='1.0'?><stream:stream from='mail.example.com'>\r\n"}}},
      {"Redis",
       "",
       {{kUp, "*1\r\n$4\r\nPING\r\n"},
        {kDown, "+PONG\r\n"},
        {kUp, "QUIT\r\n"},
        {kDown, "+OK\r\n"}}},
      {"Redis, inline commands",
       "pop3",
       {{kUp, "AUTH x\r\n"},
        {kDown, "+OK\r\n"},
        {kUp, "LIST\r\n"},
        {kDown, "-ERR unknown\r\n"}}},
      {"NATS",
       "",
       {{kDown, "INFO {\"server_id\":\"x\",\"version\":\"2\"}\r\n"},
        {kUp, "CONNECT {\"verbose\":true}\r\n"},
        {kDown, "+OK\r\n"},
        {kUp, "PING\r\n"},
        {kDown, "PONG\r\n"},
        {kUp, "SUB mail 1\r\n"},
        {kDown, "+OK\r\n"}}},
      {"STOMP",
       "",
       {{kUp, "CONNECT\naccept-version:1.2\nhost:mail\n\n\0"s},
        {kDown, "CONNECTED\nversion:1.2\n\n\0"s}}},
      {"memcached",
       "",
       {{kUp, "stats\r\n"},
        {kDown, "STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n"},
        {kUp, "get list\r\n"},
        {kDown, "END\r\n"}}},
      {"beanstalkd",
       "",
       {{kUp, "use list \r\n"},
        {kDown, "USING list\r\n"},
        {kUp, "put 0 0 60 4\r\nmail\r\n"},
        {kDown, "INSERTED 1\r\n"}}},
      {"Gearman's administration",
       "",
       {{kUp, "status\r\n"},
        {kDown, "list 0 0 1\r\n.\r\n"},
        {kUp, "workers\r\n"},
        {kDown, ".\r\n"}}},
      {"ClamAV", "", {{kUp, "PING\r\n"}, {kDown, "PONG\r\n"}}},
      {"a policy service",
       "",
       {{kUp, "request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@b\n\n"},
        {kDown, "action=DUNNO\n\n"}}},
      {"DICT",
       "",
       {{kDown, "220 dict.example dictd 1.12 <auth.mime> <1.2.3@dict.example>\r\n"},
        {kUp, "HELP\r\n"},
        {kDown, "113 help\r\n250 ok\r\n"}}},
      {"SNPP",
       "smtp",
       {{kDown, "220 SNPP Gateway ready\r\n"},
        {kUp, "PAGE 5551212\r\n"},
        {kDown, "250 ok\r\n"},
        {kUp, "MESS hi\r\n"},
        {kDown, "250 ok\r\n"}}},
      {"SIP",
       "",
       {{kUp, "OPTIONS sip:mail@example.com SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n"},
        {kDown, "SIP/2.0 200 OK\r\n\r\n"}}},
      {"RTSP",
       "",
       {{kUp, "OPTIONS rtsp://mail.example/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
        {kDown, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"}}},
      {"finger", "", {{kUp, "list\r\n"}, {kDown, "Login: list\r\nNo mail.\r\n"}}},
      {"Gopher", "", {{kUp, "/mail\r\n"}, {kDown, "iMail\tfake\t(NULL)\t0\r\n.\r\n"}}},
      {"git",
       "",
       {{kUp, "0033git-upload-pack /mail.git\0host=mail.example\0"s},
        {kDown, "003e1234567890 HEAD\n"}}},
      {"rsync",
       "",
       {{kDown, "@RSYNCD: 31.0\n"}, {kUp, "@RSYNCD: 31.0\nlist\n"}, {kDown, "mail\tMail\n"}}},
      {"VNC",
       "",
       {{kDown, "RFB 003.008\n"}, {kUp, "RFB 003.008\n"}, {kDown, "\1\1"s}, {kUp, "\1"s}}},
      {"MySQL",
       "",
       {{kDown,
         "\x4a\0\0\0\x0a"
         "8.0.36\0"s +
             std::string(60, 'x')},
        {kUp, "\x20\0\0\1\x85\xa6\x3f\0"s + std::string(40, 'u')}}},
      {"Telnet",
       "",
       {{kDown, "\xff\xfd\x18\xff\xfd\x20"s},
        {kUp, "\xff\xfb\x18\xff\xfc\x20"s},
        {kDown, "mail login: "},
        {kUp, "joe\r\n"}}},
      {"HTTP",
       "",
       {{kUp, "POST /mail HTTP/1.1\r\nHost: smtp.example.com\r\n\r\nEHLO x\r\n"},
        {kDown, "HTTP/1.1 250 mail\r\n\r\n"}}},
      {"SSH",
       "",
       {{kDown, "SSH-2.0-mail ESMTP\r\n"},
        {kUp, "SSH-2.0-x\r\n"},
        {kUp, std::string(99, '\3')}}},
      {"a binary protocol that opens like SOCKS",
       "",
       {{kUp, "\5\1\0"s}, {kDown, "\7\7\7\7"s}, {kUp, "\1\2\3\4"s}}},
  };
}

TEST(Opening, OfSomethingElseIsNoMailOnOddPorts) {
  for (const Opening& opening : Lookalikes()) {
    for (const std::size_t bytes : {1, 3, 1'400}) {
      EXPECT_EQ(Replayed(opening.script, 12'345, bytes), "none")
          << opening.name << " in segments of " << bytes;
    }
  }
}

// Where both sides speak, content that contradicts the port wins. Some fit one mail service so
// well (`service`) that its port decides.
TEST(Opening, OfSomethingElseIsNoMailOnMailPorts) {
  for (const Opening& opening : Lookalikes()) {
    for (const uint16_t port : {25, 143, 110}) {
      if (*opening.service != '\0' && port == MailPort(opening.service)) continue;
      EXPECT_EQ(Replayed(opening.script, port), "none") << opening.name << " on " << port;
    }
  }
}

}  // namespace
}  // namespace mailtap::pipeline

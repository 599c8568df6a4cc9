// What only opens like mail, on mail ports and on others, and what is said under way like it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/pipeline/opening.h"

namespace mailtap::pipeline {
namespace {

using namespace std::string_literals;

struct Lookalike {
  const char* name;
  Script script;
};

std::vector<Lookalike> Lookalikes() {
  return {
      {"FTP on a host named smtp",
       {{kDown, "220 smtp.example.com FTP server ready\r\n"},
        {kUp, "USER joe\r\n"},
        {kDown, "331 password\r\n"},
        {kUp, "PASS x\r\n"},
        {kDown, "230 ok\r\n"}}},
      {"FTP that is only asked for help",
       {{kDown, "220 mail.example.com FTP server (Version wu-2.6) ready.\r\n"},
        {kUp, "HELP\r\n"},
        {kDown, "214 ok\r\n"},
        {kUp, "SYST\r\n"},
        {kDown, "215 UNIX\r\n"}}},
      {"FTP whose client says first what SMTP's may",
       {{kDown, "220 (vsFTPd 3.0.3)\r\n"},
        {kUp, "NOOP\r\n"},
        {kDown, "200 NOOP ok.\r\n"},
        {kUp, "USER joe\r\n"},
        {kDown, "331 password\r\n"}}},
      {"FTP over TLS",
       {{kDown, "220 FTP server\r\n"}, {kUp, "AUTH TLS\r\n"}, {kDown, "234 go\r\n"}}},
      {"FTP of a client that names its host",
       {{kDown, "220 Welcome\r\n"},
        {kUp, "HOST ftp.example.com\r\n"},
        {kDown, "504 not here\r\n"},
        {kUp, "USER joe\r\n"},
        {kDown, "331 password\r\n"}}},
      {"FTP of a client that asks for the server's state",
       {{kDown, "220 Welcome\r\n"}, {kUp, "STAT\r\n"}, {kDown, "211 ok\r\n"}}},
      {"numbers, and binary data",
       {{kDown, "220 x\r\n"}, {kUp, std::string(99, '\3')}, {kDown, std::string(99, '\4')}}},
      {"POPPASSD",
       {{kDown, "200 poppassd v1.8 hello, who are you?\r\n"},
        {kUp, "USER joe\r\n"},
        {kDown, "200 your password please\r\n"},
        {kUp, "PASS x\r\n"},
        {kDown, "200 ok\r\n"},
        {kUp, "NEWPASS y\r\n"},
        {kDown, "200 done\r\n"}}},
      {"NNTP",
       {{kDown, "200 news.example.com ready\r\n"},
        {kUp, "LIST ACTIVE\r\n"},
        {kDown, "215 list\r\n.\r\n"},
        {kUp, "POST\r\n"},
        {kDown, "340 go\r\n"},
        {kUp, "From: a@b\r\nSubject: EHLO\r\n\r\nMail from: nobody\r\n.\r\n"},
        {kDown, "240 article posted\r\n"}}},
      {"an NNTP server that refuses",
       {{kDown, "502 no permission\r\n"}, {kUp, "QUIT\r\n"}, {kDown, "205 bye\r\n"}}},
      {"ManageSieve",
       {{kDown,
         "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"SIEVE\" \"fileinto\"\r\nOK\r\n"},
        {kUp, "AUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\n"},
        {kDown, "OK \"Logged in.\"\r\n"}}},
      {"LMTP",
       {{kDown, "220 mail.example.com LMTP Postfix\r\n"},
        {kUp, "LHLO me\r\n"},
        {kDown, "250-x\r\n250 PIPELINING\r\n"},
        {kUp, "MAIL FROM:<a@b>\r\n"},
        {kDown, "250 2.1.0 Ok\r\n"}}},
      {"MUPDATE",
       {{kDown, "* OK MUPDATE \"mupdate.example\" \"Cyrus\" \"3.2\" \"(master)\"\r\n"},
        {kUp, "A01 AUTHENTICATE \"PLAIN\"\r\n"},
        {kDown, "A01 OK \"Authenticated\"\r\n"}}},
      {"ACAP",
       {{kDown, "* ACAP (IMPLEMENTATION \"x\") (SASL \"PLAIN\")\r\n"},
        {kUp, "a AUTHENTICATE \"PLAIN\"\r\n"},
        {kDown, "a OK \"in\"\r\n"}}},
      {"Cyrus's replication",
       {{kDown, "* SASL PLAIN\r\n* STARTTLS\r\n* OK mail Cyrus sync server v3.2\r\n"},
        {kUp, "S0 NOOP\r\n"},
        {kDown, "S0 OK\r\n"}}},
      {"IMSP",
       {{kDown, "* OK Cyrus IMSP version 1.6a3 ready\r\n"},
        {kUp, "a LOGIN joe x\r\n"},
        {kDown, "a OK in\r\n"}}},
      {"IRC",
       {{kUp, "NICK joe\r\nUSER joe 0 * :Joe\r\n"},
        {kDown, ":irc.example NOTICE * :hi\r\n"},
        {kUp, "LIST\r\n"},
        {kDown, ":irc.example 321 joe Channel\r\n"}}},
      {"IRC, USER first",
       {{kUp, "USER joe 0 * :Joe\r\nNICK joe\r\n"}, {kDown, ":irc.example 001 joe :hi\r\n"}}},
      {"XMPP",
       {{kUp, "<?xml version='1.0'?><stream:stream to='mail.example.com'>\r\n"},
        {kDown, "<?xml version='1.0'?><stream:stream from='mail.example.com'>\r\n"}}},
      {"Redis",
       {{kUp, "*1\r\n$4\r\nPING\r\n"},
        {kDown, "+PONG\r\n"},
        {kUp, "QUIT\r\n"},
        {kDown, "+OK\r\n"}}},
      {"Redis, inline commands",
       {{kUp, "AUTH x\r\n"},
        {kDown, "+OK\r\n"},
        {kUp, "LIST\r\n"},
        {kDown, "-ERR unknown\r\n"}}},
      {"NATS",
       {{kDown, "INFO {\"server_id\":\"x\",\"version\":\"2\"}\r\n"},
        {kUp, "CONNECT {\"verbose\":true}\r\n"},
        {kDown, "+OK\r\n"},
        {kUp, "PING\r\n"},
        {kDown, "PONG\r\n"},
        {kUp, "SUB mail 1\r\n"},
        {kDown, "+OK\r\n"}}},
      {"STOMP",
       {{kUp, "CONNECT\naccept-version:1.2\nhost:mail\n\n\0"s},
        {kDown, "CONNECTED\nversion:1.2\n\n\0"s}}},
      {"memcached",
       {{kUp, "stats\r\n"},
        {kDown, "STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n"},
        {kUp, "get list\r\n"},
        {kDown, "END\r\n"}}},
      {"beanstalkd",
       {{kUp, "use list \r\n"},
        {kDown, "USING list\r\n"},
        {kUp, "put 0 0 60 4\r\nmail\r\n"},
        {kDown, "INSERTED 1\r\n"}}},
      {"Gearman's administration",
       {{kUp, "status\r\n"},
        {kDown, "list 0 0 1\r\n.\r\n"},
        {kUp, "workers\r\n"},
        {kDown, ".\r\n"}}},
      {"ClamAV", {{kUp, "PING\r\n"}, {kDown, "PONG\r\n"}}},
      {"a policy service",
       {{kUp, "request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@b\n\n"},
        {kDown, "action=DUNNO\n\n"}}},
      {"DICT",
       {{kDown, "220 dict.example dictd 1.12 <auth.mime> <1.2.3@dict.example>\r\n"},
        {kUp, "HELP\r\n"},
        {kDown, "113 help\r\n250 ok\r\n"}}},
      {"SNPP",
       {{kDown, "220 SNPP Gateway ready\r\n"},
        {kUp, "PAGE 5551212\r\n"},
        {kDown, "250 ok\r\n"},
        {kUp, "MESS hi\r\n"},
        {kDown, "250 ok\r\n"}}},
      {"SIP",
       {{kUp, "OPTIONS sip:mail@example.com SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n"},
        {kDown, "SIP/2.0 200 OK\r\n\r\n"}}},
      {"RTSP",
       {{kUp, "OPTIONS rtsp://mail.example/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
        {kDown, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"}}},
      {"finger", {{kUp, "list\r\n"}, {kDown, "Login: list\r\nNo mail.\r\n"}}},
      {"Gopher", {{kUp, "/mail\r\n"}, {kDown, "iMail\tfake\t(NULL)\t0\r\n.\r\n"}}},
      {"git",
       {{kUp, "0033git-upload-pack /mail.git\0host=mail.example\0"s},
        {kDown, "003e1234567890 HEAD\n"}}},
      {"rsync",
       {{kDown, "@RSYNCD: 31.0\n"}, {kUp, "@RSYNCD: 31.0\nlist\n"}, {kDown, "mail\tMail\n"}}},
      {"VNC",
       {{kDown, "RFB 003.008\n"}, {kUp, "RFB 003.008\n"}, {kDown, "\1\1"s}, {kUp, "\1"s}}},
      {"MySQL",
       {{kDown,
         "\x4a\0\0\0\x0a"
         "8.0.36\0"s +
             std::string(60, 'x')},
        {kUp, "\x20\0\0\1\x85\xa6\x3f\0"s + std::string(40, 'u')}}},
      {"Telnet",
       {{kDown, "\xff\xfd\x18\xff\xfd\x20"s},
        {kUp, "\xff\xfb\x18\xff\xfc\x20"s},
        {kDown, "mail login: "},
        {kUp, "joe\r\n"}}},
      {"HTTP",
       {{kUp, "POST /mail HTTP/1.1\r\nHost: smtp.example.com\r\n\r\nEHLO x\r\n"},
        {kDown, "HTTP/1.1 250 mail\r\n\r\n"}}},
      {"SSH",
       {{kDown, "SSH-2.0-mail ESMTP\r\n"},
        {kUp, "SSH-2.0-x\r\n"},
        {kUp, std::string(99, '\3')}}},
      {"a binary protocol that opens like SOCKS",
       {{kUp, "\5\1\0"s}, {kDown, "\7\7\7\7"s}, {kUp, "\1\2\3\4"s}}},
  };
}

TEST(Lookalikes, AreNoMailOnOddPorts) {
  for (const Lookalike& lookalike : Lookalikes()) {
    for (const std::size_t bytes : {1, 3, 1'400}) {
      EXPECT_EQ(Replayed(lookalike.script, 12'345, bytes), "none")
          << lookalike.name << " in segments of " << bytes;
    }
  }
}

// Any word may be a tag, and many are commands: on other ports than IMAP's the two have to fit.
TEST(Lookalikes, OfImapAnswerNoTag) {
  const Script kScripts[] = {
      {{kDown, "500 connection info:\r\nprotocol version: 1.11\r\n\r\n"},
       {kUp, "disk list\r\n"},
       {kDown, "206 disk list:\r\n\r\n"},
       {kUp, "play\r\n"},
       {kDown, "200 ok\r\n"}},
      {{kUp, "queue list\r\n"}, {kDown, "200 OK\r\n"}},
      {{kUp, "please check this\r\n"}, {kDown, "bob no way\r\n"}},
  };
  for (const Script& script : kScripts) {
    for (const std::size_t bytes : {1, 3, 1'400}) {
      EXPECT_EQ(Replayed(script, 9'993, bytes), "none") << script[0].text << bytes;
    }
  }
}

// A server of mail is no session of it for somebody who speaks to it in another protocol.
TEST(Lookalikes, ProbeMailServers) {
  const struct {
    uint16_t port;
    const char* greeting;
    const char* refusal;
  } kServers[] = {{25, "220 mx.example.com ESMTP Exim\r\n", "500 unrecognized command\r\n"},
                  {110, "+OK POP3 ready\r\n", "-ERR Unknown command.\r\n"},
                  {143, "* OK ready\r\n", "* BAD unknown\r\n"}};
  for (const auto& server : kServers) {
    for (const char* probe : {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-Go\r\n"}) {
      const Script script = {{kDown, server.greeting}, {kUp, probe}, {kDown, server.refusal}};
      Sensor sensor;
      sensor.Play(Play(script, server.port).frames()).Finish();
      EXPECT_EQ(Only(sensor), "none") << server.port << probe;
      EXPECT_EQ(sensor.mismatches(Mismatch::kOtherOnMailPort), 1u) << server.port << probe;
    }
  }
}

// Where both sides speak, content that contradicts the port wins.
TEST(Lookalikes, AreNoMailOnMailPorts) {
  for (const Lookalike& lookalike : Lookalikes()) {
    for (const uint16_t port : {25, 143, 110}) {
      EXPECT_EQ(Replayed(lookalike.script, port), "none") << lookalike.name << " on " << port;
    }
  }
}

// Many protocols say what mail says somewhere in the middle: no session is made of that, so
// that it costs nothing.
TEST(Lookalikes, WordsUnderWayOpenNothing) {
  const Script kScripts[] = {
      {{kUp, "PING\r\n"},
       {kDown, "+PONG\r\n"},
       {kUp, "*1\r\n$4\r\nSAVE\r\n"},
       {kDown, "+OK\r\n"}},
      {{kDown, "200 news\r\n"},
       {kUp, "GROUP comp.lang.c\r\n"},
       {kDown, "211 1 1 1 comp.lang.c\r\n"},
       {kUp, "ARTICLE 1\r\n"},
       {kDown, "220 1 <1@news.example> article\r\n"}},
      {{kUp, "Q\0\0\0*SELECT name FROM mail"s}, {kDown, "D\0\0\0*LIST"s}},
  };
  for (const Script& script : kScripts) {
    Sensor sensor;
    sensor.Play(Play(script, 12'345).frames()).Finish();
    EXPECT_EQ(sensor.counters().mail_packets.value(), 0u) << script[0].text;
  }
}

TEST(Lookalikes, TheTextOfAResetOpensNothing) {
  const std::string greeting = "220 mx.example.com ESMTP\r\n";
  Conversation refused("10.1.0.5", 40'000, "192.0.2.25", 12'345);
  Sensor reset, greeted;
  reset.Play(refused.Handshake().Reset(kDown, greeting).frames()).Finish();
  EXPECT_EQ(reset.counters().mail_packets.value(), 0u);
  greeted.Play(refused.Server(greeting).frames()).Finish();
  EXPECT_GT(greeted.counters().mail_packets.value(), 0u);
}

// A flow that is none is followed to its end, and not taken for mail by what it says later.
TEST(Lookalikes, WhatIsNoMailStaysNone) {
  Conversation ftp("10.1.0.5", 40'000, "192.0.2.25", 12'345);
  ftp.Handshake().Server("220 ready\r\n").Client("USER joe\r\n").Server("331 password\r\n");
  for (int i = 0; i < 5; ++i) ftp.Client("EHLO me\r\n").Server("250 2.0.0 Ok\r\n");
  Sensor sensor;
  sensor.Play(ftp.Close().frames()).Finish();
  EXPECT_EQ(Only(sensor), "none");
}

// Unknown words that a server takes are mail's where it takes them as mail's servers do.
TEST(Lookalikes, OfAnUnknownLanguageAreNoMail) {
  const struct {
    uint16_t port;
    const char* greeting;
  } kServers[] = {{25, "220 welcome\r\n"}, {110, "+OK welcome\r\n"}};
  for (const auto& server : kServers) {
    for (const char* word : {"quit", "help", "noop", "list"}) {
      const Script script = {{kDown, server.greeting},   {kUp, "login bob\r\n"},
                             {kDown, "Hello, bob!\r\n"}, {kUp, "look\r\n"},
                             {kDown, "A room.\r\n"},     {kUp, absl::StrCat(word, "\r\n")},
                             {kDown, "Bye\r\n"}};
      EXPECT_EQ(Replayed(script, server.port), "none") << server.port << word;
    }
  }
}

// Remote desktops and databases turn to TLS, too.
TEST(Lookalikes, ThatTurnToTlsAreNoMail) {
  const Script tls = ImplicitTlsScript("desktop.example.com");
  const Script kScripts[] = {
      {{kUp, "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"s},  // RDP
       {kDown, "\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x1f\x08\0\2\0\0\0"s}},
      {{kUp,
        "0\x1d\2\1\1w\x18\x80\x16"
        "1.3.6.1.4.1.1466.20037"s},  // LDAP
       {kDown, "0\x0c\2\1\1x\7\x0a\1\0\4\0\4\0"s}},
      {{kDown,
        "J\0\0\0\x0a"
        "8.0.33\0"s +
            std::string(60, 'a')},  // MySQL
       {kUp, " \0\0\1\5\xae\xff\1\0\0\0\1\xff"s + std::string(23, '\0')}}};
  for (const Script& before : kScripts) {
    Script script = before;
    script.insert(script.end(), tls.begin(), tls.end());
    for (const uint16_t port : {25, 143, 465, 993, 995, 3'389}) {
      EXPECT_EQ(Replayed(script, port), "none") << before[0].text << port;
    }
  }
}

// Whatever single frame from number `first` on is lost.
void ExpectNoneWithoutAny(const Frames& frames, std::size_t first, const std::string& what) {
  for (std::size_t lost = first; lost < frames.size(); ++lost) {
    Frames rest = frames;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(lost));
    Sensor sensor;
    sensor.Play(rest).Finish();
    EXPECT_EQ(Only(sensor), "none") << what << " " << lost;
  }
}

// What both streams begin with is seen, and is no TLS, whatever is lost behind it.
TEST(Lookalikes, OnAPortOfTlsNeedNotBeWhole) {
  Conversation talk("10.1.0.5", 40'000, "192.0.2.25", 993);
  talk.Handshake();
  for (int i = 0; i < 6; ++i) {
    talk.Client("\x13\x01\x02\x03torrent" + std::string(60, '\5'));
    talk.Server("\x13\x02\x02\x03torrent" + std::string(90, '\6'));
  }
  ExpectNoneWithoutAny(talk.Close().frames(), 5, "torrent");
}

// Of each, any one frame behind the SYN may be missing: what either stream is seen to begin
// with is no TLS.
TEST(Lookalikes, OnAPortOfTlsMayLackAnyFrame) {
  const std::string keys = "\0\0\4\x14\x06\x14"s + std::string(300, '\x8b');
  const Script tls = ImplicitTlsScript("host.example.com");
  Script ssh = {{kDown, "SSH-2.0-OpenSSH_9.2\r\n"},
                {kUp, "SSH-2.0-PuTTY_0.78\r\n"},
                {kUp, keys},
                {kDown, keys},
                {kUp, keys},
                {kDown, keys}};
  Script desktop = {{kDown, "RFB 003.008\n"},
                    {kUp, "RFB 003.008\n"},
                    {kDown, "\1\1"},
                    {kUp, "\1"},
                    {kDown, "\0\0\0\0"s},
                    {kUp, "\1"},
                    {kDown, keys}};
  Script database = {{kUp, "\0\0\0\x08\4\xd2\x16\x2f"s}, {kDown, "S"}};
  database.insert(database.end(), tls.begin(), tls.end());
  Script remote = {{kUp, "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"s},
                   {kDown, "\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x1f\x08\0\2\0\0\0"s}};
  remote.insert(remote.end(), tls.begin(), tls.end());
  for (const Script& script : {ssh, desktop, database, remote}) {
    for (const uint16_t port : {465, 993}) {
      Conversation c("10.1.0.5", 40'000, "192.0.2.25", port);
      c.Handshake();
      Say(c, script);
      ExpectNoneWithoutAny(c.Close().frames(), 1, absl::StrCat(script[0].text, port));
    }
  }
}

}  // namespace
}  // namespace mailtap::pipeline

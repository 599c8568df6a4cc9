#include "tests/unit/pipeline/dialogues.h"

#include "tests/unit/classify/hello_builder.h"

namespace mailtap::pipeline {

using classify::ApplicationData;
using classify::ClientHelloFor;
using classify::ServerHello;

Script SmtpScript() {
  return {
      {kDown, "220 mx1.example.com ESMTP Postfix\r\n"},
      {kUp, "EHLO client.example.org\r\n"},
      {kDown, "250-mx1.example.com\r\n250-PIPELINING\r\n250 SIZE 10240000\r\n"},
      {kUp, "MAIL FROM:<a@example.org>\r\n"},
      {kDown, "250 2.1.0 Ok\r\n"},
      {kUp, "RCPT TO:<b@example.com>\r\n"},
      {kDown, "250 2.1.5 Ok\r\n"},
      {kUp, "DATA\r\n"},
      {kDown, "354 End data with <CR><LF>.<CR><LF>\r\n"},
      {kUp, "Subject: test\r\n\r\nMAIL FROM:<x@y>\r\n" + std::string(3'000, 'm') + "\r\n.\r\n"},
      {kDown, "250 2.0.0 Ok: queued as 4F1\r\n"},
      {kUp, "QUIT\r\n"},
      {kDown, "221 2.0.0 Bye\r\n"}};
}

Script SmtpPipelinedScript() {
  const std::string envelope = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
  const std::string replies = "250 ok\r\n250 ok\r\n354 go\r\n";
  return {{kDown, "220 mx.example.com ESMTP\r\n"},
          {kUp, "EHLO me\r\n"},
          {kDown, "250-mx.example.com\r\n250 PIPELINING\r\n"},
          {kUp, envelope},
          {kDown, replies},
          {kUp, "Subject: one\r\n\r\nfirst\r\n.\r\n" + envelope},
          {kDown, "250 queued\r\n" + replies},
          {kUp, "Subject: two\r\n\r\nsecond\r\n.\r\nQUIT\r\n"},
          {kDown, "250 queued\r\n221 bye\r\n"}};
}

Script SmtpStarttlsScript() {
  return {{kDown, "220 mx1.example.com ESMTP Postfix\r\n"},
          {kUp, "EHLO client.example.org\r\n"},
          {kDown, "250-mx1.example.com\r\n250 STARTTLS\r\n"},
          {kUp, "STARTTLS\r\n"},
          {kDown, "220 2.0.0 Ready to start TLS\r\n"},
          {kUp, ClientHelloFor("mx1.example.com")},
          {kDown, ServerHello()},
          {kUp, ApplicationData(900)},
          {kDown, ApplicationData(300)}};
}

Script ImapScript() {
  return {{kDown, "* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n"},
          {kUp, "a1 LOGIN user secret\r\n"},
          {kDown, "a1 OK Logged in\r\n"},
          {kUp, "a2 SELECT INBOX\r\n"},
          {kDown, "* 3 EXISTS\r\n* 0 RECENT\r\na2 OK [READ-WRITE] Select completed.\r\n"},
          {kUp, "a3 FETCH 1 BODY[]\r\n"},
          {kDown, "* 1 FETCH (BODY[] {2000}\r\n" + std::string(2'000, 'x') + ")\r\na3 OK\r\n"},
          {kUp, "a4 LOGOUT\r\n"},
          {kDown, "* BYE Logging out\r\na4 OK Logout completed.\r\n"}};
}

Script ImapStarttlsScript() {
  return {{kDown, "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready.\r\n"},
          {kUp, "a1 STARTTLS\r\n"},
          {kDown, "a1 OK Begin TLS negotiation now.\r\n"},
          {kUp, ClientHelloFor("imap.example.com")},
          {kDown, ServerHello()},
          {kUp, ApplicationData(200)},
          {kDown, ApplicationData(5'000)}};
}

Script Pop3Script() {
  return {{kDown, "+OK Dovecot ready.\r\n"},
          {kUp, "USER user\r\n"},
          {kDown, "+OK\r\n"},
          {kUp, "PASS secret\r\n"},
          {kDown, "+OK Logged in.\r\n"},
          {kUp, "RETR 1\r\n"},
          {kDown, "+OK 1500 octets\r\n" + std::string(1'500, 'p') + "\r\n.\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "+OK Logging out.\r\n"}};
}

Script Pop3StlsScript() {
  return {{kDown, "+OK POP3 ready <1896.697170952@example.com>\r\n"},
          {kUp, "CAPA\r\n"},
          {kDown, "+OK\r\nSTLS\r\nUSER\r\n.\r\n"},
          {kUp, "STLS\r\n"},
          {kDown, "+OK Begin TLS\r\n"},
          {kUp, ClientHelloFor("pop.example.com")},
          {kDown, ServerHello()},
          {kUp, ApplicationData(100)},
          {kDown, ApplicationData(3'000)}};
}

Script ImplicitTlsScript(const std::string& server_name) {
  return {{kUp, ClientHelloFor(server_name)},
          {kDown, ServerHello() + ApplicationData(1'200)},
          {kUp, ApplicationData(150)},
          {kDown, ApplicationData(700)}};
}

Script FtpScript() {
  return {{kDown, "220 (vsFTPd 3.0.3)\r\n"},
          {kUp, "USER anonymous\r\n"},
          {kDown, "331 Please specify the password.\r\n"},
          {kUp, "PASS guest@\r\n"},
          {kDown, "230 Login successful.\r\n"},
          {kUp, "SYST\r\n"},
          {kDown, "215 UNIX Type: L8\r\n"},
          {kUp, "CWD pub\r\n"},
          {kDown, "250 Directory successfully changed.\r\n"},
          {kUp, "NOOP\r\n"},
          {kDown, "200 NOOP ok.\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "221 Goodbye.\r\n"}};
}

Script RedisScript() {
  return {{kUp, "AUTH hunter2\r\n"},
          {kDown, "+OK\r\n"},
          {kUp, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"},
          {kDown, "+OK\r\n"},
          {kUp, "LIST\r\n"},
          {kDown, "-ERR unknown command 'LIST'\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "+OK\r\n"}};
}

Script NntpScript() {
  return {{kDown, "200 news.example.com InterNetNews server ready\r\n"},
          {kUp, "MODE READER\r\n"},
          {kDown, "200 Hello\r\n"},
          {kUp, "LIST\r\n"},
          {kDown, "215 list follows\r\n.\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "205 bye\r\n"}};
}

Script HttpScript() {
  return {{kUp, "GET /mail HTTP/1.1\r\nHost: smtp.example.com\r\n\r\n"},
          {kDown, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}};
}

Script SshScript() {
  return {{kDown, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"},
          {kUp, "SSH-2.0-OpenSSH_9.6\r\n"},
          {kUp, std::string(400, '\x14')},
          {kDown, std::string(600, '\x14')}};
}

Script LmtpScript() {
  return {{kDown, "220 mail.example.com Dovecot ready.\r\n"},
          {kUp, "LHLO client\r\n"},
          {kDown, "250-mail.example.com\r\n250 PIPELINING\r\n"},
          {kUp, "MAIL FROM:<a@b>\r\n"},
          {kDown, "250 2.1.0 OK\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "221 2.0.0 OK\r\n"}};
}

Script TorScript() {
  return {{kUp, "PROTOCOLINFO 1\r\n"},
          {kDown, "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n"},
          {kUp, "AUTHENTICATE\r\n"},
          {kDown, "250 OK\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "250 closing connection\r\n"}};
}

Script IrcScript() {
  return {{kUp, "NICK guest\r\nUSER guest 0 * :A Guest\r\n"},
          {kDown, ":irc.example.net 001 guest :Welcome\r\n"},
          {kUp, "QUIT\r\n"},
          {kDown, "ERROR :Closing Link\r\n"}};
}

std::size_t BytesOf(const Script& script, Direction from) {
  std::size_t bytes = 0;
  for (const Line& line : script) bytes += line.from == from ? line.text.size() : 0;
  return bytes;
}

void Say(Conversation& conversation, const Script& script) {
  for (const Line& line : script) {
    line.from == kUp ? conversation.Client(line.text) : conversation.Server(line.text);
  }
}

Conversation Play(const Script& script, uint16_t server_port, std::size_t segment_bytes,
                  uint16_t client_port) {
  Conversation conversation("10.1.0.5", client_port, "192.0.2.25", server_port);
  conversation.Cut(segment_bytes).Handshake();
  Say(conversation, script);
  conversation.Close();
  return conversation;
}

}  // namespace mailtap::pipeline

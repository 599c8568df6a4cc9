#include "lib/classify/recogniser.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {
namespace {

Recogniser& SharedRecogniser() {
  static auto recogniser = Recogniser::Create(PatternDatabase::Load().value()).value();
  return recogniser;
}

constexpr Side kC = Side::kClient, kS = Side::kServer;

struct Line {
  Side side;
  std::string text;
};

struct Case {
  const char* name;
  std::optional<Service> port;
  bool from_start;
  std::vector<Line> lines;
  const char* expected;  // when all has been said and the session is over
};

std::string Describe(const Recognition& r) {
  switch (r.answer) {
    case Answer::kYes:
      return absl::StrCat(Name(r.service), " ", Name(r.evidence));
    case Answer::kNo:
      return "no";
    case Answer::kNeedMore:
      return "open";
  }
  return "?";
}

// Judges what has been said so far. The slack behind each text is filled with something that
// would match if it were read.
Recognition Judge(const Case& c, const std::string& client, const std::string& server,
                  bool server_first, bool finished) {
  const std::string slack = "esmtp pop imap 250 EHLO \r\n" + std::string(Speech::kSlack, '2');
  const std::string up = client + slack, down = server + slack;
  return SharedRecogniser().Judge(
      {.text = {up.data(), client.size()}, .from_start = c.from_start, .ended = finished},
      {.text = {down.data(), server.size()}, .from_start = c.from_start, .ended = finished},
      {.port_service = c.port,
       .server_first = c.from_start && server_first,
       .client_seen = true,
       .finished = finished});
}

constexpr auto kNoPort = std::nullopt;
constexpr Service kSmtp = Service::kSmtp, kImap = Service::kImap, kPop3 = Service::kPop3;

std::vector<Case> Cases() {
  const Line ehlo = {kC, "EHLO me.example\r\n"};
  const Line user = {kC, "USER joe\r\n"};
  return {
      // SMTP
      {"plain", kSmtp, true, {{kS, "220 mx ESMTP\r\n"}, ehlo}, "smtp banner"},
      {"odd port", kNoPort, true, {{kS, "220 mx ESMTP\r\n"}, ehlo}, "smtp banner"},
      {"silent banner", kNoPort, true, {{kS, "220 hello there\r\n"}, ehlo}, "smtp banner"},
      {"lower case",
       kNoPort,
       true,
       {{kS, "220 mx esmtp\r\n"}, {kC, "ehlo x\r\n"}},
       "smtp banner"},
      {"bare 220", kSmtp, true, {{kS, "220\r\n"}, ehlo}, "smtp banner"},
      {"multi-line banner",
       kNoPort,
       true,
       {{kS, "220-mx.example.com welcome\r\n220-no spam\r\n220 go\r\n"}, ehlo},
       "smtp banner"},
      {"leading line end", kSmtp, true, {{kS, "\r\n220 mx ESMTP\r\n"}, ehlo}, "smtp banner"},
      {"refused by 554", kSmtp, true, {{kS, "554 no\r\n"}, {kC, "QUIT\r\n"}}, "smtp banner"},
      {"refused by 421",
       kSmtp,
       true,
       {{kS, "421 mx busy\r\n"}, {kC, "QUIT\r\n"}},
       "smtp banner"},
      {"helo", kNoPort, true, {{kS, "220 x\r\n"}, {kC, "HELO x\r\n"}}, "smtp banner"},
      {"mid-stream, odd port",
       kNoPort,
       false,
       {{kC, "MAIL FROM:<a@b>\r\n"}, {kS, "250 2.1.0 Ok\r\n"}},
       "smtp banner"},
      {"mid-stream client", kSmtp, false, {{kC, "RCPT TO:<a@b>\r\n"}}, "smtp command"},
      {"mid-stream server", kSmtp, false, {{kS, "250 2.1.5 Ok\r\n"}}, "no"},
      {"mid-stream text", kSmtp, false, {{kC, "and so on\r\nkind regards\r\n"}}, "smtp port"},
      {"mid-stream binary", kSmtp, false, {{kC, std::string(100, '\1') + "\n"}}, "no"},
      {"smtp on imap's port", kImap, true, {{kS, "220 mx ESMTP\r\n"}, ehlo}, "smtp banner"},
      {"banner alone, odd port", kNoPort, true, {{kS, "220 mx ESMTP\r\n"}}, "no"},
      {"client alone, odd port", kNoPort, true, {ehlo}, "no"},
      // IMAP
      {"imap", kImap, true, {{kS, "* OK ready\r\n"}, {kC, "a CAPABILITY\r\n"}}, "imap banner"},
      {"imap odd",
       kNoPort,
       true,
       {{kS, "* OK ready\r\n"}, {kC, "1 LOGIN a b\r\n"}},
       "imap banner"},
      {"preauth", kNoPort, true, {{kS, "* PREAUTH hi\r\n"}, {kC, "x NOOP\r\n"}}, "imap banner"},
      {"idle", kNoPort, false, {{kS, "* 4 EXISTS\r\n"}, {kC, "DONE\r\n"}}, "imap banner"},
      {"imap client", kImap, false, {{kC, "A7 UID FETCH 1:* FLAGS\r\n"}}, "imap command"},
      // POP3
      {"pop3", kPop3, true, {{kS, "+OK ready\r\n"}, user}, "pop3 banner"},
      {"pop3 odd", kNoPort, true, {{kS, "+OK ready\r\n"}, user}, "pop3 banner"},
      {"bare +OK", kNoPort, true, {{kS, "+OK\r\n"}, user}, "pop3 banner"},
      {"apop",
       kNoPort,
       true,
       {{kS, "+OK <1.2@mail.example>\r\n"},
        {kC, "APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n"}},
       "pop3 banner"},
      {"pop3 in small letters",
       kPop3,
       true,
       {{kS, "+ok\r\n"}, {kC, "capa\r\n"}},
       "pop3 banner"},
      {"pop3 mid-stream", kNoPort, false, {{kC, "STAT\r\n"}, {kS, "+OK 2 320\r\n"}}, "no"},
      {"capabilities",
       kNoPort,
       false,
       {{kC, "CAPA\r\n"}, {kS, "+OK\r\nTOP\r\nUIDL\r\n.\r\n"}},
       "pop3 banner"},
      {"a login's answer under way",
       kNoPort,
       false,
       {{kC, "c2VjcmV0\r\n"}, {kS, "250 2.1.0 Ok\r\n"}},
       "no"},
      // Lookalikes
      {"ftp", kNoPort, true, {{kS, "220 ProFTPD Server (mail.example.com)\r\n"}, user}, "no"},
      {"ftp on 25", kSmtp, true, {{kS, "220 ready\r\n"}, user}, "no"},
      {"ftp, auth tls", kSmtp, true, {{kS, "220 ready\r\n"}, {kC, "AUTH TLS\r\n"}}, "no"},
      {"ftp says so",
       kSmtp,
       true,
       {{kS, "220 Microsoft FTP Service\r\n"}, {kC, "QUIT\r\n"}},
       "no"},
      {"redis", kNoPort, true, {{kC, "QUIT\r\n"}, {kS, "+OK\r\n"}}, "no"},
      {"redis, inline auth", kNoPort, true, {{kC, "AUTH x\r\n"}, {kS, "+OK\r\n"}}, "no"},
      {"redis error",
       kNoPort,
       true,
       {{kC, "LIST\r\n"}, {kS, "-ERR unknown command\r\n"}},
       "no"},
      {"redis on 110, inline", kPop3, true, {{kC, "SET a b\r\n"}, {kS, "+OK\r\n"}}, "no"},
      {"redis on 110, inline auth",
       kPop3,
       true,
       {{kC, "AUTH secret\r\n"}, {kS, "+OK\r\n"}},
       "no"},
      {"pop3's auth",
       kPop3,
       true,
       {{kS, "+OK ready\r\n"}, {kC, "AUTH PLAIN\r\n"}},
       "pop3 banner"},
      {"pop3's kerberos",
       kNoPort,
       true,
       {{kS, "+OK ready\r\n"}, {kC, "AUTH GSSAPI\r\n"}},
       "pop3 banner"},
      {"smtp's kerberos",
       kNoPort,
       true,
       {{kS, "220 mx ESMTP\r\n"}, {kC, "AUTH GSSAPI\r\n"}, {kS, "334 \r\n"}},
       "smtp banner"},
      {"ftp's kerberos",
       kSmtp,
       true,
       {{kS, "220 ready\r\n"},
        {kC, "AUTH GSSAPI\r\n"},
        {kS, "334 \r\n"},
        {kC, "ADAT YII=\r\n"}},
       "no"},
      {"snpp on 25",
       kSmtp,
       true,
       {{kS, "220 SNPP Gateway Ready\r\n"}, {kC, "PAGE 5551212\r\n"}},
       "no"},
      {"snpp of few words",
       kSmtp,
       true,
       {{kS, "220 ready\r\n"}, {kC, "PAGE 5551212\r\n"}},
       "no"},
      {"nntp", kNoPort, true, {{kS, "200 news ready\r\n"}, {kC, "LIST\r\n"}}, "no"},
      {"nntp on 25", kSmtp, true, {{kS, "201 no posting\r\n"}, {kC, "QUIT\r\n"}}, "no"},
      {"irc", kNoPort, true, {{kC, "USER a 0 * :b\r\n"}, {kS, ":irc.x 001 a :hi\r\n"}}, "no"},
      {"managesieve",
       kNoPort,
       true,
       {{kS, "\"IMPLEMENTATION\" \"Pigeonhole\"\r\n\"SASL\" \"PLAIN\"\r\nOK\r\n"},
        {kC, "LOGOUT\r\n"}},
       "no"},
      {"managesieve on 143",
       kImap,
       true,
       {{kS, "\"SIEVE\" \"fileinto\"\r\nOK\r\n"}, {kC, "LOGOUT\r\n"}},
       "no"},
      {"lmtp", kNoPort, true, {{kS, "220 mx LMTP\r\n"}, {kC, "LHLO x\r\n"}}, "no"},
      {"lmtp on 25", kSmtp, true, {{kS, "220 mx LMTP\r\n"}, {kC, "LHLO x\r\n"}}, "no"},
      {"http", kSmtp, true, {{kC, "GET / HTTP/1.1\r\nHost: x\r\n"}}, "no"},
      {"http on 143",
       kImap,
       true,
       {{kC, "POST /a HTTP/1.0\r\n"}, {kS, "HTTP/1.0 400\r\n"}},
       "no"},
      {"ssh", kSmtp, true, {{kS, "SSH-2.0-OpenSSH\r\n"}, {kC, "SSH-2.0-x\r\n"}}, "no"},
      {"nothing said", kSmtp, true, {}, "open"},
      {"nothing said, odd port", kNoPort, true, {}, "no"},
  };
}

TEST(Recogniser, Dialogues) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    std::string said[2];
    for (const Line& line : c.lines) said[static_cast<int>(line.side)] += line.text;
    const bool server_first = !c.lines.empty() && c.lines[0].side == kS;
    EXPECT_EQ(Describe(Judge(c, said[0], said[1], server_first, true)), c.expected);
  }
}

// The dialogue delivered byte by byte: once the answer is yes or no it never becomes the other,
// and a yes keeps its service; and it is the answer at the end.
TEST(Recogniser, AnAnswerStandsHoweverMuchMoreIsSaid) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    std::string said[2];
    std::string first_answer;
    const bool server_first = !c.lines.empty() && c.lines[0].side == kS;
    for (const Line& line : c.lines) {
      for (const char byte : line.text) {
        said[static_cast<int>(line.side)] += byte;
        const std::string now = Describe(Judge(c, said[0], said[1], server_first, false));
        if (first_answer.empty() && now != "open") first_answer = now;
        if (!first_answer.empty() && first_answer != "no") {
          ASSERT_EQ(now, first_answer) << said[0] << "|" << said[1];
        }
      }
    }
    const std::string last = Describe(Judge(c, said[0], said[1], server_first, true));
    EXPECT_EQ(first_answer.empty() ? last : first_answer, c.expected);
  }
}

// Half a line decides nothing.
TEST(Recogniser, JudgesWholeLinesOnly) {
  const Case c = {"", kSmtp, true, {}, ""};
  EXPECT_EQ(Describe(Judge(c, "EHLO me", "220 mx ESMTP", true, false)), "open");
  EXPECT_EQ(Describe(Judge(c, "", "220 mx FTP", true, false)), "open");
  EXPECT_EQ(Describe(Judge(c, "EHLO me\r\n", "220 mx ESMTP\r\n250-", true, false)),
            "smtp banner");
}

TEST(Recogniser, AGreetingThatNobodyAnswersIsNothingYet) {
  const Case c = {"", kSmtp, true, {}, ""};
  EXPECT_EQ(Describe(Judge(c, "", "220 mx ESMTP\r\n", true, false)), "open");
  EXPECT_EQ(Describe(Judge(c, "", "220 mx ESMTP\r\n", true, true)), "no");
}

Recognition JudgeUnderWay(const std::string& client, const std::string& server) {
  const std::string slack(Speech::kSlack, '2');
  const std::string up = client + slack, down = server + slack;
  return SharedRecogniser().Judge({.text = {up.data(), client.size()}},
                                  {.text = {down.data(), server.size()}}, {});
}

TEST(Recogniser, LinesUnderWayThatFitNothingAreStale) {
  Recognition r = JudgeUnderWay("c2VjcmV0\r\n", "250 2.1.0 Ok\r\n");
  EXPECT_EQ(r.answer, Answer::kNeedMore);
  EXPECT_TRUE(r.client_stale);
  EXPECT_FALSE(r.server_stale);
  r = JudgeUnderWay("c2VjcmV0\r\n", "250 ok\r\n354 go\r\n");
  EXPECT_EQ(r.answer, Answer::kNeedMore);
  EXPECT_TRUE(r.client_stale);
  r = JudgeUnderWay("c2Vj", "AUTH LOGIN PLAIN\r\n");  // half a line is no line
  EXPECT_FALSE(r.client_stale);
  EXPECT_TRUE(r.server_stale);
  EXPECT_EQ(JudgeUnderWay("MAIL FROM:<a@b>\r\n", "250 2.1.0 Ok\r\n").answer, Answer::kYes);
}

TEST(Recogniser, UnderWayOnlyProofOpensMail) {
  const auto opens = [](const std::string& text, bool from_start) {
    return SharedRecogniser().MayOpenMail(reinterpret_cast<const uint8_t*>(text.data()),
                                          static_cast<uint32_t>(text.size()), from_start);
  };
  for (const char* proof : {"EHLO me\r\n", "220 mx ESMTP\r\n", "a1 LOGIN b c\r\n", "CAPA\r\n",
                            "* OK MUPDATE\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n"}) {
    EXPECT_TRUE(opens(proof, true) && opens(proof, false)) << proof;
  }
  for (const char* hint : {"220 hello\r\n", "+OK\r\n", "-ERR no\r\n"}) {
    EXPECT_TRUE(opens(hint, true) && !opens(hint, false)) << hint;
  }
  for (const char* none : {"281 Authentication accepted\r\n", "GROUP comp.lang.c\r\n"}) {
    EXPECT_FALSE(opens(none, true) || opens(none, false)) << none;
  }
  EXPECT_TRUE(opens("220 mx.exam", false));  // half a line says nothing yet
  EXPECT_TRUE(opens("220 " + std::string(500, 'x') + " ESMTP", true));
}

TEST(Recogniser, AGreetingTellsItsServiceOnlyWhereItProvesIt) {
  const auto greeting = [](const std::string& text) {
    const std::string padded = text + std::string(Speech::kSlack, '2');
    return SharedRecogniser().Greeting(
        {.text = {padded.data(), text.size()}, .from_start = true});
  };
  EXPECT_EQ(greeting("220 mx ESMTP\r\n"), kSmtp);
  EXPECT_EQ(greeting("* OK ready\r\n"), kImap);
  EXPECT_EQ(greeting("+OK <1.2@mail.example>\r\n"), kPop3);
  for (const char* text : {"220 ftp\r\n", "+OK\r\n", "220 mx ESMTP", "200 news\r\n", ""}) {
    EXPECT_EQ(greeting(text), std::nullopt) << text;
  }
}

// What other sessions with a server were is less than what it says itself.
TEST(Recogniser, WhatIsProvedBeatsWhatWasLearnt) {
  const struct {
    Service learnt;
    std::vector<Line> lines;
    const char* expected;
  } kCases[] = {{kSmtp, {{kS, "* OK [CAPABILITY IMAP4rev1] ready\r\n"}}, "imap banner"},
                {kImap, {{kS, "220 mx ESMTP\r\n"}}, "smtp banner"},
                {kImap, {{kS, "+OK POP3 ready\r\n"}}, "pop3 banner"},
                {kImap, {{kC, "RCPT TO:<a@b>\r\n"}}, "smtp command"},
                {kSmtp, {{kC, "RETR 1\r\n"}}, "pop3 command"},
                {kSmtp, {{kC, "please check this\r\n"}}, "smtp port"},
                {kImap, {{kS, "hello there\r\n"}}, "imap port"}};
  for (const auto& c : kCases) {
    const Line& line = c.lines[0];
    const std::string text = line.text + std::string(Speech::kSlack, '\0');
    const Speech said = {.text = {text.data(), line.text.size()}, .ended = true};
    const Speech none = {.text = {text.data(), 0}, .ended = true};
    const Context context = {.port_service = c.learnt, .port_learnt = true, .finished = true};
    EXPECT_EQ(Describe(line.side == kC ? SharedRecogniser().Judge(said, none, context)
                                       : SharedRecogniser().Judge(none, said, context)),
              c.expected)
        << line.text;
  }
}

}  // namespace
}  // namespace mailtap::classify

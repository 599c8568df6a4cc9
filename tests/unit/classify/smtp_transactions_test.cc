#include "lib/classify/smtp_transactions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mailtap::classify {
namespace {

struct Line {
  char side;  // 'C' or 'S'
  std::string text;
};

const uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// Delivers one side's text in pieces of `step`, as the worker does: message text is not
// delivered, and each call goes on where the last one stopped.
void Deliver(SmtpTransactions& smtp, const Line& line, std::size_t step) {
  for (std::size_t at = 0; at < line.text.size();) {
    const std::string piece = line.text.substr(at, step);
    if (line.side == 'S') {
      at += smtp.OnServer(Bytes(piece), piece.size());
    } else if (smtp.skipping() || smtp.tls()) {
      return;
    } else {
      at += smtp.OnClient(Bytes(piece), piece.size());
    }
  }
}

// "messages/rejected" and what is special about them.
std::string Count(const std::vector<Line>& lines, std::size_t step = 1 << 20) {
  SmtpTransactions smtp(/*from_start=*/true);
  Deliver(smtp, {'S', "220 mx ESMTP\r\n"}, step);
  Deliver(smtp, {'C', "EHLO me\r\n"}, step);
  Deliver(smtp, {'S', "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"}, step);
  for (const Line& line : lines) Deliver(smtp, line, step);
  smtp.Finish();
  return absl::StrCat(smtp.messages(), "/", smtp.rejected(), smtp.unpaired() ? " unpaired" : "",
                      smtp.tls() ? " tls" : "");
}

const Line kMail = {'C', "MAIL FROM:<a@b>\r\n"}, kRcpt = {'C', "RCPT TO:<c@d>\r\n"},
           kData = {'C', "DATA\r\n"}, kOk = {'S', "250 ok\r\n"}, kGo = {'S', "354 go\r\n"},
           kText = {'C', "Subject: x\r\n\r\nMAIL FROM:<x@y>\r\nSTARTTLS\r\nDATA\r\n.\r\n"},
           kNo = {'S', "550 5.7.1 no\r\n"}, kLater = {'S', "451 later\r\n"},
           kOrder = {'S', "503 bad sequence\r\n"}, kReset = {'C', "RSET\r\n"},
           kQuit = {'C', "QUIT\r\n"}, kBye = {'S', "221 bye\r\n"};

struct Case {
  const char* name;
  std::vector<Line> lines;
  const char* expected;
};

std::vector<Case> Cases() {
  const Line group = {'C', "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"};
  return {
      {"nothing", {kQuit, kBye}, "0/0"},
      {"one", {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk, kQuit, kBye}, "1/0"},
      {"two",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk, kMail, kOk, kRcpt, kOk, kData, kGo,
        kText, kOk, kQuit, kBye},
       "2/0"},
      {"small letters",
       {{'C', "mail from:<a@b>\r\n"},
        kOk,
        {'C', "rcpt to:<c@d>\r\n"},
        kOk,
        {'C', "data\r\n"},
        kGo,
        kText,
        kOk},
       "1/0"},
      {"pipelined", {group, {'S', "250 ok\r\n250 ok\r\n354 go\r\n"}, kText, kOk}, "1/0"},
      {"multi-line replies",
       {kMail,
        {'S', "250-ok\r\n250-really\r\n250 yes\r\n"},
        kRcpt,
        kOk,
        kData,
        kGo,
        kText,
        {'S', "250-queued\r\n250 as 1\r\n"}},
       "1/0"},
      {"message refused", {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kNo, kQuit, kBye}, "0/1"},
      {"message put off", {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kLater}, "0/1"},
      {"refused, then accepted",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kNo, kMail, kOk, kRcpt, kOk, kData, kGo,
        kText, kOk},
       "1/1"},
      {"sender refused", {kMail, kNo, kQuit, kBye}, "0/1"},
      {"sender refused, pipelined", {group, kNo, kOrder, kOrder, kQuit, kBye}, "0/1"},
      {"all recipients refused, reset",
       {kMail, kOk, kRcpt, kNo, kRcpt, kNo, kReset, kOk},
       "0/1"},
      {"all recipients refused, quit", {kMail, kOk, kRcpt, kNo, kQuit, kBye}, "0/1"},
      {"all recipients refused, next",
       {kMail, kOk, kRcpt, kNo, kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/1"},
      {"all refused, DATA too",
       {kMail, kOk, kRcpt, kNo, kData, {'S', "554 none\r\n"}, kQuit},
       "0/1"},
      {"all refused, DATA out of order", {kMail, kOk, kRcpt, kNo, kData, kOrder, kQuit}, "0/1"},
      {"one of two recipients refused",
       {kMail, kOk, kRcpt, kNo, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/0"},
      {"reset before DATA", {kMail, kOk, kRcpt, kOk, kReset, kOk, kQuit, kBye}, "0/0"},
      {"DATA refused", {kMail, kOk, kRcpt, kOk, kData, kLater, kQuit, kBye}, "0/1"},
      {"chunks",
       {kMail,
        kOk,
        kRcpt,
        kOk,
        {'C', "BDAT 8\r\nQUIT\r\n\r\n"},
        kOk,
        {'C', "BDAT 6 LAST\r\nRSET\r\n"},
        kOk,
        kQuit,
        kBye},
       "1/0"},
      {"chunks, pipelined",
       {kMail,
        kOk,
        kRcpt,
        kOk,
        {'C', "BDAT 4\r\nabcdBDAT 4\r\nefghBDAT 0 LAST\r\nQUIT\r\n"},
        kOk,
        kOk,
        kOk,
        kBye},
       "1/0"},
      {"chunk with more blanks, small letters",
       {kMail, kOk, kRcpt, kOk, {'C', "bdat  6   last\r\nRSET\r\n"}, kOk, kQuit, kBye},
       "1/0"},
      {"chunk refused",
       {kMail, kOk, kRcpt, kOk, {'C', "BDAT 4\r\nabcdBDAT 4 LAST\r\nefgh"}, kNo, kOrder},
       "0/1"},
      {"last chunk refused",
       {kMail, kOk, kRcpt, kOk, {'C', "BDAT 4 LAST\r\nabcd"}, kNo},
       "0/1"},
      {"chunk that is none", {{'C', "BDAT x\r\n"}, {'S', "501 no\r\n"}, kMail, kOk}, "0/0"},
      {"login with challenges",
       {{'C', "AUTH LOGIN\r\n"},
        {'S', "334 VXNlcg==\r\n"},
        {'C', "MAIL\r\n"},
        {'S', "334 UGFzcw==\r\n"},
        {'C', "DATA\r\n"},
        {'S', "235 ok\r\n"},
        kMail,
        kOk,
        kRcpt,
        kOk,
        kData,
        kGo,
        kText,
        kOk},
       "1/0"},
      {"login given up",
       {{'C', "AUTH PLAIN\r\n"},
        {'S', "334 \r\n"},
        {'C', "*\r\n"},
        {'S', "501 ok\r\n"},
        kMail,
        kNo},
       "0/1"},
      {"login refused",
       {{'C', "AUTH PLAIN AGEAYg==\r\n"}, {'S', "535 no\r\n"}, kQuit, kBye},
       "0/0"},
      {"starttls",
       {{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}, {'C', "\x16\x03\x01 whatever"}},
       "0/0 tls"},
      {"starttls refused",
       {{'C', "STARTTLS\r\n"},
        {'S', "454 no\r\n"},
        kMail,
        kOk,
        kRcpt,
        kOk,
        kData,
        kGo,
        kText,
        kOk},
       "1/0"},
      {"no starttls", {{'C', "\x16\x03\x01"}}, "0/0"},
      {"unknown commands refused",
       {{'C', "XYZ\r\nVRFY joe\r\n"}, {'S', "500 no\r\n252 maybe\r\n"}, kMail, kNo},
       "0/1"},
      {"refusal out of the blue", {{'S', "421 going down\r\n"}}, "0/0 unpaired"},
      {"cut off within the text", {kMail, kOk, kRcpt, kOk, kData, kGo, {'C', "Sub"}}, "0/0"},
      {"line ends without carriage return",
       {{'C', "MAIL FROM:<a>\nRCPT TO:<b>\nDATA\n"},
        {'S', "250 a\n250 b\n354 c\n"},
        kText,
        kOk},
       "1/0"},
  };
}

TEST(SmtpTransactions, Counts) {
  for (const Case& c : Cases()) EXPECT_EQ(Count(c.lines), c.expected) << c.name;
}

TEST(SmtpTransactions, CountTheSameHoweverTheTextIsCut) {
  for (const Case& c : Cases()) {
    for (const std::size_t step : {1, 2, 3, 5, 11}) {
      EXPECT_EQ(Count(c.lines, step), c.expected) << c.name << " in pieces of " << step;
    }
  }
}

TEST(SmtpTransactions, TlsStopsAtItsFirstByte) {
  SmtpTransactions smtp(true);
  const std::string text = "STARTTLS\r\n\x16\x03\x01";
  EXPECT_EQ(smtp.OnClient(Bytes(text), text.size()), 10u);
  EXPECT_TRUE(smtp.tls());
}

TEST(SmtpTransactions, ServerStopsWhereMessageTextStartsAndEnds) {
  SmtpTransactions smtp(true);
  const std::string greeting = "220 x\r\n", data = "DATA\r\n";
  smtp.OnServer(Bytes(greeting), greeting.size());
  smtp.OnClient(Bytes(data), data.size());
  const std::string replies = "354 go\r\n250 ok\r\n221 bye\r\n";
  EXPECT_EQ(smtp.OnServer(Bytes(replies), replies.size()), 8u);
  EXPECT_TRUE(smtp.skipping());
  EXPECT_EQ(smtp.OnServer(Bytes(replies) + 8, replies.size() - 8), 8u);
  EXPECT_FALSE(smtp.skipping());
  EXPECT_EQ(smtp.messages(), 1u);
}

TEST(SmtpTransactions, ChunksMayBeSkippedUndelivered) {
  SmtpTransactions smtp(true);
  const std::string greeting = "220 x\r\n", command = "BDAT 1000000 LAST\r\nab",
                    ok = "250 ok\r\n";
  smtp.OnServer(Bytes(greeting), greeting.size());
  smtp.OnClient(Bytes(command), command.size());
  EXPECT_EQ(smtp.chunk_left(), 999'998u);
  smtp.SkipChunk(999'998);
  EXPECT_EQ(smtp.chunk_left(), 0u);
  smtp.OnServer(Bytes(ok), ok.size());
  EXPECT_EQ(smtp.messages(), 1u);
}

// More commands outstanding than anybody pipelines: counts go on, refusals are no longer known.
TEST(SmtpTransactions, TooManyOutstandingCommands) {
  std::vector<Line> lines;
  for (int i = 0; i < 65; ++i) lines.push_back({'C', "NOOP\r\n"});
  for (int i = 0; i < 65; ++i) lines.push_back(kOk);
  lines.insert(lines.end(), {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk});
  EXPECT_EQ(Count(lines), "1/0 unpaired");
}

TEST(SmtpTransactions, MetUnderWay) {
  SmtpTransactions smtp(/*from_start=*/false);
  for (const Line& line : {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk}) {
    Deliver(smtp, line, 4);
  }
  EXPECT_EQ(smtp.messages(), 1u);
  EXPECT_EQ(smtp.rejected(), 0u);
}

}  // namespace
}  // namespace mailtap::classify

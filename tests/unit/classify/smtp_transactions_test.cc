#include "lib/classify/smtp_transactions.h"

#include <gtest/gtest.h>

#include <algorithm>
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

constexpr std::size_t kWhole = 1 << 20;
constexpr std::size_t kDot = 3;  // bytes of the line that ends a text

// Delivers what the two say in pieces of `step`, as the worker does: message text is not
// delivered, what follows a DATA waits, and each call goes on where the last one stopped.
class Dialogue {
 public:
  explicit Dialogue(std::size_t step, bool from_start = true) : smtp(from_start), step_(step) {}

  void Say(const Line& line) {
    if (line.side == 'S') return Server(line.text);
    waiting_ += line.text;
    Client();
  }

  SmtpTransactions smtp;

 private:
  void Server(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const bool skipping = smtp.skipping();
      at += smtp.OnServer(Bytes(text) + at, std::min(step_, text.size() - at));
      if (skipping && !smtp.skipping()) smtp.MeasureText(text_ - kDot);
      if (!skipping) text_ = 0;
      Client();
    }
  }
  void Client() {
    while (!waiting_.empty() && !smtp.stopped() && !smtp.tls()) {
      std::size_t taken = waiting_.size();
      if (smtp.skipping()) {
        text_ += taken;
      } else {
        taken = smtp.OnClient(Bytes(waiting_), std::min(step_, taken));
      }
      waiting_.erase(0, taken);
    }
  }

  const std::size_t step_;
  std::string waiting_;  // of the client
  std::size_t text_ = 0;
};

// "messages/refused for now/refused for good, recipients, bytes of text" and what is special.
std::string Describe(const SmtpTransactions& smtp) {
  std::string words = absl::StrCat(smtp.messages(), "/", smtp.rejected_transient(), "/",
                                   smtp.rejected() - smtp.rejected_transient());
  if (smtp.messages() != 0) {
    absl::StrAppend(&words, " to ", smtp.recipients(), ", ", smtp.text_bytes());
  }
  if (!smtp.known()) return words + " unknown";
  if (!smtp.text_bytes_known()) words += " or so";
  return words + (smtp.tls() ? " tls" : "");
}

std::string Count(const std::vector<Line>& lines, std::size_t step = kWhole) {
  Dialogue dialogue(step);
  dialogue.Say({'S', "220 mx ESMTP\r\n"});
  dialogue.Say({'C', "EHLO me\r\n"});
  dialogue.Say({'S', "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"});
  for (const Line& line : lines) dialogue.Say(line);
  dialogue.smtp.Finish();
  return Describe(dialogue.smtp);
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
      {"nothing", {kQuit, kBye}, "0/0/0"},
      {"one", {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk, kQuit, kBye}, "1/0/0 to 1, 47"},
      {"two",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk, kMail, kOk, kRcpt, kOk, kData, kGo,
        kText, kOk, kQuit, kBye},
       "2/0/0 to 2, 94"},
      {"small letters",
       {{'C', "mail from:<a@b>\r\n"},
        kOk,
        {'C', "rcpt to:<c@d>\r\n"},
        kOk,
        {'C', "data\r\n"},
        kGo,
        kText,
        kOk},
       "1/0/0 to 1, 47"},
      {"pipelined",
       {group, {'S', "250 ok\r\n250 ok\r\n354 go\r\n"}, kText, kOk},
       "1/0/0 to 1, 47"},
      {"multi-line replies",
       {kMail,
        {'S', "250-ok\r\n250-really\r\n250 yes\r\n"},
        kRcpt,
        kOk,
        kData,
        kGo,
        kText,
        {'S', "250-queued\r\n250 as 1\r\n"}},
       "1/0/0 to 1, 47"},
      {"message refused",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kNo, kQuit, kBye},
       "0/0/1"},
      {"message put off", {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kLater}, "0/1/0"},
      {"refused, then accepted",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kNo, kMail, kOk, kRcpt, kOk, kData, kGo,
        kText, kOk},
       "1/0/1 to 1, 47"},
      {"sender refused", {kMail, kNo, kQuit, kBye}, "0/0/1"},
      {"sender refused, pipelined", {group, kNo, kOrder, kOrder, kQuit, kBye}, "0/0/1"},
      {"all recipients refused, reset",
       {kMail, kOk, kRcpt, kNo, kRcpt, kNo, kReset, kOk},
       "0/0/1"},
      {"all recipients refused, quit", {kMail, kOk, kRcpt, kNo, kQuit, kBye}, "0/0/1"},
      {"all recipients refused, next",
       {kMail, kOk, kRcpt, kNo, kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/0/1 to 1, 47"},
      {"all refused, DATA too",
       {kMail, kOk, kRcpt, kNo, kData, {'S', "554 none\r\n"}, kQuit},
       "0/0/1"},
      {"all refused, DATA out of order",
       {kMail, kOk, kRcpt, kNo, kData, kOrder, kQuit},
       "0/0/1"},
      {"one of two recipients refused",
       {kMail, kOk, kRcpt, kNo, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/0/0 to 1, 47"},
      {"reset before DATA", {kMail, kOk, kRcpt, kOk, kReset, kOk, kQuit, kBye}, "0/0/0"},
      {"DATA refused", {kMail, kOk, kRcpt, kOk, kData, kLater, kQuit, kBye}, "0/1/0"},
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
       "1/0/0 to 1, 14"},
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
       "1/0/0 to 1, 8"},
      {"chunk with more blanks, small letters",
       {kMail, kOk, kRcpt, kOk, {'C', "bdat  6   last\r\nRSET\r\n"}, kOk, kQuit, kBye},
       "1/0/0 to 1, 6"},
      {"chunk refused",
       {kMail, kOk, kRcpt, kOk, {'C', "BDAT 4\r\nabcdBDAT 4 LAST\r\nefgh"}, kNo, kOrder},
       "0/0/1"},
      {"last chunk refused",
       {kMail, kOk, kRcpt, kOk, {'C', "BDAT 4 LAST\r\nabcd"}, kNo},
       "0/0/1"},
      {"chunk that is none", {{'C', "BDAT x\r\n"}, {'S', "501 no\r\n"}, kMail, kOk}, "0/0/0"},
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
       "1/0/0 to 1, 47"},
      {"login given up",
       {{'C', "AUTH PLAIN\r\n"},
        {'S', "334 \r\n"},
        {'C', "*\r\n"},
        {'S', "501 ok\r\n"},
        kMail,
        kNo},
       "0/0/1"},
      {"login refused",
       {{'C', "AUTH PLAIN AGEAYg==\r\n"}, {'S', "535 no\r\n"}, kQuit, kBye},
       "0/0/0"},
      {"starttls",
       {{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}, {'C', "\x16\x03\x01 whatever"}},
       "0/0/0 tls"},
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
       "1/0/0 to 1, 47"},
      {"no starttls", {{'C', "\x16\x03\x01"}}, "0/0/0"},
      {"unknown commands refused",
       {{'C', "XYZ\r\nVRFY joe\r\n"}, {'S', "500 no\r\n252 maybe\r\n"}, kMail, kNo},
       "0/0/1"},
      {"refusal out of the blue", {{'S', "421 going down\r\n"}}, "0/0/0"},
      {"refusal of nothing that was said", {{'S', "550 no\r\n"}}, "0/0/0"},
      {"closing while a command is outstanding", {kMail, {'S', "421 bye\r\n"}}, "0/1/0"},
      {"closing within the text",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, {'S', "421 timeout\r\n"}},
       "0/1/0"},
      {"QUIT taken for text",
       {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kQuit, kOk, kBye},
       "1/0/0 to 1, 53 or so"},
      {"three recipients of four",
       {kMail, kOk, kRcpt, kOk, kRcpt, kLater, kRcpt, kOk, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/0/0 to 3, 47"},
      {"recipients refused for good and for now",
       {kMail, kOk, kRcpt, kNo, kRcpt, kLater, kRcpt, kNo, kData, {'S', "554 none\r\n"}},
       "0/1/0"},
      {"recipients of a refused message",
       {kMail, kOk, kRcpt, kOk, kRcpt, kOk, kData, kGo, kText, kNo},
       "0/0/1"},
      {"sender refused, the rest refused otherwise",
       {group, {'S', "530 log in\r\n554 no sender\r\n554 no recipients\r\n"}, kQuit, kBye},
       "0/0/1"},
      {"refused chunks behind a refused one",
       {kMail,
        kOk,
        kRcpt,
        kOk,
        {'C', "BDAT 4\r\nabcdBDAT 4\r\nefghBDAT 0 LAST\r\n"},
        {'S', "451 a\r\n554 b\r\n554 c\r\n"},
        kReset,
        kOk,
        kMail,
        kNo},
       "0/1/1"},
      {"two chunked messages at once",
       {{'C',
         "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 4 LAST\r\nabcdMAIL FROM:<a>\r\n"
         "RCPT TO:<b>\r\nRCPT TO:<c>\r\nBDAT 2\r\nefBDAT 3 LAST\r\nghi"},
        kOk,
        kOk,
        kOk,
        kOk,
        kOk,
        kNo,
        kOk,
        kOk},
       "2/0/0 to 2, 9"},
      {"chunk with a tail, and the next command at once",
       {kMail,
        kOk,
        kRcpt,
        kOk,
        {'C', "BDAT 5 X\r\nBDAT 3 LAST\r\nabc"},
        {'S', "501 syntax\r\n250 ok\r\n"}},
       "1/0/0 to 1, 3"},
      {"chunk with a tail ends it",
       {kMail, kOk, kRcpt, kOk, {'C', "BDAT 5 X\r\n"}, {'S', "521 syntax\r\n"}},
       "0/0/1"},
      {"chunk too large for a number",
       {{'C', "BDAT 99999999999999999999 LAST\r\n"}, {'S', "501 no\r\n"}, kMail, kNo},
       "0/0/1"},
      {"EHLO between", {kMail, kOk, kRcpt, kNo, {'C', "EHLO again\r\n"}, kOk}, "0/0/1"},
      {"EHLO refused between",
       {kMail,
        kOk,
        {'C', "EHLO\r\n"},
        {'S', "501 name\r\n"},
        kRcpt,
        kOk,
        kData,
        kGo,
        kText,
        kOk},
       "1/0/0 to 1, 47"},
      {"MAIL within a transaction",
       {kMail, kOk, kMail, kOrder, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/0/0 to 1, 47"},
      {"text behind DATA at once",
       {group, kText, {'S', "250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n"}},
       "1/0/0 to 1, 47"},
      {"commands behind a DATA that is refused",
       {{'C', "DATA\r\nMAIL FROM:<a@b>\r\n"}, kOrder, kNo},
       "0/0/1"},
      {"no recipients, and DATA refused for that",
       {kMail, kOk, kData, kOrder, kRcpt, kOk, kData, kGo, kText, kOk},
       "1/0/0 to 1, 47"},
      {"cut off within the text", {kMail, kOk, kRcpt, kOk, kData, kGo, {'C', "Sub"}}, "0/0/0"},
      {"line ends without carriage return",
       {{'C', "MAIL FROM:<a>\nRCPT TO:<b>\nDATA\n"},
        {'S', "250 a\n250 b\n354 c\n"},
        kText,
        kOk},
       "1/0/0 to 1, 47"},
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
  for (int i = 0; i < 25; ++i) lines.push_back(i % 2 == 0 ? kReset : Line{'C', "NOOP\r\n"});
  for (int i = 0; i < 25; ++i) lines.push_back(kOk);
  lines.insert(lines.end(), {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk});
  EXPECT_EQ(Count(lines), "1/0/0 to 1, 47 unknown");
}

TEST(SmtpTransactions, AThousandRecipientsAtOnce) {
  std::vector<Line> lines = {kMail};
  for (int i = 0; i < 1'000; ++i) lines.push_back(kRcpt);
  lines.push_back(kData);
  lines.push_back(kOk);
  for (int i = 0; i < 1'000; ++i) lines.push_back(i % 4 == 0 ? kNo : kOk);
  lines.insert(lines.end(), {kGo, kText, kOk, kQuit, kBye});
  EXPECT_EQ(Count(lines), "1/0/0 to 750, 47");
}

// Where the final dot is found in the client's text, commands behind it are read at once.
TEST(SmtpTransactions, CommandsBehindTheFinalDot) {
  Dialogue dialogue(kWhole);
  for (const Line& line :
       {Line{'S', "220 mx\r\n"}, kMail, kRcpt, kData, kOk, kOk, kGo, Line{'C', "text"}}) {
    dialogue.Say(line);
  }
  ASSERT_TRUE(dialogue.smtp.skipping());
  dialogue.smtp.EndText(77);
  EXPECT_FALSE(dialogue.smtp.skipping());
  for (const Line& line : {kMail, kRcpt, kRcpt, kQuit, kOk, kNo, kOk, kOk, kBye}) {
    dialogue.Say(line);
  }
  EXPECT_EQ(Describe(dialogue.smtp), "1/0/1 to 1, 77");
}

TEST(SmtpTransactions, MetUnderWay) {
  Dialogue dialogue(4, /*from_start=*/false);
  for (const Line& line : {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk}) dialogue.Say(line);
  EXPECT_EQ(Describe(dialogue.smtp), "1/0/0 to 1, 47");
}

}  // namespace
}  // namespace mailtap::classify

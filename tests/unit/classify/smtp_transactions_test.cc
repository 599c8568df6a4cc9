#include "lib/classify/smtp_transactions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/classify/smtp_dialogues.h"

namespace mailtap::classify {
namespace {

using namespace std::string_literals;

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

// As SmtpCase::expected.
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

TEST(SmtpTransactions, Counts) {
  for (const SmtpCase& c : SmtpCases()) EXPECT_EQ(Count(c.lines), c.expected) << c.name;
}

TEST(SmtpTransactions, CountTheSameHoweverTheTextIsCut) {
  for (const SmtpCase& c : SmtpCases()) {
    for (const std::size_t step : {1, 2, 3, 5, 11}) {
      EXPECT_EQ(Count(c.lines, step), c.expected) << c.name << " in pieces of " << step;
    }
  }
}

// Rules wait for it.
TEST(SmtpTransactions, ARefusalCountsWhenTheServerSaysGoodbye) {
  Dialogue dialogue(kWhole);
  dialogue.Say({'S', "220 mx ESMTP\r\n"});
  for (const Line& line :
       {kMail, kOk, kRcpt, Line{'S', "550 5.1.1 unknown\r\n"}, Line{'C', "QUIT\r\n"}}) {
    dialogue.Say(line);
  }
  EXPECT_EQ(dialogue.smtp.rejected(), 0u);
  dialogue.Say({'S', "221 bye\r\n"});
  EXPECT_EQ(dialogue.smtp.rejected(), 1u);
  dialogue.smtp.Finish();
  EXPECT_EQ(dialogue.smtp.rejected(), 1u);
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

// A server may refuse what nobody has asked, before it closes; whatever comes behind that shows
// that the question was not seen.
TEST(SmtpTransactions, AReplyToNothing) {
  for (const std::string& said : {"250 ok\r\n"s, "451 later\r\n550 no\r\n"s}) {
    Dialogue dialogue(kWhole);
    for (const Line& line : {Line{'S', "220 mx\r\n"}, Line{'S', said}}) dialogue.Say(line);
    EXPECT_FALSE(dialogue.smtp.known()) << said;
  }
  Dialogue dialogue(kWhole);
  for (const Line& line : {Line{'S', "220 mx\r\n"}, Line{'S', "451 timeout\r\n"}}) {
    dialogue.Say(line);
  }
  EXPECT_TRUE(dialogue.smtp.known());
  dialogue.Say({'C', "NOOP\r\n"});
  EXPECT_FALSE(dialogue.smtp.known());
}

// The client's text ended unseen, with more behind it that was taken for text: an empty line,
// or a transaction.
TEST(SmtpTransactions, ARefusalBehindTextWhoseEndWasOverlooked) {
  for (const auto& [code, counted] : {std::pair{"500"s, "1/0/0 to 1, 47 or so"},
                                      std::pair{"550"s, "1/0/0 to 1, 47 unknown"}}) {
    Dialogue dialogue(kWhole);
    for (const Line& line : {Line{'S', "220 mx\r\n"}, kMail, kOk, kRcpt, kOk, kData, kGo, kText,
                             kOk, Line{'S', code + " no\r\n"}}) {
      dialogue.Say(line);
    }
    EXPECT_EQ(Describe(dialogue.smtp), counted);
  }
}

// A client that knows its server (Exim's PIPECONNECT) waits only behind DATA.
TEST(SmtpTransactions, CommandsBeforeTheGreeting) {
  const Line commands = {'C', "EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"};
  const Line replies = {'S', "220-mx\r\n220 go\r\n250-mx\r\n250 HELP\r\n250 ok\r\n250 ok\r\n"};
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, kWhole}) {
    Dialogue waits(step);
    waits.Say(commands);
    EXPECT_TRUE(waits.smtp.stopped());
    for (const Line& line : {replies, kGo, kText, kOk, kQuit, kBye}) waits.Say(line);
    EXPECT_EQ(Describe(waits.smtp), "1/0/0 to 1, 47");
    Dialogue refused(step);
    for (const Line& line : {commands, replies, kNo, kReset, kOk, kQuit}) refused.Say(line);
    refused.smtp.Finish();
    EXPECT_EQ(Describe(refused.smtp), "0/0/1");
  }
}

TEST(SmtpTransactions, TlsOutOfNowhereHidesWhatFollows) {
  for (const std::size_t step : {std::size_t{1}, kWhole}) {
    Dialogue dialogue(step);
    for (const Line& line : {Line{'S', "220 mx\r\n"}, Line{'S', "\x16\x03\x03 hello"}}) {
      EXPECT_TRUE(dialogue.smtp.known());
      dialogue.Say(line);
    }
    EXPECT_FALSE(dialogue.smtp.known());
  }
}

TEST(SmtpTransactions, MetUnderWay) {
  Dialogue dialogue(4, /*from_start=*/false);
  for (const Line& line : {kMail, kOk, kRcpt, kOk, kData, kGo, kText, kOk}) dialogue.Say(line);
  EXPECT_EQ(Describe(dialogue.smtp), "1/0/0 to 1, 47");
}

}  // namespace
}  // namespace mailtap::classify

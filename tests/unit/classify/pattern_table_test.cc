#include "lib/classify/pattern_table.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/classify/first_word.h"
#include "lib/classify/preface.h"

namespace mailtap::classify {
namespace {

// One pattern compiled alone, as the recogniser compiles them all.
class Compiled {
 public:
  explicit Compiled(const Pattern& pattern) {
    hs_compile_error_t* error = nullptr;
    const unsigned flags = HS_FLAG_CASELESS | HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH;
    EXPECT_EQ(hs_compile(pattern.expression, flags, HS_MODE_BLOCK, nullptr, &database_, &error),
              HS_SUCCESS)
        << pattern.expression;
    hs_free_compile_error(error);
    EXPECT_EQ(hs_alloc_scratch(database_, &scratch_), HS_SUCCESS);
  }
  ~Compiled() {
    hs_free_scratch(scratch_);
    hs_free_database(database_);
  }
  bool Matches(const std::string& text) const {
    bool matched = false;
    const std::string padded = text + std::string(64, '\0');
    hs_scan(
        database_, padded.data(), static_cast<unsigned>(text.size()), 0, scratch_,
        [](unsigned, unsigned long long, unsigned long long, unsigned, void* context) {
          *static_cast<bool*>(context) = true;
          return 0;
        },
        &matched);
    return matched;
  }

 private:
  hs_database_t* database_ = nullptr;
  hs_scratch_t* scratch_ = nullptr;
};

// The strongest claim that `protocol`'s patterns of `side` make on `text`.
Strength Claim(Protocol protocol, Side side, const std::string& text) {
  static std::vector<std::unique_ptr<Compiled>> compiled;
  if (compiled.empty()) {
    for (const Pattern& pattern : Patterns()) {
      compiled.push_back(std::make_unique<Compiled>(pattern));
    }
  }
  Strength strongest = Strength::kNone;
  for (std::size_t i = 0; i < Patterns().size(); ++i) {
    const Pattern& pattern = Patterns()[i];
    if (pattern.protocol != protocol || pattern.side != side) continue;
    if (compiled[i]->Matches(text)) strongest = std::max(strongest, pattern.strength);
  }
  return strongest;
}

TEST(PatternTable, IsAnchoredAndAnnotated) {
  for (const Pattern& pattern : Patterns()) {
    EXPECT_EQ(pattern.expression[0], '^') << pattern.expression;
    EXPECT_NE(std::string(pattern.source), "") << pattern.expression;
    EXPECT_NE(pattern.strength, Strength::kNone) << pattern.expression;
    const Compiled compiled(pattern);
    EXPECT_FALSE(compiled.Matches("\x16\x03\x01 nothing of the kind\r\n"))
        << pattern.expression;
  }
}

TEST(PatternTable, MailIsClaimedByItsProtocol) {
  using enum Protocol;
  const struct {
    Protocol protocol;
    Side side;
    Strength strength;
    const char* text;
  } kSamples[] = {
      {kSmtp, Side::kServer, Strength::kProof, "220 mx.example.com ESMTP Postfix\r\n"},
      {kSmtp, Side::kServer, Strength::kProof, "220-x\r\n220-y\r\n220 Exim 4.96\r\n"},
      {kSmtp, Side::kServer, Strength::kProof, "220 x Sendmail ready\r\n"},
      {kSmtp, Side::kServer, Strength::kProof, "250-x\r\n250-SIZE 1\r\n250 HELP\r\n"},
      {kSmtp, Side::kServer, Strength::kProof, "250 2.1.0 Ok\r\n"},
      {kSmtp, Side::kServer, Strength::kProof, "554 5.7.1 no\r\n"},
      {kSmtp, Side::kServer, Strength::kHint, "220 x\r\n"},
      {kSmtp, Side::kServer, Strength::kPair, "554 no\r\n"},
      {kSmtp, Side::kServer, Strength::kHint, "250-x\r\n"},
      {kSmtp, Side::kServer, Strength::kHint, "354 go\r\n"},
      {kSmtp, Side::kClient, Strength::kOpener, "EHLO x\r\n"},
      {kSmtp, Side::kClient, Strength::kOpener, "helo x\r\n"},
      {kSmtp, Side::kClient, Strength::kProof, "MAIL FROM:<>\r\n"},
      {kSmtp, Side::kClient, Strength::kProof, "mail from :<>\r\n"},
      {kSmtp, Side::kClient, Strength::kProof, "RCPT TO:<a@b>\r\n"},
      {kSmtp, Side::kClient, Strength::kProof, "BDAT 100 LAST\r\n"},
      {kSmtp, Side::kClient, Strength::kHint, "QUIT\r\n"},
      {kSmtp, Side::kClient, Strength::kHint, "STARTTLS\r\n"},
      {kImap, Side::kServer, Strength::kOpener, "* OK ready\r\n"},
      {kImap, Side::kServer, Strength::kOpener, "* PREAUTH x\r\n"},
      {kImap, Side::kServer, Strength::kOpener, "* BYE\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* 12 EXISTS\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* CAPABILITY IMAP4rev1\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* STATUS \"a b\" (MESSAGES 3)\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* SEARCH\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* SEARCH 3 5\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* 3 FETCH (FLAGS ())\r\n"},
      {kImap, Side::kServer, Strength::kProof, "* NO [ALERT] full\r\n"},
      {kImap, Side::kServer, Strength::kHint, "* No longer needs root\r\n"},
      {kImap, Side::kServer, Strength::kHint, "* Status page added\r\n"},
      {kImap, Side::kServer, Strength::kHint, "* List of changes\r\n"},
      {kImap, Side::kServer, Strength::kHint, "* 3 recent mails\r\n"},
      {kImap, Side::kServer, Strength::kHint, "a1 OK done\r\n"},
      {kImap, Side::kServer, Strength::kHint, "+ idling\r\n"},
      {kImap, Side::kClient, Strength::kProof, "a1 CAPABILITY\r\n"},
      {kImap, Side::kClient, Strength::kProof, "0001 uid FETCH 1 BODY[]\r\n"},
      {kImap, Side::kClient, Strength::kProof, "A.7 STARTTLS\r\n"},
      {kImap, Side::kClient, Strength::kProof, "7 close\r\n"},
      {kImap, Side::kClient, Strength::kProof, "7 NOOP \r\n"},
      {kImap, Side::kClient, Strength::kNone, "please close the door\r\n"},
      {kImap, Side::kClient, Strength::kNone, "Connection: close\r\n"},
      {kImap, Side::kClient, Strength::kHint, "DONE\r\n"},
      {kPop3, Side::kServer, Strength::kProof, "+OK POP3 ready\r\n"},
      {kPop3, Side::kServer, Strength::kProof, "+OK hi <1.2@x.example>\r\n"},
      {kPop3, Side::kServer, Strength::kHint, "+OK\r\n"},
      {kPop3, Side::kServer, Strength::kHint, "-ERR no\r\n"},
      {kPop3, Side::kClient, Strength::kProof, "CAPA\r\n"},
      {kPop3, Side::kClient, Strength::kProof, "STLS\r\n"},
      {kPop3, Side::kClient, Strength::kProof, "TOP 1 0\r\n"},
      {kPop3, Side::kClient, Strength::kProof, "UIDL\r\n"},
      {kPop3, Side::kClient, Strength::kPair, "USER joe\r\n"},
      {kPop3, Side::kClient, Strength::kHint, "UTF8\r\n"},
      {kPop3, Side::kClient, Strength::kHint, "LANG de\r\n"},
      {kPop3, Side::kClient, Strength::kHint, "LANG\r\n"},
      {kPop3, Side::kClient, Strength::kHint, "HELP\r\n"},
      {kPop3, Side::kClient, Strength::kProof, "RETR 1\r\n"},
  };
  for (const auto& sample : kSamples) {
    EXPECT_EQ(static_cast<int>(Claim(sample.protocol, sample.side, sample.text)),
              static_cast<int>(sample.strength))
        << sample.text;
  }
}

// What opens like mail is proof of no mail protocol, and of its own where it gives itself away.
TEST(PatternTable, LookalikesProveNoMail) {
  using enum Protocol;
  const struct {
    Protocol truth;
    Side side;
    bool proves_itself;
    const char* text;
  } kSamples[] = {
      {kFtp, Side::kServer, true, "220 Microsoft FTP Service\r\n"},
      {kFtp, Side::kServer, true, "220 (vsFTPd 3.0.3)\r\n"},
      {kFtp, Side::kServer, true, "331 Please specify the password.\r\n"},
      {kFtp, Side::kServer, true, "500 OOPS: vsftpd: no such user\r\n"},
      {kFtp, Side::kClient, false, "USER anonymous\r\n"},
      {kFtp, Side::kClient, true, "SYST\r\n"},
      {kFtp, Side::kClient, true, "AUTH TLS\r\n"},
      {kFtp, Side::kClient, true, "ADAT YII=\r\n"},
      {kFtp, Side::kClient, false, "AUTH GSSAPI\r\n"},
      {kRedis, Side::kServer, false, "+OK\r\n"},
      {kRedis, Side::kServer, true, "+PONG\r\n"},
      {kRedis, Side::kServer, false, "-ERR invalid password\r\n"},
      {kRedis, Side::kServer, true, "-NOAUTH Authentication required.\r\n"},
      {kRedis, Side::kClient, true, "*1\r\n$4\r\nPING\r\n"},
      {kRedis, Side::kClient, false, "QUIT\r\n"},
      {kRedis, Side::kClient, false, "AUTH secret\r\n"},
      {kRedis, Side::kClient, true, "SET a b\r\n"},
      {kRedis, Side::kClient, true, "HGET a b\r\n"},
      {kRedis, Side::kClient, true, "PING\r\n"},
      {kRedis, Side::kClient, true, "config get *\r\n"},
      {kSnpp, Side::kServer, true, "220 SNPP Gateway Ready\r\n"},
      {kSnpp, Side::kClient, true, "PAGE 5551212\r\n"},
      {kSnpp, Side::kClient, true, "SEND\r\n"},
      {kTor, Side::kClient, true, "PROTOCOLINFO 1\r\n"},
      {kPop3, Side::kClient, false, "AUTH LOGIN\r\n"},
      {kNntp, Side::kServer, true, "200 news.example.com ready\r\n"},
      {kNntp, Side::kServer, true, "201 no posting\r\n"},
      {kNntp, Side::kClient, true, "MODE READER\r\n"},
      {kIrc, Side::kClient, true, "USER joe 0 * :Joe\r\n"},
      {kIrc, Side::kClient, true, "NICK joe\r\n"},
      {kIrc, Side::kServer, true, ":irc.example.com NOTICE * :hi\r\n"},
      {kManageSieve, Side::kServer, true, "\"IMPLEMENTATION\" \"x\"\r\n"},
      {kLmtp, Side::kClient, true, "LHLO x\r\n"},
      {kHttp, Side::kClient, true, "GET /fetch HTTP/1.1\r\n"},
      {kHttp, Side::kServer, true, "HTTP/1.1 220 OK\r\n"},
      {kSsh, Side::kServer, true, "SSH-2.0-OpenSSH_9.2\r\n"},
      {kSsh, Side::kClient, true, "SSH-2.0-PuTTY\r\n"},
  };
  for (const auto& sample : kSamples) {
    for (const Protocol mail : {kSmtp, kImap, kPop3}) {
      EXPECT_NE(static_cast<int>(Claim(mail, sample.side, sample.text)),
                static_cast<int>(Strength::kProof))
          << sample.text;
    }
    EXPECT_EQ(Claim(sample.truth, sample.side, sample.text) == Strength::kProof,
              sample.proves_itself)
        << sample.text;
  }
}

// Preface reads binary openings by their lengths, which no pattern can. Whatever it takes up,
// however the words are bent, the table has to name, and the cheap tests have to let through;
// and each of the table's openings is one that Preface knows.
TEST(PatternTable, PrefaceReadsWhatTheTableNames) {
  using namespace std::string_literals;
  const std::string openings[] = {
      "CONNECT mx.example.com:25 HTTP/1.1\r\n\r\n",
      "CONNECT [2001:db8::25]:25 HTTP/1.1\r\n\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.25 40000 25\r\n",
      "PROXY UNKNOWN\r\n",
      "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s,
      "\4\1\0\x19\xc0\0\2\1me\0"s,
      "\4\1\0\x19\0\0\0\1me\0mx.example\0"s,
      "\5\1\0"s,
      "\5\3\0\1\2"s,
  };
  const FirstWordFilter first_words;
  std::mt19937 random(1);
  int known = 0;
  const auto check = [&](const std::string& text) {
    if (Preface::Detect(text) == Preface::Kind::kNone) return;
    ++known;
    EXPECT_EQ(Claim(Protocol::kProxy, Side::kClient, text), Strength::kHint) << text;
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
    const auto size = static_cast<uint32_t>(text.size());
    const bool looked_at = size < FirstWordFilter::kWordBytes
                               ? first_words.MayMatch(bytes, size)
                               : first_words.Matches(bytes, size);
    EXPECT_TRUE(looked_at || MayBeSocks(bytes, size)) << text;
  };
  for (const std::string& opening : openings) {
    EXPECT_NE(Preface::Detect(opening), Preface::Kind::kNone) << opening;
    for (int i = 0; i < 2'000; ++i) {
      std::string bent = opening.substr(0, 1 + random() % opening.size());
      for (uint32_t flips = random() % 3; flips > 0; --flips) {
        bent[random() % bent.size()] = static_cast<char>(random());
      }
      check(bent);
    }
  }
  EXPECT_GT(known, 1'000);
  for (const Pattern& pattern : Patterns()) {
    if (pattern.protocol != Protocol::kProxy) continue;
    const Compiled row(pattern);
    EXPECT_TRUE(std::any_of(std::begin(openings), std::end(openings),
                            [&](const std::string& opening) { return row.Matches(opening); }))
        << pattern.expression;
  }
}

}  // namespace
}  // namespace mailtap::classify

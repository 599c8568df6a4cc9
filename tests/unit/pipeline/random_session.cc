#include "tests/unit/pipeline/random_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mailtap::pipeline {

uint32_t Pick(Random& random, uint32_t low, uint32_t high) {
  return std::uniform_int_distribution<uint32_t>(low, high)(random);
}

std::string Words(const Counts& c, Service service) {
  switch (service) {
    case Service::kSmtp:
      return absl::StrCat(c.messages, " to ", c.recipients, ", ", c.text[kUp],
                          " bytes, refused ", c.rejected[0], "+", c.rejected[1]);
    case Service::kImap:
      return absl::StrCat("appended ", c.text[kUp], ", fetched ", c.text[kDown]);
    case Service::kPop3:
      return absl::StrCat("retrieved ", c.retrievals, ", ", c.text[kDown], " bytes");
  }
  return "";
}

std::string Words(const meter::SessionRecord& s) {
  const bool smtp = s.key.service == Service::kSmtp, pop3 = s.key.service == Service::kPop3;
  constexpr auto kUnknown = meter::SessionRecord::kUnknownCount;
  constexpr auto kUnknownBytes = meter::SessionRecord::kUnknownBytes;
  if (smtp && s.messages == kUnknown) return "null";
  if (pop3 && s.retrievals == kUnknown) return "null";
  const bool told = s.text_bytes[smtp ? kUp : kDown] != kUnknownBytes;
  if ((smtp || pop3) && !told) return "bytes null";
  if (!told) return "null";
  return Words({.messages = s.messages,
                .rejected = {s.rejected_transient, s.rejected - s.rejected_transient},
                .recipients = s.recipients,
                .retrievals = s.retrievals,
                .text = {s.text_bytes[kUp], s.text_bytes[kDown]}},
               s.key.service);
}

namespace {

bool Chance(Random& random, uint32_t percent) { return Pick(random, 1, 100) <= percent; }

std::string Text(Random& random) {
  static constexpr const char* kLines[] = {"MAIL FROM:<x@y>\r\n",
                                           "DATA\r\n",
                                           "BDAT 3 LAST\r\n",
                                           "+OK\r\n",
                                           "a1 APPEND x {5}\r\n",
                                           "..\r\n",
                                           "\r\n",
                                           "250 ok\r\n",
                                           "no dot.\r\n"};
  std::string text;
  const uint32_t size = Chance(random, 30) ? Pick(random, 1, 9'000) : Pick(random, 1, 300);
  while (text.size() < size) {
    text += kLines[Pick(random, 0, std::size(kLines) - 1)];
    if (Chance(random, 10)) text += std::string(Pick(random, 1, 500), 'm') + "\r\n";
  }
  return text;
}

// Whether the replies to what was said come at once or piece by piece: one side's lines between
// the other's are one segment's worth.
class Talk {
 public:
  void Client(const std::string& text) { Say(kUp, text); }
  void Server(const std::string& text) { Say(kDown, text); }
  const Script& script() const { return script_; }

 private:
  void Say(Direction from, const std::string& text) {
    if (!script_.empty() && script_.back().from == from) {
      script_.back().text += text;
    } else {
      script_.push_back({from, text});
    }
  }
  Script script_;
};

// Commands and replies that go out together; `Flush` is where the client waits.
class SmtpTalk {
 public:
  explicit SmtpTalk(Random& random) : random_(random), eager_(Chance(random, 30)) {}

  Session Write() {
    const bool waits = Chance(random_, 80);  // for the greeting, and for the answer to EHLO
    if (waits) talk_.Server(kGreeting);
    said_ = "EHLO me\r\n";
    replies_ = std::string(waits ? "" : kGreeting) +
               "250-mx.example.com\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
    if (waits) Flush();
    for (uint32_t i = Pick(random_, 1, 5); i-- > 0;) {
      Transact();
      if (Chance(random_, 30)) Say("RSET\r\n", "250 reset\r\n");
      if (Chance(random_, 20)) Say("NOOP\r\n", "250 ok\r\n");
    }
    Say("QUIT\r\n", "221 bye\r\n");
    Flush();
    return {Service::kSmtp, talk_.script(), counts_, eager_};
  }

 private:
  static constexpr char kGreeting[] = "220 mx.example.com ESMTP\r\n";

  void Transact() {
    if (Chance(random_, 10)) {
      const int refusal = Pick(random_, 0, 1);
      Say("MAIL FROM:<a@b>\r\n", refusal == 0 ? "451 later\r\n" : "550 no\r\n");
      ++counts_.rejected[refusal];
      return;
    }
    Say("MAIL FROM:<a@b>\r\n", "250 ok\r\n");
    uint32_t accepted = 0, later = 0;
    for (uint32_t i = Pick(random_, 1, 4); i-- > 0;) {
      const uint32_t outcome = Pick(random_, 0, 3);
      Say("RCPT TO:<c@d>\r\n", outcome == 0   ? "450 later\r\n"
                               : outcome == 1 ? "550 no\r\n"
                                              : "250-ok\r\n250 really\r\n");
      accepted += outcome > 1;
      later += outcome == 0;
    }
    if (accepted == 0) {
      Say("DATA\r\n", "554 no valid recipients\r\n");
      Flush();
      Say("RSET\r\n", "250 ok\r\n");
      ++counts_.rejected[later == 0];
    } else if (Chance(random_, 30)) {
      Chunks(accepted);
    } else {
      Data(accepted);
    }
  }

  void Data(uint32_t accepted) {
    const std::string text = Text(random_);
    Say("DATA\r\n", "354 go\r\n");
    if (!eager_) Flush();
    End(text + ".\r\n", text.size(), accepted);
  }

  void Chunks(uint32_t accepted) {
    const std::string text = Text(random_);
    const std::size_t first = Pick(random_, 0, static_cast<uint32_t>(text.size()));
    if (Chance(random_, 50)) {
      Say(absl::StrCat("BDAT ", first, "\r\n", text.substr(0, first)), "250 chunk\r\n");
      End(absl::StrCat("BDAT ", text.size() - first, " LAST\r\n", text.substr(first)),
          text.size(), accepted);
    } else {
      End(absl::StrCat("BDAT ", text.size(), " LAST\r\n", text), text.size(), accepted);
    }
  }

  void End(const std::string& said, std::size_t bytes, uint32_t accepted) {
    const uint32_t outcome = Pick(random_, 0, 5);
    Say(said, outcome == 0 ? "451 later\r\n" : outcome == 1 ? "552 no\r\n" : "250 queued\r\n");
    if (outcome < 2) {
      ++counts_.rejected[outcome];
      return;
    }
    ++counts_.messages;
    counts_.recipients += accepted;
    counts_.text[kUp] += bytes;
  }

  void Say(const std::string& command, const std::string& reply) {
    said_ += command;
    replies_ += reply;
    if (!eager_ && Chance(random_, 50)) Flush();
    if (eager_ && Chance(random_, 10)) Flush();
  }
  void Flush() {
    if (said_.empty()) return;
    talk_.Client(said_);
    talk_.Server(replies_);
    said_.clear();
    replies_.clear();
  }

  Random& random_;
  const bool eager_;  // see Session
  Talk talk_;
  std::string said_, replies_;
  Counts counts_;
};

Session ImapTalk(Random& random) {
  Talk talk;
  Counts counts;
  talk.Server("* OK [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n");
  talk.Client("a1 LOGIN me {6}\r\n");
  talk.Server("+ go\r\n");
  talk.Client("secret\r\n");
  talk.Server("a1 OK\r\n");
  for (uint32_t i = Pick(random, 1, 6); i-- > 0;) {
    const std::string text = Text(random), size = absl::StrCat(text.size());
    switch (Pick(random, 0, 3)) {
      case 0:
        talk.Client("a2 APPEND Sent (\\Seen) {" + size + "}\r\n");
        talk.Server("+ go\r\n");
        talk.Client(text + "\r\n");
        talk.Server("a2 OK done\r\n");
        counts.text[kUp] += text.size();
        break;
      case 1:
        talk.Client("a3 APPEND {4+}\r\nSent {" + size + "+}\r\n" + text + "\r\na4 NOOP\r\n");
        talk.Server("a3 OK done\r\na4 OK\r\n");
        counts.text[kUp] += text.size();
        break;
      case 2:
        talk.Client("a5 APPEND Sent {" + size + "}\r\n");
        talk.Server("a5 NO over quota\r\n");
        break;
      default:
        talk.Client("a6 FETCH 1:2 (FLAGS BODY[])\r\n");
        for (int message = 1; message <= 2; ++message) {
          talk.Server(absl::StrCat("* ", message, " FETCH (FLAGS () BODY[] {", size, "}\r\n",
                                   text, ")\r\n"));
          counts.text[kDown] += text.size();
        }
        talk.Server("a6 OK done\r\n");
        break;
    }
  }
  talk.Client("a9 LOGOUT\r\n");
  talk.Server("* BYE\r\na9 OK\r\n");
  return {Service::kImap, talk.script(), counts};
}

Session Pop3Talk(Random& random) {
  Talk talk;
  Counts counts;
  const bool pipelining = Chance(random, 40);
  talk.Server("+OK POP3 ready\r\n");
  talk.Client("USER me\r\n");
  talk.Server("+OK\r\n");
  talk.Client("PASS secret\r\n");
  talk.Server("+OK\r\n");
  std::string said, replies;
  for (uint32_t i = Pick(random, 1, 6); i-- > 0;) {
    if (Chance(random, 20)) {
      said += "LIST\r\n";
      replies += "+OK\r\n1 100\r\n.\r\n";
    } else if (Chance(random, 20)) {
      said += "RETR 99\r\n";
      replies += "-ERR no such message\r\n";
    } else {
      const std::string text = Text(random);
      said += "RETR 1\r\n";
      replies += "+OK message follows\r\n" + text + ".\r\n";
      ++counts.retrievals;
      counts.text[kDown] += text.size();
    }
    if (pipelining && Chance(random, 70)) continue;
    talk.Client(said);
    talk.Server(replies);
    said.clear();
    replies.clear();
  }
  talk.Client(said + "QUIT\r\n");
  talk.Server(replies + "+OK bye\r\n");
  return {Service::kPop3, talk.script(), counts};
}

}  // namespace

Session Any(Random& random) {
  const uint32_t which = Pick(random, 0, 3);
  return which < 2    ? SmtpTalk(random).Write()
         : which == 2 ? ImapTalk(random)
                      : Pop3Talk(random);
}
}  // namespace mailtap::pipeline

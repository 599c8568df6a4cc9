// SMTP dialogues: RFC 5321, with PIPELINING (RFC 2920), CHUNKING (RFC 3030), STARTTLS (RFC
// 3207) and enhanced status codes (RFC 2034).
#include <string>

#include "app/mailtap-gen/mail.h"
#include "app/mailtap-gen/tls.h"

namespace mailtap::gen {
namespace {

// How a transaction goes.
enum class Outcome {
  kAccepted,
  kSenderRefused,      // MAIL
  kRecipientsRefused,  // every RCPT
  kDataRefused,        // DATA
  kTextRefused,        // after the text
};

class SmtpDialogue {
 public:
  SmtpDialogue(PlanWriter& writer, const MailScript& script)
      : writer_(writer), random_(writer.random()), script_(script) {}

  MailCounts Write() {
    pipelining_ = random_.Chance(40);
    chunking_ = random_.Chance(25);
    Greet();
    if (random_.Chance(20)) Authenticate();
    // Refusals come among the messages, not after them.
    uint32_t accepted = script_.uploads, refused = script_.rejected;
    while (accepted + refused != 0) {
      if (random_.Below(accepted + refused) < accepted) {
        --accepted;
        Transact(Outcome::kAccepted);
      } else {
        --refused;
        Transact(static_cast<Outcome>(random_.Between(1, 4)));
      }
      if (random_.Chance(30)) writer_.Pause(random_.Magnitude(100'000, 4'000'000));
    }
    writer_.Client("QUIT\r\n");
    writer_.Server("221 2.0.0 Bye\r\n");
    return counts_;
  }

 private:
  void Greet() {
    constexpr const char* kBanners[] = {" ESMTP Postfix\r\n", " ESMTP Exim 4.96\r\n",
                                        " Microsoft ESMTP MAIL Service ready\r\n",
                                        " ESMTP ready\r\n"};
    if (random_.Chance(15)) writer_.Server("220-" + script_.server_name + " ESMTP\r\n");
    writer_.Server("220 " + script_.server_name + kBanners[random_.Below(4)]);
    Hello();
    if (script_.tls == MailTls::kStarttls) {
      writer_.Client("STARTTLS\r\n");
      writer_.Server("220 2.0.0 Ready to start TLS\r\n");
      SayTlsHandshake(writer_, script_.sni, "");
      Hello();
    }
  }

  void Hello() {
    writer_.Client("EHLO client" + std::to_string(random_.Below(1000)) + ".example.com\r\n");
    std::string reply = "250-" + script_.server_name + "\r\n250-SIZE 104857600\r\n";
    if (pipelining_) reply += "250-PIPELINING\r\n";
    if (chunking_) reply += "250-CHUNKING\r\n";
    const bool upgrades = script_.tls == MailTls::kStarttls && !writer_.sealed();
    reply += upgrades ? "250-STARTTLS\r\n" : "250-AUTH PLAIN LOGIN\r\n";
    writer_.Server(reply + "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n");
  }

  void Authenticate() {
    if (random_.Chance(50)) {
      writer_.Client("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
    } else {
      writer_.Client("AUTH LOGIN\r\n");
      writer_.Server("334 VXNlcm5hbWU6\r\n");
      writer_.Client("dXNlcg==\r\n");
      writer_.Server("334 UGFzc3dvcmQ6\r\n");
      writer_.Client("c2VjcmV0\r\n");
    }
    writer_.Server("235 2.7.0 Authentication successful\r\n");
  }

  // One transaction. With pipelining the commands go out together and their replies come back
  // together; without, each waits for its reply.
  void Transact(Outcome outcome) {
    commands_.clear();
    replies_.clear();
    const bool sender_ok = outcome != Outcome::kSenderRefused;
    Command("MAIL FROM:<a" + Digits() + "@example.com>" +
                (random_.Chance(30) ? " BODY=8BITMIME" : ""),
            sender_ok ? "250 2.1.0 Ok" : "550 5.7.1 Sender refused");
    bool recipient_ok = false;
    recipients_ = 0;
    refused_for_now_ = false;
    if (sender_ok || pipelining_) recipient_ok = Recipients(outcome);
    if (outcome == Outcome::kAccepted) counts_.recipients += recipients_;
    if (outcome == Outcome::kRecipientsRefused && refused_for_now_) ++counts_.rejected_4xx;
    if (outcome == Outcome::kAccepted || outcome == Outcome::kTextRefused) {
      if (chunking_ && random_.Chance(50)) {
        FlushCommands();
        Chunks(outcome);
      } else {
        Data(outcome);
      }
    } else if (recipient_ok || pipelining_) {
      Command("DATA", outcome == Outcome::kDataRefused ? "554 5.7.1 Message refused"
                      : sender_ok                      ? "554 5.5.1 No valid recipients"
                                                       : "503 5.5.1 Need MAIL command");
      FlushCommands();
      Command("RSET", "250 2.0.0 Ok");
      FlushCommands();
    } else {
      Command("RSET", "250 2.0.0 Ok");
      FlushCommands();
    }
  }

  // Whether one of them was accepted.
  bool Recipients(Outcome outcome) {
    bool accepted = false;
    const uint32_t count = random_.Chance(70) ? 1 : random_.Between(2, 5);
    for (uint32_t i = 0; i < count; ++i) {
      const bool none =
          outcome == Outcome::kRecipientsRefused || outcome == Outcome::kSenderRefused;
      const bool last_hope = i + 1 == count && !accepted;
      const bool ok = !none && (last_hope || random_.Chance(85));
      accepted |= ok;
      const bool for_now = !ok && outcome != Outcome::kSenderRefused && !random_.Chance(50);
      recipients_ += ok ? 1 : 0;
      refused_for_now_ |= for_now;
      Command("RCPT TO:<b" + Digits() + "@example.net>",
              ok                                   ? "250 2.1.5 Ok"
              : outcome == Outcome::kSenderRefused ? "503 5.5.1 Need MAIL command"
              : for_now                            ? "450 4.2.0 Greylisted, try again"
                                                   : "550 5.1.1 No such user here");
    }
    return accepted;
  }

  void Data(Outcome outcome) {
    Command("DATA", "354 End data with <CR><LF>.<CR><LF>");
    FlushCommands();
    SayMessage(writer_, Side::kClient, MakeText(outcome));
    writer_.Client(".\r\n");
    AnswerText(outcome);
  }

  void Chunks(Outcome outcome) {
    const Message message = MakeText(outcome);
    const uint32_t first = message.body / kLineBytes / 2 * kLineBytes;
    if (first != 0 && random_.Chance(50)) {
      writer_.Client("BDAT " + std::to_string(message.header.size() + first) + "\r\n");
      SayMessage(writer_, Side::kClient, {message.header, first});
      writer_.Server("250 2.0.0 Chunk received\r\n");
      writer_.Client("BDAT " + std::to_string(message.body - first) + " LAST\r\n");
      writer_.SayFill(Side::kClient, Fill::kLines, message.body - first);
    } else {
      writer_.Client("BDAT " + std::to_string(message.size()) + " LAST\r\n");
      SayMessage(writer_, Side::kClient, message);
    }
    AnswerText(outcome);
  }

  // What will be refused is short, so that a script's uploads alone decide the volume.
  Message MakeText(Outcome outcome) {
    constexpr SizeRange kRefused = {200, 2'000};
    const bool accepted = outcome == Outcome::kAccepted;
    const Message message = MakeMessage(random_, accepted ? script_.upload_size : kRefused);
    if (accepted) counts_.uploaded += message.size();
    return message;
  }

  void AnswerText(Outcome outcome) {
    writer_.Server(outcome == Outcome::kAccepted
                       ? "250 2.0.0 Ok: queued as 4F" + Digits() + "\r\n"
                       : std::string("552 5.3.4 Message refused by policy\r\n"));
  }

  void Command(const std::string& command, const std::string& reply) {
    commands_ += command + "\r\n";
    replies_ += reply + "\r\n";
    if (!pipelining_) FlushCommands();
  }
  void FlushCommands() {
    if (commands_.empty()) return;
    writer_.Client(commands_);
    writer_.Server(replies_);
    commands_.clear();
    replies_.clear();
  }
  std::string Digits() { return std::to_string(random_.Between(100, 99'999)); }

  PlanWriter& writer_;
  Random& random_;
  const MailScript& script_;
  MailCounts counts_;
  uint32_t recipients_ = 0;       // accepted in the transaction under way
  bool refused_for_now_ = false;  // one of the others
  bool pipelining_ = false;
  bool chunking_ = false;
  std::string commands_;  // said, but not yet answered
  std::string replies_;
};

}  // namespace

MailCounts WriteSmtp(PlanWriter& writer, const MailScript& script) {
  return SmtpDialogue(writer, script).Write();
}

}  // namespace mailtap::gen

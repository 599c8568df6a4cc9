// IMAP dialogues: RFC 9051 and RFC 3501, IDLE (RFC 2177), non-synchronizing literals (RFC
// 7888).
#include <array>
#include <string>

#include "app/mailtap-gen/mail.h"
#include "app/mailtap-gen/tls.h"

namespace mailtap::gen {
namespace {

class ImapDialogue {
 public:
  ImapDialogue(PlanWriter& writer, const MailScript& script)
      : writer_(writer), random_(writer.random()), script_(script) {
    constexpr std::array<const char*, 5> kTags = {"a", "A00", "tag", "C", ""};
    tag_prefix_ = kTags[random_.Below(kTags.size())];
  }

  MailCounts Write() {
    Greet();
    Simple("LOGIN user" + Number(1, 999) + "@example.com secret", "LOGIN completed");
    if (random_.Chance(50)) {
      Begin("LIST \"\" \"*\"");
      writer_.Server(
          "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
          "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n");
      End("LIST completed");
    }
    Select();
    for (uint32_t i = 0; i < script_.downloads; ++i) Fetch(i + 1);
    for (uint32_t i = 0; i < script_.uploads; ++i) Append();
    if (script_.idle_us != 0) Idle();
    Begin("LOGOUT");
    writer_.Server("* BYE Logging out\r\n");
    End("LOGOUT completed");
    return counts_;
  }

 private:
  void Greet() {
    const bool upgrade = script_.tls == MailTls::kStarttls;
    writer_.Server(std::string("* OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE ") +
                   (upgrade ? "STARTTLS LOGINDISABLED" : "AUTH=PLAIN") + "] " +
                   script_.server_name + " ready.\r\n");
    if (upgrade) {
      Simple("STARTTLS", "Begin TLS negotiation now.");
      SayTlsHandshake(writer_, script_.sni, "");
    }
    if (upgrade || random_.Chance(60)) {
      Begin("CAPABILITY");
      writer_.Server("* CAPABILITY IMAP4rev1 LITERAL+ IDLE UIDPLUS AUTH=PLAIN\r\n");
      End("CAPABILITY completed");
    }
  }

  void Select() {
    Begin("SELECT INBOX");
    exists_ = random_.Between(20, 4'000);
    writer_.Server("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* " +
                   std::to_string(exists_) + " EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY " +
                   Number(100'000, 999'999) + "] UIDs valid\r\n");
    End("[READ-WRITE] SELECT completed");
  }

  void Fetch(uint32_t number) {
    const Message message = MakeMessage(random_, script_.download_size);
    const std::string n = std::to_string(number);
    Begin("UID FETCH " + n + " (FLAGS BODY.PEEK[])");
    writer_.Server("* " + n + " FETCH (UID " + n + " FLAGS () BODY[] {" +
                   std::to_string(message.size()) + "}\r\n");
    SayMessage(writer_, Side::kServer, message);
    counts_.downloaded += message.size();
    writer_.Server(")\r\n");
    End("FETCH completed");
    if (random_.Chance(20)) writer_.Pause(random_.Magnitude(200'000, 5'000'000));
  }

  void Append() {
    const Message message = MakeMessage(random_, script_.upload_size);
    const bool at_once = random_.Chance(40);
    Begin("APPEND Sent (\\Seen) {" + std::to_string(message.size()) + (at_once ? "+}" : "}"));
    if (!at_once) writer_.Server("+ Ready for literal data\r\n");
    SayMessage(writer_, Side::kClient, message);
    counts_.uploaded += message.size();
    writer_.Client("\r\n");
    End("[APPENDUID 1 " + Number(1, 9'999) + "] APPEND completed");
  }

  void Idle() {
    Begin("IDLE");
    writer_.Server("+ idling\r\n");
    writer_.Pause(script_.idle_us);
    exists_ += random_.Between(1, 3);  // new mail: without EXPUNGE there are never fewer
    writer_.Server("* " + std::to_string(exists_) + " EXISTS\r\n");
    writer_.Client("DONE\r\n");
    End("IDLE terminated");
  }

  void Simple(const std::string& command, const std::string& outcome) {
    Begin(command);
    End(outcome);
  }
  void Begin(const std::string& command) {
    tag_ = tag_prefix_ + std::to_string(++tags_);
    writer_.Client(tag_ + " " + command + "\r\n");
  }
  void End(const std::string& outcome) { writer_.Server(tag_ + " OK " + outcome + "\r\n"); }
  std::string Number(uint32_t low, uint32_t high) {
    return std::to_string(random_.Between(low, high));
  }

  PlanWriter& writer_;
  Random& random_;
  const MailScript& script_;
  MailCounts counts_;
  std::string tag_prefix_;
  std::string tag_;
  int tags_ = 0;
  uint32_t exists_ = 0;  // messages in the mailbox
};

}  // namespace

MailCounts WriteImap(PlanWriter& writer, const MailScript& script) {
  return ImapDialogue(writer, script).Write();
}

}  // namespace mailtap::gen

// POP3 dialogues: RFC 1939, CAPA (RFC 2449), STLS (RFC 2595).
#include <string>
#include <vector>

#include "app/mailtap-gen/mail.h"
#include "app/mailtap-gen/tls.h"

namespace mailtap::gen {
namespace {

void Greet(PlanWriter& writer, const MailScript& script) {
  Random& random = writer.random();
  std::string stamp = "<";
  stamp +=
      std::to_string(random.Between(1, 99'999)) + ".1767603600@" + script.server_name + ">";
  constexpr const char* kGreetings[] = {"+OK Dovecot ready. ", "+OK POP3 server ready ",
                                        "+OK Hello there. "};
  writer.Server(kGreetings[random.Below(3)] + stamp + "\r\n");
  const bool upgrade = script.tls == MailTls::kStarttls;
  if (upgrade || random.Chance(50)) {
    writer.Client("CAPA\r\n");
    writer.Server(std::string("+OK\r\nTOP\r\nUIDL\r\nUSER\r\n") + (upgrade ? "STLS\r\n" : "") +
                  ".\r\n");
  }
  if (upgrade) {
    writer.Client("STLS\r\n");
    writer.Server("+OK Begin TLS negotiation now.\r\n");
    SayTlsHandshake(writer, script.sni, "");
  }
}

void LogIn(PlanWriter& writer) {
  Random& random = writer.random();
  const std::string user = "USER user" + std::to_string(random.Between(1, 999)) + "\r\n";
  if (random.Chance(10)) {
    writer.Client(user);
    writer.Server("+OK\r\n");
    writer.Client("PASS wrong\r\n");
    writer.Server("-ERR [AUTH] Authentication failed.\r\n");
  }
  writer.Client(user);
  writer.Server("+OK\r\n");
  writer.Client("PASS secret\r\n");
  writer.Server("+OK Logged in.\r\n");
}

}  // namespace

MailCounts WritePop3(PlanWriter& writer, const MailScript& script) {
  Random& random = writer.random();
  Greet(writer, script);
  LogIn(writer);
  std::vector<Message> messages;
  uint64_t total = 0;
  for (uint32_t i = 0; i < script.downloads; ++i) {
    messages.push_back(MakeMessage(random, script.download_size));
    total += messages.back().size();
  }
  writer.Client("STAT\r\n");
  writer.Server("+OK " + std::to_string(messages.size()) + " " + std::to_string(total) +
                "\r\n");
  if (random.Chance(70)) {
    writer.Client("LIST\r\n");
    writer.Server("+OK " + std::to_string(messages.size()) + " messages:\r\n");
    for (std::size_t i = 0; i < messages.size(); ++i) {
      writer.Server(std::to_string(i + 1) + " " + std::to_string(messages[i].size()) + "\r\n");
    }
    writer.Server(".\r\n");
  }
  const bool erase = random.Chance(50);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string number = std::to_string(i + 1) + "\r\n";
    writer.Client("RETR " + number);
    writer.Server("+OK " + std::to_string(messages[i].size()) + " octets\r\n");
    SayMessage(writer, Side::kServer, messages[i]);
    writer.Server(".\r\n");
    if (erase) {
      writer.Client("DELE " + number);
      writer.Server("+OK Marked to be deleted.\r\n");
    }
    if (random.Chance(10)) writer.Pause(random.Magnitude(200'000, 5'000'000));
  }
  writer.Client("QUIT\r\n");
  writer.Server("+OK Logging out.\r\n");
  return {.downloaded = total};
}

}  // namespace mailtap::gen

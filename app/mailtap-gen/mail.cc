#include "app/mailtap-gen/mail.h"

#include "app/mailtap-gen/tls.h"

namespace mailtap::gen {

MailCounts WriteMail(PlanWriter& writer, const MailScript& script) {
  SayProxy(writer, script.via, script.server_name, script.target_port);
  if (script.tls == MailTls::kImplicit) {
    constexpr const char* kAlpn[] = {"", "imap", "pop3"};  // IANA; SMTP has none
    const bool alpn = writer.random().Chance(30);
    SayTlsHandshake(writer, script.sni,
                    alpn ? kAlpn[static_cast<std::size_t>(script.service)] : "");
  }
  switch (script.service) {
    case MailService::kSmtp:
      return WriteSmtp(writer, script);
    case MailService::kImap:
      return WriteImap(writer, script);
    case MailService::kPop3:
      return WritePop3(writer, script);
  }
  return {};
}

Message MakeMessage(Random& random, const SizeRange& text) {
  Message message;
  const std::string id = std::to_string(random.Next());
  message.header = "Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nFrom: a" + id.substr(0, 4) +
                   "@example.com\r\nTo: b" + id.substr(4, 4) + "@example.net\r\nMessage-ID: <" +
                   id + "@example.com>\r\nSubject: report " + id.substr(0, 6) +
                   "\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n";
  const uint32_t body = random.Magnitude(text.low, text.high);
  message.body = (body + kLineBytes - 1) / kLineBytes * kLineBytes;
  return message;
}

void SayMessage(PlanWriter& writer, Side side, const Message& message) {
  writer.Say(side, message.header);
  writer.SayFill(side, Fill::kLines, message.body);
}

}  // namespace mailtap::gen

// Mail sessions: what is said in them, and what a sensor should say of them.
#ifndef MAILTAP_APP_MAILTAP_GEN_MAIL_H_
#define MAILTAP_APP_MAILTAP_GEN_MAIL_H_

#include <cstdint>
#include <string>

#include "app/mailtap-gen/plan.h"

namespace mailtap::gen {

enum class MailService : uint8_t { kSmtp, kImap, kPop3 };
inline constexpr const char* kMailServiceNames[] = {"smtp", "imap", "pop3"};
enum class MailTls : uint8_t { kNone, kStarttls, kImplicit };
inline constexpr const char* kMailTlsNames[] = {"none", "starttls", "implicit"};

// The proxy that a session goes through. A header is what a proxy sends to its own server, and
// leaves no trace in `via`.
enum class MailVia : uint8_t { kNone, kHttpConnect, kSocks4, kSocks5, kHeader };
inline constexpr const char* kMailViaNames[] = {"", "http-connect", "socks4", "socks5", ""};

// Bytes of a message's text, about.
struct SizeRange {
  uint32_t low = 500;
  uint32_t high = 60'000;
};

// What to say.
struct MailScript {
  MailService service = MailService::kSmtp;
  MailTls tls = MailTls::kNone;
  MailVia via = MailVia::kNone;
  uint16_t target_port = 0;  // where the proxy leads
  std::string sni;           // empty: the hello has none
  std::string server_name;   // in the greeting
  uint32_t uploads = 0;      // messages sent by the client (SMTP, IMAP APPEND)
  uint32_t downloads = 0;    // messages fetched (IMAP, POP3)
  uint32_t rejected = 0;     // SMTP transactions that the server refuses
  SizeRange upload_size;
  SizeRange download_size;
  uint32_t idle_us = 0;  // IMAP: how long to stay in IDLE
};

// What was said, as far as a script leaves it open.
struct MailCounts {
  uint32_t rejected_4xx =
      0;  // SMTP: refused by a 4xx reply, or every recipient and one of them so
  uint32_t recipients = 0;  // SMTP: accepted ones of accepted messages
  uint64_t uploaded = 0;    // bytes of accepted (SMTP) or appended messages
  uint64_t downloaded = 0;  // bytes of fetched messages
};

// Writes the session's plan.
MailCounts WriteMail(PlanWriter& writer, const MailScript& script);

// One file each; called by WriteMail after the implicit handshake.
MailCounts WriteSmtp(PlanWriter& writer, const MailScript& script);
MailCounts WriteImap(PlanWriter& writer, const MailScript& script);
MailCounts WritePop3(PlanWriter& writer, const MailScript& script);

// What the proxy is asked, and answers; in proxy.cc.
void SayProxy(PlanWriter& writer, MailVia via, const std::string& host, uint16_t port);

// A message: headers and lines of text. Its length is known before it is said.
struct Message {
  std::string header;
  uint32_t body = 0;  // bytes, a multiple of kLineBytes

  uint32_t size() const { return static_cast<uint32_t>(header.size()) + body; }
};
Message MakeMessage(Random& random, const SizeRange& text);
void SayMessage(PlanWriter& writer, Side side, const Message& message);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_MAIL_H_

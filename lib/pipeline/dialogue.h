// The text of a session, as long as somebody reads it: the opening of a candidate, the commands
// and replies of clear mail, a ClientHello.
#ifndef MAILTAP_LIB_PIPELINE_DIALOGUE_H_
#define MAILTAP_LIB_PIPELINE_DIALOGUE_H_

#include <algorithm>
#include <cstdint>
#include <variant>

#include "lib/base/cache_line.h"
#include "lib/classify/imap_transfers.h"
#include "lib/classify/message_end.h"
#include "lib/classify/pop3_retrievals.h"
#include "lib/classify/smtp_transactions.h"
#include "lib/classify/starttls_watcher.h"
#include "lib/classify/tls_hello.h"

namespace mailtap::pipeline {

// A piece of payload on its way to the reader.
struct TextSegment {
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint32_t length = 0;    // in sequence space
  uint32_t captured = 0;  // bytes at `data`
  const uint8_t* data = nullptr;
  bool push = false;   // the sender's application had no more to say just then
  bool early = false;  // said before the other side had answered

  // Without its first `bytes`, of which not all may be captured.
  TextSegment Behind(uint32_t bytes) const {
    TextSegment rest = *this;
    rest.seq += bytes;
    rest.length -= bytes;
    rest.captured -= std::min(bytes, captured);
    rest.data += bytes;
    return rest;
  }
  bool OpensTls() const {
    return captured >= classify::kHelloStart && classify::LooksLikeClientHello(data, captured);
  }
  // Whether the end of message text, and commands behind it, are looked for in it.
  bool MayHoldCommands() const {
    return push || early || length <= classify::MessageEnd::kLookedAt;
  }
};

struct alignas(kCacheLine) Dialogue {
  // Sequence number to be delivered next. With `read_alone`, of the end that has not started:
  // how far the other had heard it when it said what was read last.
  uint32_t next[2];
  uint32_t opening;     // index of the OpeningText, or kNone
  uint32_t held;        // list of held segments, in no order
  uint32_t text_start;  // number of the first byte of the message text under way
  // Number behind the last piece given to `message_end`; of POP3, behind the last segment of a
  // text that opens like a refusal, or `text_start`. With `agreed`, when there is no text: the
  // number behind the server's last line, and in `text_start` how far it had heard its client.
  uint32_t text_seen;
  uint32_t reported_messages;
  uint32_t reported_rejected;
  uint8_t held_count;
  bool started[2];      // `next` is set
  bool read_alone : 1;  // something was read of one end before the other had started
  bool broken : 1;      // see Break
  bool spoke_late : 1;  // words that ended a retrieval came behind what follows them
  bool agreed : 1;      // that line may agree to TLS, and nothing of the client was ever seen
  bool supposed : 1;    // nothing was read yet, nor does what is held tell of mail
  bool hello_started : 1;
  bool hello_answered : 1;  // see AwaitsTls
  bool certificate_started : 1;
  uint16_t text_units;  // what the sender of that text had sent before it, see TextUpTo
  classify::MessageEnd message_end;
  classify::StarttlsWatcher watcher;
  // What counts messages: SMTP's until a server greets like another service.
  std::variant<classify::SmtpTransactions, classify::ImapTransfers, classify::Pop3Retrievals>
      messages;

  // Something is lost: counts are unknown from here on.
  void Break() {
    broken = true;
    if (smtp() != nullptr) smtp()->Lose();
  }

  // What was taken for POP3's text up to `number` ends with what may be no part of it.
  bool EndsRefused(uint32_t number) const {
    return text_seen != text_start && text_seen == number;
  }

  // The one of them that is at work, or null.
  classify::SmtpTransactions* smtp() { return std::get_if<0>(&messages); }
  classify::ImapTransfers* imap() { return std::get_if<1>(&messages); }
  classify::Pop3Retrievals* pop3() { return std::get_if<2>(&messages); }
  const classify::SmtpTransactions* smtp() const { return std::get_if<0>(&messages); }
  const classify::ImapTransfers* imap() const { return std::get_if<1>(&messages); }
  const classify::Pop3Retrievals* pop3() const { return std::get_if<2>(&messages); }
};
static_assert(sizeof(Dialogue) <= 4 * kCacheLine);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_DIALOGUE_H_

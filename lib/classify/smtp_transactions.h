// Counts SMTP transactions from the two command streams, without reading message text.
//
// The server's replies carry the outcome: after 354 the next reply is the message's; a BDAT
// chunk's reply is paired with its command through a queue of outstanding commands (RFC 2920
// pipelining). Message text is never scanned: after 354 the client's bytes are skipped until
// the server replies, and a BDAT chunk by its length (RFC 5321, 4.1.1.4; RFC 3030, 2).
#ifndef MAILTAP_LIB_CLASSIFY_SMTP_TRANSACTIONS_H_
#define MAILTAP_LIB_CLASSIFY_SMTP_TRANSACTIONS_H_

#include <cstddef>
#include <cstdint>

namespace mailtap::classify {

class SmtpTransactions {
 public:
  SmtpTransactions() = default;
  // `from_start`: the first reply is the greeting.
  explicit SmtpTransactions(bool from_start) : greeted_(!from_start) {}

  // The streams' next bytes, each in order, and neither ahead of what its sender had seen of
  // the other. OnClient must not be called while skipping(). Either returns early, with how
  // many bytes it took, when skipping() or tls() changes.
  std::size_t OnClient(const uint8_t* data, std::size_t size);
  std::size_t OnServer(const uint8_t* data, std::size_t size);

  // Message text is under way: the client's bytes are of no interest.
  bool skipping() const { return in_message_; }
  // The client's last command is a DATA that the server has not answered yet: if its bytes go
  // on before the answer is known, they are message text.
  bool data_pending() const;
  // The client has begun a TLS handshake after STARTTLS; the byte at which OnClient stopped is
  // its first.
  bool tls() const { return tls_; }
  // Bytes of a BDAT chunk still to come; the caller may skip that many without delivering them.
  uint64_t chunk_left() const { return chunk_left_; }
  void SkipChunk(uint64_t bytes) { chunk_left_ -= bytes; }

  // The connection has ended: closes the transaction under way.
  void Finish() { EndTransaction(); }

  uint32_t messages() const { return messages_; }
  uint32_t rejected() const { return rejected_; }
  // A refusal could not be paired with its command, so `rejected` may lack one.
  bool unpaired() const { return unpaired_; }

 private:
  enum Command : uint8_t {
    kOther,
    kMail,
    kRcpt,
    kData,
    kBdat,
    kBdatLast,
    kReset,
    kStartTls,
    kAuth
  };
  static constexpr int kMaxQueued = 64;
  static constexpr int kMaxLine = 32;

  void OnCommandLine();
  void OnReply(int code);
  void OnCommandReply(Command command, int code);
  void EndTransaction();
  void Refuse();
  void Push(Command command);
  // The oldest outstanding command; false where there is none.
  bool Pop(Command& command);

  // Client's line so far.
  char line_[kMaxLine] = {};
  uint16_t line_length_ = 0;  // bytes of the line, those not kept included
  // Server's line so far.
  uint8_t reply_length_ = 0;  // at most 4: code and separator
  char reply_[4] = {};
  // Outstanding commands, a ring of four-bit numbers.
  uint8_t queue_[kMaxQueued / 2] = {};
  uint8_t queue_head_ = 0;
  uint8_t queue_size_ = 0;

  bool greeted_ = false;
  bool in_message_ = false;
  bool auth_line_ = false;  // the client's next line answers a challenge
  bool starttls_ = false;   // the client's last command was STARTTLS
  bool tls_ = false;
  bool unpaired_ = false;
  bool open_ = false;  // a transaction with at least one refused and no accepted recipient
  bool accepted_recipient_ = false;
  uint32_t messages_ = 0;
  uint32_t rejected_ = 0;
  uint64_t chunk_left_ = 0;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_SMTP_TRANSACTIONS_H_

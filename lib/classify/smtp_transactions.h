// Counts SMTP transactions from the two command streams, without reading message text.
//
// Replies are paired with their commands through a queue of outstanding ones (RFC 2920
// pipelining). Message text is not scanned: after 354 the client's bytes are skipped until its
// final dot is known to have come (the caller may find it, see EndText) or the server replies,
// and a BDAT chunk by its length (RFC 5321, 4.1.1.4; RFC 3030, 2). Behind a DATA nothing is
// read until the server has answered, greeted or not: by its answer it is message text or
// commands.
#ifndef MAILTAP_LIB_CLASSIFY_SMTP_TRANSACTIONS_H_
#define MAILTAP_LIB_CLASSIFY_SMTP_TRANSACTIONS_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/classify/command_queue.h"

namespace mailtap::classify {

class SmtpTransactions {
 public:
  SmtpTransactions() = default;
  // `from_start`: the first reply is the greeting.
  explicit SmtpTransactions(bool from_start) : greeted_(!from_start) {}

  // Nothing of the server was read so far: its first reply will be the greeting.
  void AwaitGreeting() { greeted_ = false; }

  // The streams' next bytes, each in order, and neither ahead of what its sender had seen of
  // the other. OnClient must not be called while skipping() or stopped(). Either returns early,
  // with how many bytes it took, when skipping(), stopped() or tls() changes.
  std::size_t OnClient(const uint8_t* data, std::size_t size);
  std::size_t OnServer(const uint8_t* data, std::size_t size);

  // Message text is under way: the client's bytes are of no interest, but for its final dot.
  bool skipping() const { return in_text_; }
  // The client's last command is a DATA that the server has not answered yet: what the client
  // says next waits.
  bool stopped() const { return stopped_; }
  // The client has begun a TLS handshake after STARTTLS; the byte at which OnClient stopped is
  // its first.
  bool tls() const { return tls_; }
  // What it says is read as lines all the same: the server may take it for some.
  void ForgetTls() { tls_ = starttls_ = false; }
  // Bytes of a BDAT chunk still to come; the caller may skip that many without delivering them.
  uint64_t chunk_left() const { return chunk_left_; }
  void SkipChunk(uint64_t bytes) { chunk_left_ -= bytes; }

  // While skipping(): the final dot has come, behind `bytes` of text. What the client says next
  // are commands.
  void EndText(uint64_t bytes);
  // The server has ended skipping() by a reply: the text that it answered was so long.
  void MeasureText(uint64_t bytes);

  // Something that one of them said is lost: nothing is outstanding any more.
  void Lose();
  // The client has said its last, and nothing of it is missing: whatever nobody asked for is no
  // answer.
  void HangUp() { hung_up_ = true; }
  // The connection has ended: closes the transaction under way.
  void Finish() { EndTransaction(); }

  uint32_t messages() const { return messages_; }
  uint32_t rejected() const { return rejected_[0] + rejected_[1]; }
  // Transactions refused for now (4xx): their client may try again (RFC 5321, 4.2.1). With
  // every recipient refused, for now is what any of them was.
  uint32_t rejected_transient() const { return rejected_[0]; }
  // Accepted recipients of the accepted messages, and these messages' text in bytes: what BDAT
  // announced, or DATA's without the line of the final dot.
  uint32_t recipients() const { return recipients_; }
  uint64_t text_bytes() const { return text_bytes_; }

  // False where a command may not have been paired with its reply: all counts may lack some.
  bool known() const { return paired_; }
  // Also false where the length of a text is not known.
  bool text_bytes_known() const { return paired_ && measured_; }

 private:
  enum Command : uint8_t {
    kOther,
    kMail,
    kRcpt,
    kData,
    kText,  // the end of a message's text
    kBdat,
    kBdatLast,
    kBadBdat,  // refused as it is written, and no chunk follows
    kReset,
    kStartTls,
    kAuth,
    kTurn
  };
  static constexpr int kMaxQueued = 24;  // runs of the same command
  static constexpr int kMaxChunks = 8;
  static constexpr int kMaxLine = 32;
  static constexpr int kLineEnd = 8;  // " LAST", CR, and a blank or two

  void AddToLine(const uint8_t* data, std::size_t size);
  void OnCommandLine();
  Command ReadBdat(absl::string_view arguments);
  void OnReply(int code);
  void OnCommandReply(Command command, int code);
  void OnRefusal(Command command, int code);
  void Accept(uint64_t text_bytes);
  void Reject(int code);
  void RejectText(int code);
  void EndTransaction();
  void Clear();
  void Push(Command command);
  void PushChunk(uint64_t bytes);
  uint64_t PopChunk();

  // Client's line so far; of a long one its start and its last kLineEnd bytes.
  char line_[kMaxLine] = {};
  uint16_t line_length_ = 0;  // bytes of the line, those not kept included
  // Server's line so far.
  uint8_t reply_length_ = 0;  // at most 4: code and separator
  char reply_[4] = {};
  CommandQueue<Command, kMaxQueued> outstanding_;
  // Lengths of the outstanding chunks: a ring.
  uint8_t chunks_head_ = 0;
  uint8_t chunks_size_ = 0;
  uint32_t chunks_[kMaxChunks] = {};

  bool greeted_ = false;
  bool in_text_ = false;
  bool stopped_ = false;
  bool auth_line_ = false;  // the client's next line answers a challenge
  bool starttls_ = false;   // the client's last command was STARTTLS
  bool tls_ = false;
  // A server has refused what nobody had asked, as some do before they close. Whatever comes
  // behind it shows that the question was not seen.
  bool unasked_ = false;
  bool hung_up_ = false;
  bool paired_ = true;
  bool measured_ = true;

  // The transaction under way.
  bool open_ = false;
  bool data_refused_ = false;
  uint8_t refusal_ = 0;         // class of what was refused in it, 4 before 5; 0: nothing
  bool overlooked_ = false;     // the last text's end, and no command has come since
  bool text_accepted_ = false;  // by the reply that ended skipping()
  uint32_t accepted_ = 0;       // recipients

  uint32_t messages_ = 0;
  uint32_t rejected_[2] = {};  // 4xx, 5xx
  uint32_t recipients_ = 0;
  uint64_t text_bytes_ = 0;  // of them all
  uint64_t text_ = 0;  // of the transaction's chunks, or of the text that awaits its reply
  uint64_t chunk_left_ = 0;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_SMTP_TRANSACTIONS_H_

// What SMTP's server says, and what comes of its client's commands. These are in
// smtp_commands.cc.
#include "lib/classify/smtp_transactions.h"

#include <algorithm>

#include "lib/classify/tls_hello.h"

namespace mailtap::classify {
namespace {

// Refuses the order of commands, not a transaction.
constexpr int kBadSequence = 503;
// Refuses what is no command, such as an empty line.
constexpr int kUnknownCommand = 500;

bool IsAccepted(int code) { return code / 100 == 2; }

}  // namespace

std::size_t SmtpTransactions::OnServer(const uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at < size; ++at) {
    const uint8_t byte = data[at];
    if (byte != '\n') {
      // A record of TLS, and no reply: it was begun in words that were not understood.
      const bool tls = reply_length_ == 0 && IsTlsRecordType(byte);
      if (reply_length_ < sizeof(reply_)) reply_[reply_length_++] = static_cast<char>(byte);
      if (tls) {
        const bool waited = stopped();
        Lose();
        if (waited) return at + 1;
      }
      continue;
    }
    const bool digits = reply_length_ >= 3 && std::all_of(reply_, reply_ + 3, [](char c) {
                          return c >= '0' && c <= '9';
                        });
    const bool last = reply_length_ < 4 || reply_[3] != '-';
    const int code =
        digits ? (reply_[0] - '0') * 100 + (reply_[1] - '0') * 10 + (reply_[2] - '0') : 0;
    reply_length_ = 0;
    if (digits && last) {
      const bool skipped = skipping(), waited = stopped();
      OnReply(code);
      if (skipped != skipping() || waited != stopped()) return at + 1;
    }
  }
  return size;
}

void SmtpTransactions::OnReply(int code) {
  constexpr int kGoodbye = 221, kAuthChallenge = 334, kStartMail = 354, kClosing = 421;
  if (!greeted_) {
    greeted_ = true;
    return;
  }
  if (in_text_) {  // the final dot was overlooked
    in_text_ = false;
    overlooked_ = true;
    text_accepted_ = IsAccepted(code);
    if (text_accepted_) {
      Accept(0);
    } else {
      RejectText(code);
    }
    return;
  }
  if (code == kAuthChallenge) {
    auth_line_ = true;
    return;
  }
  Command command = kOther;
  const bool paired = outstanding_.Pop(command);
  if (code == kStartMail) {
    in_text_ = true;
    stopped_ = false;
    if (!paired || command != kData) paired_ = false;  // XEXCH50, say: what follows is no text
  } else if (paired) {
    if (command == kData) stopped_ = false;
    OnCommandReply(command, code);
    if (code == kGoodbye) EndTransaction();
  } else if (code != kClosing && !hung_up_) {
    if (overlooked_) measured_ = false;  // commands were taken for the text's end
    if (code == kGoodbye) return;
    const bool may_refuse_mail = overlooked_ && code != kUnknownCommand;
    if (may_refuse_mail || unasked_ || IsAccepted(code)) paired_ = false;
    unasked_ = true;
  }
}

void SmtpTransactions::OnCommandReply(Command command, int code) {
  const uint64_t chunk = command == kBdat || command == kBdatLast ? PopChunk() : 0;
  if (!IsAccepted(code)) return OnRefusal(command, code);
  switch (command) {
    case kMail:
      EndTransaction();
      open_ = true;
      break;
    case kRcpt:
      open_ = true;
      ++accepted_;
      break;
    case kText:
      Accept(text_);
      break;
    case kBdat:
      text_ += chunk;
      break;
    case kBdatLast:
      Accept(text_ + chunk);
      break;
    case kReset:
      EndTransaction();
      break;
    case kTurn:  // from here on the server is the client (RFC 821, 3.8; RFC 2645)
      Lose();
      break;
    case kOther:
    case kData:
    case kBadBdat:
    case kStartTls:
    case kAuth:
      break;
  }
}

void SmtpTransactions::OnRefusal(Command command, int code) {
  if (command == kText) return RejectText(code);
  if (code == kBadSequence) return;
  if (command == kMail) {
    EndTransaction();
    return Reject(code);
  }
  if (!open_) return;  // pipelined behind a refusal that is counted
  const uint8_t refusal = code / 100 == 4 ? 4 : 5;
  switch (command) {
    case kRcpt:
      if (refusal_ != 4) refusal_ = refusal;
      break;
    case kData:
    case kBadBdat:
      // Without recipients it says no more than their refusals did.
      if (accepted_ != 0 || refusal_ == 0) refusal_ = refusal;
      data_refused_ = true;
      break;
    case kBdat:
    case kBdatLast:
      RejectText(code);
      break;
    default:
      break;
  }
}

void SmtpTransactions::Accept(uint64_t text_bytes) {
  ++messages_;
  recipients_ += accepted_;
  text_bytes_ += text_bytes;
  Clear();
}

void SmtpTransactions::Reject(int code) {
  if (code / 100 == 3) paired_ = false;  // no refusal: a reply for each recipient follows
  ++rejected_[code / 100 == 4 ? 0 : 1];
  Clear();
}

// Without recipients the refusal of a text says no more than theirs did (RFC 2920, 3.1).
void SmtpTransactions::RejectText(int code) {
  Reject(accepted_ == 0 && refusal_ != 0 ? refusal_ * 100 : code);
}

// A transaction whose every recipient, or whose DATA, was refused is refused, though the client
// may still have tried another before it gave up.
void SmtpTransactions::EndTransaction() {
  if (open_ && refusal_ != 0 && (accepted_ == 0 || data_refused_)) {
    return Reject(refusal_ * 100);
  }
  Clear();
}

void SmtpTransactions::Clear() {
  open_ = data_refused_ = false;
  refusal_ = 0;
  accepted_ = 0;
  text_ = 0;
}

void SmtpTransactions::EndText(uint64_t bytes) {
  in_text_ = false;
  text_ = bytes;
  Push(kText);
}

void SmtpTransactions::MeasureText(uint64_t bytes) {
  if (text_accepted_) text_bytes_ += bytes;
}

void SmtpTransactions::Lose() {
  outstanding_.Clear();
  chunks_size_ = 0;
  stopped_ = false;
  paired_ = false;
}

void SmtpTransactions::Push(Command command) {
  if (outstanding_.Push(command)) return;
  paired_ = false;
  stopped_ = false;  // its reply will not be known
}

void SmtpTransactions::PushChunk(uint64_t bytes) {
  if (chunks_size_ == kMaxChunks) {
    measured_ = false;
    return;
  }
  chunks_[(chunks_head_ + chunks_size_++) % kMaxChunks] = static_cast<uint32_t>(bytes);
}

uint64_t SmtpTransactions::PopChunk() {
  if (chunks_size_ == 0) return 0;
  const uint64_t bytes = chunks_[chunks_head_];
  chunks_head_ = (chunks_head_ + 1) % kMaxChunks;
  --chunks_size_;
  return bytes;
}

}  // namespace mailtap::classify

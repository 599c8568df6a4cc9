#include "lib/classify/smtp_transactions.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace mailtap::classify {

std::size_t SmtpTransactions::OnClient(const uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  while (at < size) {
    if (chunk_left_ != 0) {
      const auto step = std::min<uint64_t>(chunk_left_, size - at);
      chunk_left_ -= step;
      at += step;
      continue;
    }
    const uint8_t byte = data[at];
    constexpr uint8_t kTlsHandshake = 22;
    if (line_length_ == 0 && starttls_ && byte == kTlsHandshake) {
      tls_ = true;
      return at;
    }
    ++at;
    if (byte == '\n') {
      OnCommandLine();
      line_length_ = 0;
    } else {
      if (line_length_ < kMaxLine) line_[line_length_] = static_cast<char>(byte);
      if (line_length_ < UINT16_MAX) ++line_length_;
    }
  }
  return at;
}

void SmtpTransactions::OnCommandLine() {
  if (auth_line_) {
    auth_line_ = false;
    return;
  }
  absl::string_view line(line_, std::min<std::size_t>(line_length_, kMaxLine));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  const absl::string_view verb = line.substr(0, line.find(' '));
  starttls_ = absl::EqualsIgnoreCase(verb, "STARTTLS");
  if (starttls_) {
    Push(kStartTls);
  } else if (absl::EqualsIgnoreCase(verb, "MAIL")) {
    Push(kMail);
  } else if (absl::EqualsIgnoreCase(verb, "RCPT")) {
    Push(kRcpt);
  } else if (absl::EqualsIgnoreCase(verb, "DATA")) {
    Push(kData);
  } else if (absl::EqualsIgnoreCase(verb, "AUTH")) {
    Push(kAuth);
  } else if (absl::EqualsIgnoreCase(verb, "RSET") || absl::EqualsIgnoreCase(verb, "EHLO") ||
             absl::EqualsIgnoreCase(verb, "HELO")) {
    Push(kReset);
  } else if (absl::EqualsIgnoreCase(verb, "BDAT")) {
    const absl::string_view arguments =
        absl::StripLeadingAsciiWhitespace(line.substr(verb.size()));
    const absl::string_view digits = arguments.substr(0, arguments.find(' '));
    uint64_t length = 0;
    if (absl::SimpleAtoi(digits, &length)) {
      chunk_left_ = length;
      Push(absl::EndsWithIgnoreCase(arguments, " LAST") ? kBdatLast : kBdat);
    } else {
      Push(kOther);  // the server will refuse it, and no chunk follows
    }
  } else {
    Push(kOther);
  }
}

std::size_t SmtpTransactions::OnServer(const uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at < size; ++at) {
    const uint8_t byte = data[at];
    if (byte != '\n') {
      if (reply_length_ < sizeof(reply_)) reply_[reply_length_++] = static_cast<char>(byte);
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
      const bool skipped = in_message_;
      OnReply(code);
      if (skipped != in_message_) return at + 1;
    }
  }
  return size;
}

void SmtpTransactions::OnReply(int code) {
  const bool accepted = code / 100 == 2;
  if (!greeted_) {
    greeted_ = true;
    return;
  }
  if (in_message_) {
    in_message_ = false;
    line_length_ = 0;
    if (accepted) {
      ++messages_;
      open_ = accepted_recipient_ = false;
    } else {
      Refuse();
    }
    return;
  }
  constexpr int kAuthChallenge = 334, kStartMail = 354;
  if (code == kAuthChallenge) {
    auth_line_ = true;
    return;
  }
  Command command = kOther;
  const bool paired = Pop(command);
  if (code == kStartMail) {
    in_message_ = true;
  } else if (paired) {
    OnCommandReply(command, code);
  } else if (!accepted) {
    unpaired_ = true;
  }
}

void SmtpTransactions::OnCommandReply(Command command, int code) {
  constexpr int kBadSequence = 503;  // refuses the order of commands, not a transaction
  const bool accepted = code / 100 == 2;
  switch (command) {
    case kMail:
      if (accepted) {
        EndTransaction();
      } else if (code != kBadSequence) {
        Refuse();
      }
      break;
    case kRcpt:
      if (accepted) {
        accepted_recipient_ = true;
      } else if (code != kBadSequence) {
        open_ = true;
      }
      break;
    case kData:
    case kBdat:
      if (!accepted && code != kBadSequence) Refuse();
      break;
    case kBdatLast:
      if (accepted) {
        ++messages_;
        open_ = accepted_recipient_ = false;
      } else if (code != kBadSequence) {
        Refuse();
      }
      break;
    case kReset:
      if (accepted) EndTransaction();
      break;
    case kOther:
    case kStartTls:
    case kAuth:
      break;
  }
}

void SmtpTransactions::Refuse() {
  ++rejected_;
  open_ = accepted_recipient_ = false;
}

// A transaction whose every recipient was refused is refused, though nothing says so.
void SmtpTransactions::EndTransaction() {
  if (open_ && !accepted_recipient_) ++rejected_;
  open_ = accepted_recipient_ = false;
}

void SmtpTransactions::Push(Command command) {
  if (queue_size_ == kMaxQueued) {
    unpaired_ = true;
    return;
  }
  const int at = (queue_head_ + queue_size_++) % kMaxQueued;
  uint8_t& pair = queue_[at / 2];
  const int shift = at % 2 * 4;
  pair = static_cast<uint8_t>((pair & ~(0xf << shift)) | command << shift);
}

bool SmtpTransactions::data_pending() const {
  if (queue_size_ == 0) return false;
  const int at = (queue_head_ + queue_size_ - 1) % kMaxQueued;
  return (queue_[at / 2] >> (at % 2 * 4) & 0xf) == kData;
}

bool SmtpTransactions::Pop(Command& command) {
  if (queue_size_ == 0) return false;
  command = static_cast<Command>(queue_[queue_head_ / 2] >> (queue_head_ % 2 * 4) & 0xf);
  queue_head_ = (queue_head_ + 1) % kMaxQueued;
  --queue_size_;
  return true;
}

}  // namespace mailtap::classify

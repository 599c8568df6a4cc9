// What SMTP's client says.
#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "lib/classify/smtp_transactions.h"
#include "lib/classify/tls_hello.h"

namespace mailtap::classify {
namespace {

// No server takes more at once.
constexpr uint64_t kLargestChunk = UINT32_MAX;

}  // namespace

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
    if (line_length_ == 0 && starttls_ && byte == kTlsHandshakeRecord) {
      tls_ = true;
      return at;
    }
    const void* const line_end = std::memchr(data + at, '\n', size - at);
    const std::size_t to =
        line_end == nullptr ? size : static_cast<const uint8_t*>(line_end) - data;
    AddToLine(data + at, to - at);
    at = to;
    if (line_end == nullptr) return at;
    ++at;
    OnCommandLine();
    line_length_ = 0;
    if (stopped()) return at;
  }
  return at;
}

// Keeps the line's start and its last bytes.
void SmtpTransactions::AddToLine(const uint8_t* data, std::size_t size) {
  const std::size_t room = line_length_ < kMaxLine ? kMaxLine - line_length_ : 0;
  const std::size_t fits = std::min(size, room);
  std::memcpy(line_ + std::min<std::size_t>(line_length_, kMaxLine), data, fits);
  const std::size_t fresh = std::min<std::size_t>(size - fits, kLineEnd);
  char* const end = line_ + kMaxLine - kLineEnd;
  std::memmove(end, end + fresh, kLineEnd - fresh);
  std::memcpy(end + kLineEnd - fresh, data + size - fresh, fresh);
  line_length_ = static_cast<uint16_t>(std::min<std::size_t>(line_length_ + size, UINT16_MAX));
}

void SmtpTransactions::OnCommandLine() {
  overlooked_ = false;
  if (unasked_) paired_ = false;
  if (auth_line_) {
    auth_line_ = false;
    return;
  }
  absl::string_view line(line_, std::min<std::size_t>(line_length_, kMaxLine));
  line = absl::StripTrailingAsciiWhitespace(line);
  if (!greeted_ && line.empty())
    return;  // a line end before all else: most servers pass it over
  const absl::string_view verb = line.substr(0, line.find(' '));
  const auto is = [&](absl::string_view name) { return absl::EqualsIgnoreCase(verb, name); };
  starttls_ = is("STARTTLS");
  if (starttls_) {
    Push(kStartTls);
  } else if (is("MAIL")) {
    Push(kMail);
  } else if (is("RCPT")) {
    Push(kRcpt);
  } else if (is("DATA")) {
    stopped_ = true;
    Push(kData);
  } else if (is("AUTH")) {
    Push(kAuth);
  } else if (is("RSET") || is("EHLO") || is("HELO")) {
    Push(kReset);
  } else if (is("TURN") || is("ATRN")) {
    Push(kTurn);
  } else if (is("BDAT")) {
    Push(ReadBdat(line.substr(verb.size())));
  } else if (is("BURL")) {  // a chunk that the server fetches itself (RFC 4468)
    measured_ = false;
    PushChunk(0);
    Push(absl::EndsWithIgnoreCase(line, " LAST") ? kBdatLast : kBdat);
  } else {
    Push(kOther);
  }
}

// "BDAT" SP size [SP "LAST"] and nothing else (RFC 3030, 2).
SmtpTransactions::Command SmtpTransactions::ReadBdat(absl::string_view arguments) {
  arguments = absl::StripLeadingAsciiWhitespace(arguments);
  const absl::string_view digits = arguments.substr(0, arguments.find(' '));
  const absl::string_view rest =
      absl::StripLeadingAsciiWhitespace(arguments.substr(digits.size()));
  const bool last = absl::EqualsIgnoreCase(rest, "LAST");
  uint64_t length = 0;
  if (line_length_ > kMaxLine || !(rest.empty() || last) || digits.empty() ||
      !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &length) || length > kLargestChunk) {
    return kBadBdat;
  }
  chunk_left_ = length;
  PushChunk(length);
  return last ? kBdatLast : kBdat;
}

}  // namespace mailtap::classify

#include "lib/classify/pop3_retrievals.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace mailtap::classify {
namespace {

// How many bytes of `data` there are up to its first line's end, which `ended` tells of.
std::size_t LineBytes(const uint8_t* data, std::size_t size, bool& ended) {
  const auto* end = static_cast<const uint8_t*>(std::memchr(data, '\n', size));
  ended = end != nullptr;
  return ended ? static_cast<std::size_t>(end - data) + 1 : size;
}

// Keeps of a line what fits.
template <std::size_t N>
void Keep(char (&line)[N], uint8_t& length, const uint8_t* data, std::size_t size) {
  const std::size_t taken = std::min(size, N - length);
  std::memcpy(line + length, data, taken);
  length += static_cast<uint8_t>(taken);
}

}  // namespace

void Pop3Retrievals::OnClient(const uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    bool ended = false;
    const std::size_t step = LineBytes(data + at, size - at, ended);
    Keep(line_, line_length_, data + at, step);
    at += step;
    if (!ended) return;
    OnCommand();
    line_length_ = 0;
  }
}

void Pop3Retrievals::OnCommand() {
  if (auth_line_) {
    auth_line_ = false;
    return;
  }
  absl::string_view line(line_, line_length_);
  line = absl::StripTrailingAsciiWhitespace(line);
  const absl::string_view verb = line.substr(0, line.find(' '));
  const auto is = [&](absl::string_view name) { return absl::EqualsIgnoreCase(verb, name); };
  const bool alone = verb == line;  // without arguments
  if (is("RETR")) {
    Push(kRetrieve);
  } else if (is("TOP") || is("CAPA") ||
             (alone && (is("LIST") || is("UIDL") || is("AUTH") || is("LANG")))) {
    Push(kListing);
  } else if (is("AUTH")) {
    Push(kAuthenticate);
  } else {
    Push(kOneLine);
  }
}

std::size_t Pop3Retrievals::OnServer(const uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    bool ended = false;
    const std::size_t step = LineBytes(data + at, size - at, ended);
    Keep(reply_, reply_length_, data + at, step);
    reply_bytes_ += step;
    at += step;
    const bool returned = step > 1 ? data[at - 2] == '\r' : return_;
    return_ = data[at - 1] == '\r';
    if (!ended) return at;
    bare_ = !returned;
    if (listing_) {
      OnTextLine();
    } else {
      OnStatus();
    }
    reply_length_ = 0;
    reply_bytes_ = 0;
    if (skipping_) return at;
  }
  return size;
}

void Pop3Retrievals::OnTextLine() {
  const absl::string_view line(reply_, reply_length_);
  if (line == ".\r\n" || line == ".\n") {
    listing_ = in_text_ = false;
  } else if (in_text_) {
    text_bytes_ += reply_bytes_;
  }
}

void Pop3Retrievals::OnStatus() {
  const absl::string_view line(reply_, reply_length_);
  const bool ok = absl::StartsWithIgnoreCase(line, "+OK"),
             refused = absl::StartsWithIgnoreCase(line, "-ER");
  if (absl::StartsWith(line, "+ ") || line == "+\r\n") {
    auth_line_ = true;
    return;
  }
  if (!greeted_ && (line == "\n" || line == "\r\n")) return;  // before all else
  if (!greeted_ || !(ok || refused)) {
    lost_ = lost_ || !(ok || refused);
    greeted_ = true;
    return;
  }
  Command command = kOneLine;
  if (!outstanding_.Pop(command)) {
    lost_ = lost_ || ok;  // a server may say that it has waited long enough
    return;
  }
  if (refused || command == kOneLine || command == kAuthenticate) return;
  listing_ = true;
  if (command != kRetrieve) return;
  ++retrievals_;
  if (outstanding_.empty()) {
    listing_ = false;
    skipping_ = true;
  } else {
    in_text_ = true;
  }
}

void Pop3Retrievals::EndText(uint64_t bytes, bool measured) {
  skipping_ = false;
  measured_ &= measured;
  if (bytes < dot_bytes()) {
    lost_ = true;  // it had not heard the text: sent before
  } else {
    text_bytes_ += bytes - dot_bytes();
  }
}

void Pop3Retrievals::Push(Command command) {
  if (!outstanding_.Push(command)) lost_ = true;
}

}  // namespace mailtap::classify

#include "lib/classify/imap_transfers.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace mailtap::classify {
namespace {

// The word at the start of `text`, which goes on behind it.
absl::string_view TakeWord(absl::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const absl::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

// RFC 9051, 7.1.
bool IsStatus(absl::string_view word) {
  constexpr absl::string_view kStatuses[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
  return std::any_of(std::begin(kStatuses), std::end(kStatuses), [&](absl::string_view status) {
    return absl::EqualsIgnoreCase(word, status);
  });
}

bool IsNumber(absl::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
}

}  // namespace

std::size_t ImapTransfers::LineTag::Add(absl::string_view text) {
  const std::size_t size = std::min(text.find(' '), text.size());
  for (const char c : text.substr(0, size)) {
    if (length_ == 0) first_ = c;
    if (length_ < 2) ++length_;
    constexpr uint32_t kPrime = 16'777'619;  // FNV-1a's
    hash_ = (hash_ ^ static_cast<uint8_t>(c)) * kPrime;
  }
  ended_ = size < text.size();
  return size + (ended_ ? 1 : 0);
}

std::size_t ImapTransfers::Read(Direction from, const uint8_t* data, std::size_t size,
                                StarttlsWatcher* watcher) {
  Side& side = sides_[from];
  const auto* text = reinterpret_cast<const char*>(data);
  for (std::size_t at = 0; at < size;) {
    if (side.left != 0) {
      const auto step = std::min<uint64_t>(side.left, size - at);
      SkipLiteral(from, step);
      at += step;
      continue;
    }
    if (from == kUp && awaits_) {  // as if the server had asked for it
      awaits_ = false;
      unasked_ = true;
      unasked_bytes_ = 0;
      side.left = awaited_;
      continue;
    }
    const auto* end = static_cast<const char*>(std::memchr(text + at, '\n', size - at));
    const std::size_t step = end == nullptr ? size - at : end - (text + at);
    const std::size_t line_end = at + step + (end == nullptr ? 0 : 1);
    if (watcher != nullptr && !watcher->done()) {
      const std::size_t taken = watcher->OnClient(data + at, line_end - at);
      if (watcher->tls()) return at + taken;
    }
    AddToLine(side, text + at, step);
    at = line_end;
    if (end == nullptr) break;
    if (from == kUp) {
      OnClientLine();
    } else {
      OnServerLine();
    }
    side.tag = {};
    side.head_length = 0;
    side.tail.Clear();
  }
  return size;
}

void ImapTransfers::AddToLine(Side& side, const char* data, std::size_t size) {
  side.tail.Add({data, size});
  if (!side.tag.ended()) {
    const std::size_t taken = side.tag.Add({data, size});
    data += taken;
    size -= taken;
  }
  const std::size_t first = std::min(size, kHead - side.head_length);
  std::memcpy(side.head + side.head_length, data, first);
  side.head_length += static_cast<uint8_t>(first);
}

// A literal's announcement ends the line (RFC 9051, 4.3); a client may send its octets at once
// where there is a plus (RFC 7888).
bool ImapTransfers::Announces(const Side& side, uint64_t& bytes, bool& at_once) {
  absl::string_view tail = side.tail.text();
  absl::ConsumeSuffix(&tail, "\r");
  if (!absl::ConsumeSuffix(&tail, "}")) return false;
  at_once = absl::ConsumeSuffix(&tail, "+");
  const std::size_t brace = tail.rfind('{');
  if (brace == tail.npos) return false;
  const absl::string_view digits = tail.substr(brace + 1);
  return IsNumber(digits) && absl::SimpleAtoi(digits, &bytes);
}

void ImapTransfers::OnClientLine() {
  Side& side = sides_[kUp];
  absl::string_view line(side.head, side.head_length);
  if (side.continued) {
    side.counted = appends_;
  } else {
    command_tag_ = side.tag.hash();
    absl::string_view verb = TakeWord(line);
    if (absl::EqualsIgnoreCase(verb, "UID")) verb = TakeWord(line);
    const bool replaces = absl::EqualsIgnoreCase(verb, "REPLACE");
    if (replaces) TakeWord(line);  // the message's number
    appends_ = replaces || absl::EqualsIgnoreCase(verb, "APPEND");
    if (absl::EqualsIgnoreCase(verb, "COMPRESS")) {
      compression_asked_ = true;
      compression_tag_ = side.tag.hash();
    }
    // A literal may also be the mailbox's name, the first argument.
    side.counted = appends_ && !absl::StartsWith(line, "{");
  }
  uint64_t bytes = 0;
  bool at_once = false;
  side.continued = Announces(side, bytes, at_once);
  if (!side.continued) return;
  if (at_once) {
    side.left = bytes;
  } else {
    awaits_ = true;
    awaited_ = bytes;
  }
}

// The server has answered the command whose literal it had not asked for.
void ImapTransfers::Refuse() {
  Side& client = sides_[kUp];
  if (unasked_) client.bytes -= std::min(client.bytes, unasked_bytes_);
  awaits_ = unasked_ = false;
  client.continued = false;
  client.left = 0;
}

void ImapTransfers::OnServerLine() {
  Side& side = sides_[kDown];
  absl::string_view line(side.head, side.head_length);
  absl::ConsumeSuffix(&line, "\r");
  if (!side.continued) {
    if (side.tag.first() == '+') {
      if (awaits_) sides_[kUp].left = awaited_;
      awaits_ = unasked_ = false;
      return;
    }
    const absl::string_view word = TakeWord(line);
    const bool waits = awaits_ || unasked_;
    if (side.tag.IsStar()) {
      const absl::string_view what = TakeWord(line);
      side.counted = IsNumber(word) && (absl::EqualsIgnoreCase(what, "FETCH") ||
                                        absl::EqualsIgnoreCase(what, "UIDFETCH"));  // RFC 9586
      if (waits && absl::EqualsIgnoreCase(word, "BAD")) Refuse();
    } else {
      side.counted = false;
      const bool ok = absl::EqualsIgnoreCase(word, "OK");
      if (waits && side.tag.hash() == command_tag_) {
        if (!ok) Refuse();
        awaits_ = unasked_ = false;
      }
      // What was asked before it may be answered only now.
      if (compression_asked_ && side.tag.hash() == compression_tag_) {
        compressed_ = ok;
        compression_asked_ = false;
      }
    }
    // People may read braces in the text of a status; a literal never follows.
    if (!side.tag.IsStar() || IsStatus(word)) return;
  }
  bool at_once = false;
  side.continued = Announces(side, side.left, at_once);
  if (!side.continued) side.left = 0;
}

void ImapTransfers::SkipLiteral(Direction from, uint64_t bytes) {
  Side& side = sides_[from];
  side.left -= bytes;
  if (!side.counted) return;
  side.bytes += bytes;
  if (from == kUp && unasked_) unasked_bytes_ += bytes;
}

uint64_t ImapTransfers::bytes(Direction from, uint64_t unseen) const {
  const Side& side = sides_[from];
  return side.counted ? side.bytes - std::min(side.bytes, unseen) : side.bytes;
}

}  // namespace mailtap::classify

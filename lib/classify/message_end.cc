#include "lib/classify/message_end.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace mailtap::classify {
namespace {

constexpr absl::string_view kDot = "\r\n.\r\n";

}  // namespace

void MessageEnd::Start() {
  kept_ = 2;
  std::memcpy(last_, "\r\n", kept_);
}

std::size_t MessageEnd::Find(const uint8_t* data, std::size_t size, bool follows, bool whole) {
  const absl::string_view piece(reinterpret_cast<const char*>(data), size);
  if (!follows) kept_ = 0;
  // Across the border: what was kept and the piece's first bytes.
  char border[2 * kKept];
  const std::size_t before = kept_, first = std::min(size, kKept);
  std::memcpy(border, last_, before);
  std::memcpy(border + before, data, first);
  const std::size_t across = absl::string_view(border, before + first).find(kDot);
  if (across != absl::string_view::npos) return across + kDot.size() - before;

  const std::size_t joined = std::min(before + first, kKept);
  if (size >= kKept) {
    std::memcpy(last_, data + size - kKept, kKept);
  } else {
    std::memmove(last_, border + before + first - joined, joined);
  }
  kept_ = static_cast<uint8_t>(size >= kKept ? kKept : joined);
  // A long piece with commands behind its dot ends with a line's end.
  if (!whole && size > kLookedAt && !absl::EndsWith(piece, "\r\n")) return 0;
  const std::size_t from = whole ? 0 : size - std::min(size, kLookedAt);
  const std::size_t dot = piece.find(kDot, from);
  return dot == absl::string_view::npos ? 0 : dot + kDot.size();
}

std::size_t MessageEnd::overlooked_bytes() const {
  constexpr absl::string_view kBareDot = ".\n";
  const absl::string_view end(last_, kept_);
  return absl::EndsWith(end, "\n.\n") ? kBareDot.size() : kLineBytes;
}

}  // namespace mailtap::classify

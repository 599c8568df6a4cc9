#include "lib/classify/starttls_watcher.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace mailtap::classify {

std::size_t StarttlsWatcher::OnClient(const uint8_t* data, std::size_t size) {
  constexpr uint8_t kTlsHandshake = 22;
  for (std::size_t at = 0; at < size;) {
    if (line_empty_ && asked_ && data[at] == kTlsHandshake) {
      tls_ = true;
      return at;
    }
    const auto* end = static_cast<const uint8_t*>(std::memchr(data + at, '\n', size - at));
    const std::size_t stop = end != nullptr ? static_cast<std::size_t>(end - data) : size;
    if (stop != at) Keep(data + at, stop - at);
    at = stop;
    if (end == nullptr) break;
    ++at;
    asked_ = AsksForTls();
    kept_ = 0;
    line_empty_ = true;
    if (lines_ < kMaxLines) ++lines_;
  }
  return size;
}

// More of a line. Of what it ends with, kKept bytes are enough; carriage returns do not count.
void StarttlsWatcher::Keep(const uint8_t* data, std::size_t size) {
  line_empty_ = false;
  char last[kKept];
  int found = 0;
  for (std::size_t at = size; at > 0 && found < kKept; --at) {
    if (data[at - 1] != '\r') last[kKept - ++found] = static_cast<char>(data[at - 1]);
  }
  const int before = std::min<int>(kept_, kKept - found);
  std::memmove(tail_, tail_ + kept_ - before, static_cast<std::size_t>(before));
  std::memcpy(tail_ + before, last + kKept - found, static_cast<std::size_t>(found));
  kept_ = static_cast<uint8_t>(before + found);
}

bool StarttlsWatcher::AsksForTls() const {
  const absl::string_view line(tail_, kept_);
  return absl::EqualsIgnoreCase(line, "STLS") || absl::EndsWithIgnoreCase(line, " STARTTLS");
}

}  // namespace mailtap::classify

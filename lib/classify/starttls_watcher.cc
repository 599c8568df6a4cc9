#include "lib/classify/starttls_watcher.h"

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace mailtap::classify {

std::size_t StarttlsWatcher::OnClient(const uint8_t* data, std::size_t size) {
  constexpr uint8_t kTlsHandshake = 22;
  for (std::size_t at = 0; at < size; ++at) {
    const uint8_t byte = data[at];
    if (line_empty_ && asked_ && byte == kTlsHandshake) {
      tls_ = true;
      return at;
    }
    if (byte == '\n') {
      asked_ = AsksForTls();
      kept_ = 0;
      line_empty_ = true;
      if (lines_ < kMaxLines) ++lines_;
      continue;
    }
    line_empty_ = false;
    if (byte == '\r') continue;
    if (kept_ == kKept) {
      std::memmove(tail_, tail_ + 1, kKept - 1);
      --kept_;
    }
    tail_[kept_++] = static_cast<char>(byte);
  }
  return size;
}

bool StarttlsWatcher::AsksForTls() const {
  const absl::string_view line(tail_, kept_);
  return absl::EqualsIgnoreCase(line, "STLS") || absl::EndsWithIgnoreCase(line, " STARTTLS");
}

}  // namespace mailtap::classify

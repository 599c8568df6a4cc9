#include "lib/classify/starttls_watcher.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/classify/tls_hello.h"

namespace mailtap::classify {

bool MayAgreeToTls(absl::string_view said) {
  if (!absl::ConsumeSuffix(&said, "\n")) return false;
  const absl::string_view line = said.substr(said.rfind('\n') + 1);  // npos + 1 is 0
  if (absl::StartsWith(line, "220")) return line.size() == 3 || absl::ascii_isspace(line[3]);
  if (line.empty() || line[0] == '*') return false;
  if (line[0] == '+') return absl::StartsWithIgnoreCase(line, "+OK");
  const std::size_t tag = std::min(line.find(' '), line.size());
  return absl::StartsWithIgnoreCase(line.substr(tag), " OK");
}

bool RefusesTls(absl::string_view said) {
  if (said.size() > 2 && (said[0] == '4' || said[0] == '5') && absl::ascii_isdigit(said[1]) &&
      absl::ascii_isdigit(said[2])) {
    return true;
  }
  if (absl::StartsWithIgnoreCase(said, "-ERR")) return true;
  const absl::string_view behind_tag = said.substr(std::min(said.find(' '), said.size()));
  return absl::StartsWithIgnoreCase(behind_tag, " NO ") ||
         absl::StartsWithIgnoreCase(behind_tag, " BAD ");
}

std::size_t StarttlsWatcher::OnClient(const uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    if (line_empty_ && asked_ && data[at] == kTlsHandshakeRecord) {
      tls_ = true;
      return at;
    }
    const auto* end = static_cast<const uint8_t*>(std::memchr(data + at, '\n', size - at));
    const std::size_t stop = end != nullptr ? static_cast<std::size_t>(end - data) : size;
    if (stop != at) Keep({reinterpret_cast<const char*>(data + at), stop - at});
    at = stop;
    if (end == nullptr) break;
    ++at;
    asked_ = AsksForTls();
    tail_.Clear();
    line_empty_ = true;
    if (lines_ < kMaxLines) ++lines_;
  }
  return size;
}

// More of a line. Carriage returns do not count.
void StarttlsWatcher::Keep(absl::string_view text) {
  line_empty_ = false;
  for (const absl::string_view part : absl::StrSplit(text, '\r')) tail_.Add(part);
}

bool StarttlsWatcher::AsksForTls() const {
  const absl::string_view line = tail_.text();
  return absl::EqualsIgnoreCase(line, "STLS") || absl::EndsWithIgnoreCase(line, " STARTTLS");
}

}  // namespace mailtap::classify

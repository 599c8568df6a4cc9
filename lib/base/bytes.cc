#include "lib/base/bytes.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mailtap {
namespace {

// The number scaled to a thousand's power, and that power's letter.
std::string Scaled(uint64_t value, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  double scaled = static_cast<double>(value);
  int power = 0;
  while (scaled >= 999.5 && power < 6) {
    scaled /= 1000;
    ++power;
  }
  const char* prefix = kPrefixes[power];
  if (power == 0) return absl::StrCat(value, *unit ? " " : "", unit);
  const int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f %s%s", decimals, scaled, prefix, unit);
}

}  // namespace

std::string FormatBytes(uint64_t bytes) { return Scaled(bytes, "B"); }
std::string FormatCount(uint64_t count) { return Scaled(count, ""); }

}  // namespace mailtap

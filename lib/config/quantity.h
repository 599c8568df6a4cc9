// Sizes, durations and plain numbers as the configuration writes them.
//
// Pure functions, any thread. Each Format... gives text that its Parse... turns back into the
// same value.
#ifndef MAILTAP_LIB_CONFIG_QUANTITY_H_
#define MAILTAP_LIB_CONFIG_QUANTITY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "lib/config/rule.h"

namespace mailtap::config {

// The largest size that a double still holds exactly, as thresholds are doubles: 2^53 bytes.
inline constexpr int64_t kMaxSize = int64_t{1} << 53;

// "50MB", "1.5 GB", "4096B" in bytes; units B kB MB GB (powers of 1000) and KiB MiB GiB (powers
// of 1024). Nothing where the text is no such size, not a whole number of bytes, or above
// kMaxSize.
std::optional<int64_t> ParseSize(absl::string_view text);

// The shortest exact form: 50'000'000 -> "50MB", 4096 -> "4KiB", 1'234'567 -> "1234567B".
std::string FormatSize(int64_t bytes);

// "90s", "5m", "1h30m", "7d" in seconds: whole numbers, units d h m s, largest first, each at
// most once. Nothing where the text is no such duration, or longer than ten years.
std::optional<int64_t> ParseDuration(absl::string_view text);

// "08:00-18:00", "22:00-06:00", "00:00-24:00". Nothing where the text is no such part of the
// day, or an empty one.
std::optional<Hours> ParseHours(absl::string_view text);
std::string FormatHours(const Hours& hours);

// The shortest decimal form that reads back as the same double: 12 -> "12", 0.5 -> "0.5".
// `value` must be finite.
std::string FormatNumber(double value);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_QUANTITY_H_

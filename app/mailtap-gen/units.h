// Sizes, durations and times as people write them.
#ifndef MAILTAP_APP_MAILTAP_GEN_UNITS_H_
#define MAILTAP_APP_MAILTAP_GEN_UNITS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace mailtap::gen {

// "1500", "64kB", "50MB", "1.5GiB" in bytes; "k" and "M" alone count things.
std::optional<uint64_t> ParseSize(const std::string& text);
// "250ms", "90s", "5m", "24h", "2d" in nanoseconds; a bare number is seconds.
std::optional<uint64_t> ParseDuration(const std::string& text);
// "2026-01-05T09:00:00Z" in nanoseconds since 1970.
std::optional<int64_t> ParseTime(const std::string& text);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_UNITS_H_

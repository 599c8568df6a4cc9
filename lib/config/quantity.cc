#include "lib/config/quantity.h"

#include <array>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mailtap::config {
namespace {

struct Unit {
  absl::string_view name;
  int64_t scale;
};

constexpr std::array<Unit, 7> kSizeUnits = {{{"B", 1},
                                             {"kB", 1'000},
                                             {"MB", 1'000'000},
                                             {"GB", 1'000'000'000},
                                             {"KiB", int64_t{1} << 10},
                                             {"MiB", int64_t{1} << 20},
                                             {"GiB", int64_t{1} << 30}}};
constexpr std::array<Unit, 4> kDurationUnits = {
    {{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
constexpr int64_t kMaxDuration = int64_t{10} * 366 * 86'400;

// Takes the digits that `text` opens with. Nothing where there are none, or too many to fit.
std::optional<int64_t> TakeDigits(absl::string_view& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const size_t taken = end - text.data();
  if (error != std::errc() || taken == 0 || text[0] == '-') return std::nullopt;
  text.remove_prefix(taken);
  return value;
}

// `digits` behind a decimal point, as a part of `scale`. Integer arithmetic: 0.1 of a GB is
// exactly 100'000'000 B. Nothing where it is not a whole number.
std::optional<int64_t> FractionOf(absl::string_view digits, int64_t scale) {
  while (!digits.empty() && digits.back() == '0') digits.remove_suffix(1);
  constexpr size_t kMostDigits = 18;  // what an int64_t holds; no size needs more
  if (digits.size() > kMostDigits) return std::nullopt;
  __int128 value = 0;
  __int128 divisor = 1;
  for (const char digit : digits) {
    value = value * 10 + (digit - '0');
    divisor *= 10;
  }
  if (value * scale % divisor != 0) return std::nullopt;
  return static_cast<int64_t>(value * scale / divisor);
}

}  // namespace

std::optional<int64_t> ParseSize(absl::string_view text) {
  const std::optional<int64_t> whole = TakeDigits(text);
  if (!whole) return std::nullopt;
  absl::string_view fraction;
  if (!text.empty() && text[0] == '.') {
    size_t end = 1;
    while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
    fraction = text.substr(1, end - 1);
    if (fraction.empty()) return std::nullopt;
    text.remove_prefix(end);
  }
  if (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  for (const Unit& unit : kSizeUnits) {
    if (text != unit.name) continue;
    if (*whole > kMaxSize / unit.scale) return std::nullopt;
    const std::optional<int64_t> part = FractionOf(fraction, unit.scale);
    if (!part) return std::nullopt;
    const int64_t bytes = *whole * unit.scale + *part;
    return bytes <= kMaxSize ? std::optional(bytes) : std::nullopt;
  }
  return std::nullopt;
}

std::string FormatSize(int64_t bytes) {
  const Unit* best = &kSizeUnits[0];
  for (const Unit& unit : kSizeUnits) {
    if (bytes != 0 && bytes % unit.scale == 0 && unit.scale > best->scale) best = &unit;
  }
  return absl::StrCat(bytes / best->scale, best->name);
}

std::optional<int64_t> ParseDuration(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t seconds = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const std::optional<int64_t> count = TakeDigits(text);
    if (!count || *count > kMaxDuration || text.empty()) return std::nullopt;
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].name[0] != text[0]) {
      ++next_unit;
    }
    if (next_unit == kDurationUnits.size()) return std::nullopt;
    seconds += *count * kDurationUnits[next_unit++].scale;
    text.remove_prefix(1);
  }
  return seconds <= kMaxDuration ? std::optional(seconds) : std::nullopt;
}

namespace {

// "HH:MM" at the start of `text`, which it is taken from; minutes since midnight.
std::optional<int> TakeClock(absl::string_view& text) {
  constexpr size_t kLength = 5;
  if (text.size() < kLength || text[2] != ':') return std::nullopt;
  for (const size_t i : {0, 1, 3, 4}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour * 60 + minute > Hours::kDayMinutes) return std::nullopt;
  text.remove_prefix(kLength);
  return hour * 60 + minute;
}

}  // namespace

std::optional<Hours> ParseHours(absl::string_view text) {
  const std::optional<int> from = TakeClock(text);
  if (!from || text.empty() || text[0] != '-') return std::nullopt;
  text.remove_prefix(1);
  const std::optional<int> to = TakeClock(text);
  if (!to || !text.empty() || *from == Hours::kDayMinutes || *from == *to) return std::nullopt;
  return Hours{*from, *to};
}

std::string FormatHours(const Hours& hours) {
  return absl::StrFormat("%02d:%02d-%02d:%02d", hours.from / 60, hours.from % 60, hours.to / 60,
                         hours.to % 60);
}

std::string FormatNumber(double value) {
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  if (value == std::trunc(value) && std::abs(value) <= kExactIntegers) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return std::string(text, end);
}

}  // namespace mailtap::config

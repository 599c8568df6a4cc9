#include "app/mailtap-gen/units.h"

#include <time.h>

#include <charconv>
#include <iterator>

namespace mailtap::gen {
namespace {

struct Unit {
  const char* name;
  double factor;
};

template <std::size_t N>
std::optional<uint64_t> Parse(const std::string& text, const Unit (&units)[N]) {
  double number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;
  for (const Unit& unit : units) {
    if (std::string(end, last) != unit.name) continue;
    const double value = number * unit.factor;
    if (value >= 0x1p63) return std::nullopt;
    return static_cast<uint64_t>(value + 0.5);
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> ParseSize(const std::string& text) {
  constexpr Unit kUnits[] = {{"", 1},       {"B", 1},        {"k", 1e3},     {"M", 1e6},
                             {"kB", 1e3},   {"MB", 1e6},     {"GB", 1e9},    {"G", 1e9},
                             {"KiB", 1024}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};
  return Parse(text, kUnits);
}

std::optional<uint64_t> ParseDuration(const std::string& text) {
  constexpr Unit kUnits[] = {{"", 1e9},   {"us", 1e3},    {"ms", 1e6},    {"s", 1e9},
                             {"m", 60e9}, {"h", 3'600e9}, {"d", 86'400e9}};
  return Parse(text, kUnits);
}

std::optional<int64_t> ParseTime(const std::string& text) {
  tm utc = {};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const int day = utc.tm_mday;
  const int64_t seconds = timegm(&utc);
  if (utc.tm_mday != day)
    return std::nullopt;                    // February has no 31st, and timegm made it March's
  constexpr int64_t kLast = 9'214'646'399;  // the end of 2261: nanoseconds reach not far beyond
  if (seconds < 0 || seconds > kLast) return std::nullopt;
  return seconds * 1'000'000'000;
}

}  // namespace mailtap::gen

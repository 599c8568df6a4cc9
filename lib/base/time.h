// Time as the data plane and the control core share it.
//
// All stamps are nanoseconds since the Unix epoch in one signed 64-bit integer; names say so
// where another unit is used. No function here reads a clock: live, the lcore loop derives
// stamps from the TSC; in a replay they are the packets' own.
#ifndef MAILTAP_LIB_BASE_TIME_H_
#define MAILTAP_LIB_BASE_TIME_H_

#include <cstdint>
#include <string>

namespace mailtap {

using UnixNanos = int64_t;

inline constexpr int64_t kNanosPerMicro = 1'000;
inline constexpr int64_t kNanosPerMilli = 1'000'000;
inline constexpr int64_t kNanosPerSecond = 1'000'000'000;

// A tick is one second, aligned to the epoch. Tick n covers [n, n+1) seconds.
constexpr int64_t TickOf(UnixNanos time) {
  const int64_t tick = time / kNanosPerSecond;
  return tick - (time % kNanosPerSecond < 0 ? 1 : 0);
}
constexpr UnixNanos StartOfTick(int64_t tick) { return tick * kNanosPerSecond; }

// RFC 3339 in UTC with microseconds: "2026-11-23T20:41:07.000123Z".
std::string FormatRfc3339(UnixNanos time);

// For people, to the second: "2026-11-23 20:41:07 UTC".
std::string FormatSeconds(UnixNanos time);

// Whole seconds as a person writes them: "90s" -> "1m30s", 3600 -> "1h". Never empty.
std::string FormatDuration(int64_t seconds);

}  // namespace mailtap

#endif  // MAILTAP_LIB_BASE_TIME_H_

#include "lib/base/time.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace mailtap {

std::string FormatRfc3339(UnixNanos time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixNanos(time),
                          absl::UTCTimeZone());
}

std::string FormatSeconds(UnixNanos time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixNanos(time),
                          absl::UTCTimeZone());
}

std::string FormatDuration(int64_t seconds) {
  std::string out;
  const auto take = [&](int64_t unit, const char* suffix) {
    if (seconds >= unit) absl::StrAppend(&out, seconds / unit, suffix);
    seconds %= unit;
  };
  take(86'400, "d");
  take(3'600, "h");
  take(60, "m");
  take(1, "s");
  return out.empty() ? "0s" : out;
}

}  // namespace mailtap

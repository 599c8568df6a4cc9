// Tells in the log that the system's clock was set: what the sensor says of times is off until
// it has caught up.
#ifndef MAILTAP_APP_MAILTAP_CLOCK_WATCH_H_
#define MAILTAP_APP_MAILTAP_CLOCK_WATCH_H_

#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/base/log.h"

namespace mailtap::app {

// One thread, about once a second.
class ClockWatch {
 public:
  // `offset`: by how many nanoseconds the system's clock is ahead of the sensor's.
  void Check(int64_t offset) {
    constexpr int64_t kFar = 2'000'000'000, kNear = 500'000'000;
    const int64_t by = std::abs(offset);
    if (!far_ && by > kFar) {
      far_ = true;
      LogWarning(absl::StrCat(
          "the system's clock was set: it is ",
          absl::FormatDuration(absl::Trunc(absl::Nanoseconds(by), absl::Milliseconds(1))),
          offset > 0 ? " ahead of" : " behind",
          " the sensor's, which follows by 1 % of the time that passes; a "
          "restart takes it over at once"));
    } else if (far_ && by < kNear) {
      far_ = false;
      LogInfo("the sensor's clock has caught up with the system's");
    }
  }

 private:
  bool far_ = false;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_CLOCK_WATCH_H_

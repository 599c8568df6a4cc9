// When a rule counts: its part of the day on its days of the week, by the clock of a time zone.
#ifndef MAILTAP_LIB_CONTROL_SCHEDULE_H_
#define MAILTAP_LIB_CONTROL_SCHEDULE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "lib/config/rule.h"

namespace mailtap::control {

// A second is in the schedule if its start is. Where hours go past midnight, the day is that of
// the moment, not of the evening before. Immutable.
class Schedule {
 public:
  explicit Schedule(const config::Rule& rule) : hours_(rule.hours) {
    for (const config::Weekday day : rule.weekdays) {
      days_ |= static_cast<uint8_t>(1u << static_cast<int>(day));
    }
    if (rule.weekdays.empty()) days_ = 0x7f;
  }

  bool Holds(int64_t tick, const absl::TimeZone& zone) const {
    const absl::CivilSecond local = absl::ToCivilSecond(absl::FromUnixSeconds(tick), zone);
    const auto day = static_cast<int>(absl::GetWeekday(absl::CivilDay(local)));
    return (days_ >> day & 1) != 0 && hours_.Holds(local.hour() * 60 + local.minute());
  }

  friend bool operator==(const Schedule&, const Schedule&) = default;

 private:
  config::Hours hours_;
  uint8_t days_ = 0;  // a bit per Weekday, of which absl's has the same order
};
static_assert(static_cast<int>(absl::Weekday::monday) == 0);
static_assert(static_cast<int>(absl::Weekday::sunday) ==
              static_cast<int>(config::Weekday::kSunday));

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SCHEDULE_H_

// What the tests of the learning mode share.
#ifndef MAILTAP_TESTS_UNIT_CONTROL_PROPOSALS_TESTING_H_
#define MAILTAP_TESTS_UNIT_CONTROL_PROPOSALS_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/control/proposals.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {

inline constexpr int64_t kDayHours = 24;

// Hours in which the sensor saw everything.
inline std::vector<Hour> Quiet(int64_t count) {
  std::vector<Hour> hours(static_cast<std::size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Hour& hour = hours[static_cast<std::size_t>(i)];
    hour.hour = kT0 / kHourSeconds + i;
    hour.first_tick = kT0 + i * kHourSeconds;
    hour.capture.seconds = kHourSeconds;
  }
  return hours;
}

inline Proposals Of(const std::vector<Hour>& hours,
                    const config::Config& config = BaseConfig()) {
  return Propose({config, hours, {}, {}});
}

inline std::string All(const std::vector<std::string>& lines) {
  return absl::StrJoin(lines, "\n");
}

inline HourAct Act(const std::string& host, Role role, Service service, uint32_t peers,
                   bool external = true) {
  HourAct act;
  act.host = Ip(host);
  act.role = role;
  act.service = service;
  act.external = external;
  act.sessions = 5;
  act.peers = peers;
  return act;
}

// Two servers, a gateway and five that read mailboxes, beside one that does something else.
inline std::vector<Hour> Office(int64_t count = kDayHours) {
  std::vector<Hour> hours = Quiet(count);
  for (Hour& hour : hours) {
    hour.acts = {Act("10.0.20.1", Role::kServer, Service::kImap, 9, false),
                 Act("10.0.20.2", Role::kServer, Service::kSmtp, 16, false),
                 Act("10.0.20.10", Role::kClient, Service::kSmtp, 12),
                 Act("10.0.30.1", Role::kClient, Service::kSmtp, 1)};
    for (int i = 1; i <= 5; ++i) {
      hour.acts.push_back(
          Act(absl::StrCat("10.0.1.", i), Role::kClient, Service::kImap, 1, false));
    }
  }
  return hours;
}

}  // namespace mailtap::control

#endif  // MAILTAP_TESTS_UNIT_CONTROL_PROPOSALS_TESTING_H_

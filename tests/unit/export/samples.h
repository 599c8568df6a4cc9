// Sessions, alerts and snapshots that the tests of this room share.
#ifndef MAILTAP_TESTS_UNIT_EXPORT_SAMPLES_H_
#define MAILTAP_TESTS_UNIT_EXPORT_SAMPLES_H_

#include <memory>
#include <string>
#include <vector>

#include "lib/control/alert.h"
#include "lib/control/hour.h"
#include "lib/control/judged_session.h"
#include "lib/control/snapshot.h"
#include "lib/export/report.h"
#include "lib/export/sensor_status.h"

namespace mailtap::exporting {

// 2026-11-23T20:41:07.000123456Z
inline constexpr UnixNanos kSampleTime = 1795466467'000'123'456;

control::JudgedSession SampleSession();
control::Alert SampleAlert();
// A port that has fallen silent.
control::Alert SampleBlindSpot();
// Totals, one host gauge, one relay, one alert count.
std::shared_ptr<control::Snapshot> SampleSnapshot();
// Two ports, two workers, one sink.
SensorStatus SampleStatus();
ReportInput SampleReport();
// One of a period's hours, the `n`th; kSampleHour is its first: 2026-11-23T20:00Z.
inline constexpr int64_t kSampleHour = 498'740;
control::Hour SampleHour(int64_t n, int64_t seconds = control::kHourSeconds);
control::HourServer SampleHourServer(const std::string& server,
                                     const std::vector<std::string>& clients);

net::IpAddress Address(const std::string& text);

std::string ReadFile(const std::string& path);

}  // namespace mailtap::exporting

#endif  // MAILTAP_TESTS_UNIT_EXPORT_SAMPLES_H_

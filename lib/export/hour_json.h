// An hour as the state keeps it: one JSON object, and the way back.
#ifndef MAILTAP_LIB_EXPORT_HOUR_JSON_H_
#define MAILTAP_LIB_EXPORT_HOUR_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "lib/control/hour.h"

namespace mailtap::exporting {

// Any thread.
std::string HourJson(const control::Hour& hour);

// DataLoss where `json` is none of HourJson's.
absl::StatusOr<control::Hour> ParseHour(absl::string_view json);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_HOUR_JSON_H_

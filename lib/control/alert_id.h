// What an alert is called by machines.
#ifndef MAILTAP_LIB_CONTROL_ALERT_ID_H_
#define MAILTAP_LIB_CONTROL_ALERT_ID_H_

#include <string>

#include "absl/strings/string_view.h"
#include "lib/control/alert.h"

namespace mailtap::control {

// The id of an alert of this sensor that is being raised: the same on every run and for any
// number of workers. `alert` is complete but for id, evidence and summary.
std::string AlertId(absl::string_view sensor, const Alert& alert);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_ALERT_ID_H_

// The sentence that an alert on a blind spot says to an engineer.
#ifndef MAILTAP_LIB_CONTROL_BLIND_SPOT_SUMMARY_H_
#define MAILTAP_LIB_CONTROL_BLIND_SPOT_SUMMARY_H_

#include <cstdint>
#include <string>

#include "lib/control/alert.h"
#include "lib/control/blind_spots.h"
#include "lib/control/capture_sample.h"

namespace mailtap::control {

// One sentence: what is not seen, how much of it, and what to check. `alert` is complete but
// for its summary; `names`: those of the reasons and tables that `spot` counts.
std::string Summarize(const Alert& alert, const BlindSpot& spot, const CaptureSample& names,
                      int64_t hold_seconds);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_BLIND_SPOT_SUMMARY_H_

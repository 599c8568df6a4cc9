// Frames that could not be decoded: how many, why, and the start of some.
#ifndef MAILTAP_LIB_EXPORT_UNDECODABLE_H_
#define MAILTAP_LIB_EXPORT_UNDECODABLE_H_

#include <nlohmann/json.hpp>
#include <vector>

#include "lib/control/snapshot.h"
#include "lib/export/sensor_status.h"

namespace mailtap::exporting {

// An array with an object for each reason that occurred, in the order of net::Outcome:
// `reason`, `packets`, and `samples` with `time`, `port` (its number), `link`, `wire_length`
// and `bytes` in hexadecimal. Samples are there only where [diagnostics] asks for them: a frame
// that can't be decoded may hold anything. `drops` may name other reasons too; `snapshot` may
// be null. Any thread.
nlohmann::ordered_json UndecodableJson(const control::Snapshot* snapshot,
                                       const std::vector<DropCount>& drops);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_UNDECODABLE_H_

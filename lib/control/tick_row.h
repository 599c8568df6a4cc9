// What one conversation did within the tick that is being gathered.
#ifndef MAILTAP_LIB_CONTROL_TICK_ROW_H_
#define MAILTAP_LIB_CONTROL_TICK_ROW_H_

#include <algorithm>
#include <cstdint>

#include "lib/meter/records.h"

namespace mailtap::control {

inline constexpr uint32_t kNone = 0xffffffff;  // no id, no row

// Sums of the conversation's delta records, whichever workers they came from.
struct TickRow {
  uint32_t conversation = 0;
  uint32_t sessions = 0;
  uint32_t messages = 0;
  uint32_t rejected : 30 = 0;
  uint32_t seen : 2 = 0;  // bit per Direction: packets were seen going that way
  uint64_t bytes[kDirectionCount] = {};
  uint64_t inferred = 0;  // both directions
  uint64_t repeated = 0;
  uint64_t duplicate = 0;
  uint64_t one_way = 0;  // as the delta records'
  UnixNanos first_seen = INT64_MAX;
  UnixNanos last_seen = 0;

  void Add(const meter::DeltaRecord& delta) {
    sessions += delta.sessions;
    messages += delta.messages;
    rejected += delta.rejected;
    for (int d = 0; d < kDirectionCount; ++d) {
      const meter::DirectionBytes& direction = delta.bytes[d];
      bytes[d] += direction.volume();
      inferred += direction.inferred;
      repeated += direction.repeated;
      duplicate += direction.duplicate;
      if (direction.packets > 0) seen |= 1u << d;
    }
    one_way += delta.one_way;
    first_seen = std::min(first_seen, delta.first_seen);
    last_seen = std::max(last_seen, delta.last_seen);
  }
};
static_assert(sizeof(TickRow) == 80);  // a tick may have a million

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_TICK_ROW_H_

// What the counters of the control core have grown by since the process started.
#ifndef MAILTAP_LIB_EXPORT_GROWTH_H_
#define MAILTAP_LIB_EXPORT_GROWTH_H_

#include "lib/control/snapshot.h"

namespace mailtap::exporting {

// `now` with the counters that metrics tell as since `start`, a snapshot of the same control
// core that has every relay entry. Prometheus takes a counter that falls for one that began
// again at 0: after a crash, totals that went on from the last checkpoint would count twice.
control::Snapshot GrowthSince(const control::Snapshot& start, const control::Snapshot& now);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_GROWTH_H_

// A worker's counters in the form that metrics and reports take.
#ifndef MAILTAP_APP_MAILTAP_WORKER_STATUS_H_
#define MAILTAP_APP_MAILTAP_WORKER_STATUS_H_

#include <vector>

#include "lib/config/config.h"
#include "lib/exchange/ring.h"
#include "lib/export/sensor_status.h"
#include "lib/pipeline/worker.h"

namespace mailtap::app {

// Any thread.
exporting::WorkerStatus StatusOf(int number, const pipeline::WorkerCounters& counters,
                                 const exchange::RecordRing& ring,
                                 const config::Limits& limits);

// Adds `more` to `sum`, reason by reason.
void AddDrops(const std::vector<exporting::DropCount>& more,
              std::vector<exporting::DropCount>& sum);

// Version, compiler and DPDK of this build; the rest is left to the caller.
exporting::SensorStatus BuildStatus();

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_WORKER_STATUS_H_

// A worker's counters in the form that metrics and reports take.
#ifndef MAILTAP_APP_MAILTAP_WORKER_STATUS_H_
#define MAILTAP_APP_MAILTAP_WORKER_STATUS_H_

#include <vector>

#include "lib/config/config.h"
#include "lib/control/capture_sample.h"
#include "lib/exchange/ring.h"
#include "lib/export/sensor_status.h"
#include "lib/pipeline/worker.h"

namespace mailtap::app {

// Any thread.
exporting::WorkerStatus StatusOf(int number, const pipeline::WorkerCounters& counters,
                                 const exchange::RecordRing& ring,
                                 const config::Limits& limits);

// Adds what the control core wants to know of the capture to `sample`, whose ports, packets
// and frames captured short are the caller's. Any thread.
void AddTo(const pipeline::WorkerCounters& counters, control::CaptureSample& sample);

// Adds `more` to `sum`, reason by reason.
void AddDrops(const std::vector<exporting::DropCount>& more,
              std::vector<exporting::DropCount>& sum);

// Version, compiler and DPDK of this build; the rest is left to the caller.
exporting::SensorStatus BuildStatus();

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_WORKER_STATUS_H_

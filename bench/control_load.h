// Delta records as a busy network gives them, for benchmarks of the control core.
#ifndef MAILTAP_BENCH_CONTROL_LOAD_H_
#define MAILTAP_BENCH_CONTROL_LOAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/output.h"
#include "lib/meter/records.h"

namespace mailtap::bench {

// conf/mailtap.toml, in which 10.0.0.0/8 is internal.
std::shared_ptr<const config::Config> ShippedConfig();

// The record of what internal host number `host` (below 2^24) exchanges in `tick` with its
// external peer number `peer` by `service`: a few kilobytes, below every shipped threshold.
meter::DeltaRecord RecordOf(uint32_t host, uint32_t peer, Service service, int64_t tick);

// Counts alerts, drops the rest.
class AlertCounter final : public control::Output {
 public:
  void OnAlert(const control::Alert&) override { ++alerts_; }
  void OnSession(const control::JudgedSession&) override {}
  uint64_t alerts() const { return alerts_; }

 private:
  uint64_t alerts_ = 0;
};

// Bytes of memory that the process holds now.
double ResidentBytes();

}  // namespace mailtap::bench

#endif  // MAILTAP_BENCH_CONTROL_LOAD_H_

// DPDK's environment, and the clock that its timestamp counter makes.
#ifndef MAILTAP_LIB_DATAPLANE_EAL_H_
#define MAILTAP_LIB_DATAPLANE_EAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/time.h"

namespace mailtap::dataplane {

// rte_eal_init for the life of the object. One a process.
class Eal {
 public:
  // `arguments`: EAL's own, without the program's name. Main thread.
  static absl::StatusOr<std::unique_ptr<Eal>> Start(const std::vector<std::string>& arguments);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // The lcores other than the main one, in order.
  std::vector<unsigned> worker_lcores() const;
  static std::string DpdkVersion();  // "22.11.11"

 private:
  Eal() = default;
};

// Wall clock time from the TSC: one instruction, no system call. Set to the system's clock when
// made; from then on it runs with the TSC, so it never steps.
class TscClock {
 public:
  TscClock();  // after Eal::Start
  // Any thread.
  UnixNanos Now() const;

 private:
  uint64_t start_cycles_;
  UnixNanos start_;
  double nanos_per_cycle_;
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_EAL_H_

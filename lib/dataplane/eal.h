// DPDK's environment.
#ifndef MAILTAP_LIB_DATAPLANE_EAL_H_
#define MAILTAP_LIB_DATAPLANE_EAL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mailtap::dataplane {

// rte_eal_init for the life of the object. One a process.
class Eal {
 public:
  // `arguments`: EAL's own, without the program's name. FailedPrecondition where EAL doesn't
  // start, or a device that they name has no port; InvalidArgument where EAL leaves one over.
  // Main thread.
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

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_EAL_H_

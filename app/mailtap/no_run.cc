// `mailtap run` of a build without DPDK.
#include "app/mailtap/run.h"
#include "lib/base/log.h"

namespace mailtap::app {

int Run(const std::vector<std::string>&, const std::string&,
        std::shared_ptr<const config::Config>) {
  LogError("this build has no DPDK (meson option dataplane), so it can't capture live");
  return 1;
}

}  // namespace mailtap::app

// `mailtap run`: live traffic from DPDK ports.
#ifndef MAILTAP_APP_MAILTAP_RUN_H_
#define MAILTAP_APP_MAILTAP_RUN_H_

#include <memory>
#include <string>
#include <vector>

#include "lib/config/config.h"

namespace mailtap::app {

// Runs until SIGINT or SIGTERM, then flushes, prints what was seen, and returns the process's
// exit status. `eal_arguments` go to DPDK as they are. SIGHUP reloads the configuration from
// `config_path`, which gave `config`; one that comes while the sensor starts does so then.
int Run(const std::vector<std::string>& eal_arguments, const std::string& config_path,
        std::shared_ptr<const config::Config> config);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_RUN_H_

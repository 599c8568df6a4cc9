// Which configuration is in force, in 12 letters.
#ifndef MAILTAP_LIB_CONFIG_VERSION_H_
#define MAILTAP_LIB_CONFIG_VERSION_H_

#include <string>

#include "lib/config/config.h"

namespace mailtap::config {

// 12 hex digits: a hash of all that the configuration says and of what stands in its relay
// files and assets, but for where these lie, the sensor's name and the version itself, so that
// sensors which judge alike show the same version.
std::string VersionOf(Config config);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_VERSION_H_

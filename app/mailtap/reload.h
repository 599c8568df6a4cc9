// `mailtap reload`: asks a running sensor to read its configuration anew.
#ifndef MAILTAP_APP_MAILTAP_RELOAD_H_
#define MAILTAP_APP_MAILTAP_RELOAD_H_

#include <string>

#include "lib/config/config.h"

namespace mailtap::app {

// Finds the sensor by the state directory that `config` names, sends it SIGHUP, and waits until
// it has read its file. Returns the process's exit status: 0 where the sensor says that the new
// configuration is in force, after naming the keys that it is not for until a restart; else 1
// after saying why not, as where `path`, from which `config` is, isn't the sensor's file. Only
// the sensor's user and root may signal it.
int Reload(const config::Config& config, const std::string& path);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_RELOAD_H_

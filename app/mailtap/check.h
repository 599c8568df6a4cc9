// `mailtap check`: whether a sensor could run by a configuration, and what of it is worth a
// look.
#ifndef MAILTAP_APP_MAILTAP_CHECK_H_
#define MAILTAP_APP_MAILTAP_CHECK_H_

#include <string>

#include "lib/config/relay_file.h"

namespace mailtap::app {

// config::LoadFile() for a sensor: that it would write over what it reads, or two things into
// one file, is a fault too.
config::ParseResult LoadForSensor(const std::string& path);

// Tells of what has expired or matches nothing, on standard error, and prints what
// LoadForSensor() gave where that is asked for. Returns the exit status.
int Check(const std::string& path, const config::Config& config, bool print);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_CHECK_H_

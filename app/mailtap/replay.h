// `mailtap replay`: captures through the same stages as live traffic.
#ifndef MAILTAP_APP_MAILTAP_REPLAY_H_
#define MAILTAP_APP_MAILTAP_REPLAY_H_

#include <memory>
#include <string>
#include <vector>

#include "lib/config/config.h"

namespace mailtap::app {

struct ReplayOptions {
  std::vector<std::string> captures;
  std::string config;  // where the configuration was read from
  std::string flows;   // output files; empty: none
  std::string alerts;
  std::string report;
  std::string metrics;
  std::string state;  // directory; empty: none
  int workers = 1;
  bool progress = true;
};

// Runs a replay and prints its summary. Returns the process's exit status: 0; 1 where nothing
// could be done; 2 where a capture was damaged or an output file incomplete, after
// reporting everything before the damage.
int Replay(const ReplayOptions& options, std::shared_ptr<const config::Config> config);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_REPLAY_H_

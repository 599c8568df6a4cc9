// `mailtap propose`: what the traffic that a state knows suggests for the configuration.
#ifndef MAILTAP_APP_MAILTAP_PROPOSE_H_
#define MAILTAP_APP_MAILTAP_PROPOSE_H_

#include <memory>
#include <string>

#include "lib/config/config.h"

namespace mailtap::app {

struct ProposeOptions {
  std::string config;  // where the configuration was read from
  std::string state;   // folder, or the file in it; empty: the configuration's
  std::string since;   // see TimeOf(); empty: see LearnSince()
  std::string until;   // empty: the last checkpoint
  std::string output;  // file; empty: standard output
};

// Returns the process's exit status: 0, or 1 after saying why nothing could be proposed.
int Propose(const ProposeOptions& options, std::shared_ptr<const config::Config> config);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_PROPOSE_H_

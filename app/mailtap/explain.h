// `mailtap explain`: why mail of a host is approved or not, and where the host stands.
#ifndef MAILTAP_APP_MAILTAP_EXPLAIN_H_
#define MAILTAP_APP_MAILTAP_EXPLAIN_H_

#include <memory>
#include <string>

#include "lib/config/config.h"

namespace mailtap::app {

struct ExplainOptions {
  std::string host;
  std::string peer;   // empty: every peer
  std::string state;  // folder, or the file in it; empty: the configuration's
  bool json = false;
};

// Returns the process's exit status: 0; 1 after saying why nothing could be said; 2 where the
// state knows no mail of the host, or none with the peer, after saying what the policy would.
int Explain(const ExplainOptions& options, std::shared_ptr<const config::Config> config);

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_EXPLAIN_H_

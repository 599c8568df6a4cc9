// [[suppress]]: alerts that nobody wants to see for a while. Part of lib/config/config.h, which
// says where defaults stand and how these structs live.
#ifndef MAILTAP_LIB_CONFIG_SUPPRESSION_H_
#define MAILTAP_LIB_CONFIG_SUPPRESSION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/relay.h"
#include "lib/net/address.h"

namespace mailtap::config {

// Alerts of these rules on these hosts are counted and kept for reports, and go to no sink. All
// of it but the rules is required, so that none is forgotten and none covers everything.
struct Suppression {
  std::string name;                // unique
  std::vector<net::Prefix> hosts;  // internal ones
  std::vector<std::string> rules;  // names of [[rule]]s of scope host; empty: all of them
  Date expires;                    // through that day
  int64_t ends = 0;                // the first tick at which it no longer counts; of `expires`
  std::string reason;              // free text, shown in reports, as the next two
  std::string owner;
  std::string ticket;
  int line = 0;  // where it stands in the configuration
};

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_SUPPRESSION_H_

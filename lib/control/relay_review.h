// What is worth a look in the relay inventory, whatever the traffic.
#ifndef MAILTAP_LIB_CONTROL_RELAY_REVIEW_H_
#define MAILTAP_LIB_CONTROL_RELAY_REVIEW_H_

#include <cstdint>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/snapshot.h"

namespace mailtap::control {

// In the entries' order, as of `tick`. Of patterns with wildcards it only sees the obvious: a
// pattern takes another one that it fits letter by letter. Takes time in proportion to the
// entries and how many of them overlap.
std::vector<RelayNote> ReviewRelays(const std::vector<config::Relay>& relays,
                                    const std::vector<net::Prefix>& internal, int64_t tick);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_REVIEW_H_

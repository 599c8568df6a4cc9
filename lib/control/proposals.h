// The learning mode: groups, thresholds and relay entries that the traffic of some days
// suggests, each with its evidence. They are proposals: nothing here or elsewhere puts one in
// force.
#ifndef MAILTAP_LIB_CONTROL_PROPOSALS_H_
#define MAILTAP_LIB_CONTROL_PROPOSALS_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/hour.h"
#include "lib/net/address.h"

namespace mailtap::control {

// What is learnt from; the references outlive the call.
struct ProposalInput {
  const config::Config& config;       // that the proposals are to go into
  const std::vector<Hour>& hours;     // the earliest first
  std::set<net::IpAddress> suspects;  // hosts that had an alert open, suppressed or not
  std::set<std::pair<net::IpAddress, uint16_t>> suspect_servers;  // peers in alerts, with ports
};

template <typename Entry>
struct Proposal {
  Entry entry;
  std::vector<std::string> evidence;  // lines of plain text
};

struct Proposals {
  int64_t seconds = 0;  // of traffic that was judged in these hours
  int64_t first_tick = 0, end_tick = 0;
  std::vector<Proposal<config::Group>> groups;
  std::vector<Proposal<config::Rule>> rules;
  std::vector<Proposal<config::Relay>> relays;
  // What is not proposed, and why; lines of plain text.
  std::vector<std::string> group_notes, rule_notes, relay_notes;
};

// The names of the entries are unique, also among those of the configuration; added to it they
// make a valid one. Relay entries end 90 days after the last hour. Pure function, any thread.
Proposals Propose(const ProposalInput& input);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_PROPOSALS_H_

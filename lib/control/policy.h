// What the enterprise says of addresses: what is internal, what is approved, who belongs where.
#ifndef MAILTAP_LIB_CONTROL_POLICY_H_
#define MAILTAP_LIB_CONTROL_POLICY_H_

#include <cstdint>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/prefix_map.h"
#include "lib/control/relay_matcher.h"
#include "lib/meter/records.h"

namespace mailtap::control {

struct Judgement {
  config::Verdict verdict = config::Verdict::kTransit;
  uint32_t relay = kNoRelay;       // index of the entry that approved it
  bool internal[kRoleCount] = {};  // by Role: is that end inside `networks.internal`
};

// Built from a configuration, then only read; reading is thread-safe. Costs some hundred
// nanoseconds a call, so callers cache what it says per conversation or host.
class Policy {
 public:
  explicit Policy(const config::Config& config);

  // The verdict, the first that fits: a row that lost an end: unattributed; no internal end:
  // transit; a relay entry matches: inbound if the client is external, else approved; one end
  // external: unapproved_external; both internal: unapproved_internal.
  Judgement Judge(const meter::ConversationKey& key) const;

  // Indices of the groups that hold `host`: the one with the longest prefix first, then in
  // configuration order; each once.
  std::vector<uint32_t> GroupsOf(const net::IpAddress& host) const;

 private:
  PrefixSet internal_;
  RelayMatcher relays_;
  PrefixMap groups_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_POLICY_H_

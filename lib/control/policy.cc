#include "lib/control/policy.h"

#include <algorithm>

namespace mailtap::control {

using config::Verdict;

Policy::Policy(const config::Config& config)
    : internal_(config.networks.internal), relays_(config.relays) {
  for (uint32_t i = 0; i < config.groups.size(); ++i) {
    for (const net::Prefix& prefix : config.groups[i].members) groups_.Add(prefix, i);
  }
}

Judgement Policy::Judge(const meter::ConversationKey& key) const {
  Judgement judgement;
  if (key.attribution != meter::Attribution::kFull) {
    judgement.verdict = Verdict::kUnattributed;
    return judgement;
  }
  const bool client = internal_.Contains(key.client);
  const bool server = internal_.Contains(key.server);
  judgement.internal[static_cast<int>(Role::kClient)] = client;
  judgement.internal[static_cast<int>(Role::kServer)] = server;
  if (!client && !server) return judgement;

  judgement.relay = relays_.Match(key);
  if (judgement.relay != kNoRelay) {
    judgement.verdict = client ? Verdict::kApproved : Verdict::kInbound;
  } else {
    judgement.verdict =
        client && server ? Verdict::kUnapprovedInternal : Verdict::kUnapprovedExternal;
  }
  return judgement;
}

std::vector<uint32_t> Policy::GroupsOf(const net::IpAddress& host) const {
  std::vector<uint32_t> groups;
  groups_.ForEachMatch(host, [&](uint32_t group) {
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
      groups.push_back(group);
    }
    return true;
  });
  return groups;
}

}  // namespace mailtap::control

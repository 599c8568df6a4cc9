#include "lib/control/expected_relays.h"

#include <algorithm>

namespace mailtap::control {

using config::MailFlow;
using config::Relay;

ExpectedRelays::ExpectedRelays(const std::vector<Relay>& relays) {
  for (uint32_t i = 0; i < relays.size(); ++i) {
    const Relay& relay = relays[i];
    uint8_t services = relay.services.empty() ? (1u << kServiceCount) - 1 : 0;
    for (const Service service : relay.services) {
      services = static_cast<uint8_t>(services | 1u << static_cast<int>(service));
    }
    services_.push_back(services);
    ends_.push_back(relay.ends);
    if (relay.mode != config::RelayMode::kEnforce) continue;
    if (relay.direction != MailFlow::kOutbound) {
      for (const net::Prefix& prefix : relay.destinations) by_destination_.Add(prefix, i);
    }
    if (relay.direction == MailFlow::kInbound) continue;
    for (const net::Prefix& prefix : relay.sources) by_source_.Add(prefix, i);
    if (!relay.sources.empty()) continue;
    for (int service = 0; service < kServiceCount; ++service) {
      if ((services >> service & 1) != 0) anybody_[service].push_back(i);
    }
  }
}

std::vector<uint32_t> ExpectedRelays::Of(const net::IpAddress& host, Role role, Service service,
                                         int64_t tick, std::size_t most) const {
  std::vector<uint32_t> entries;
  const auto add = [&](uint32_t entry) {
    // Several prefixes of an entry may hold the host.
    if (Fits(entry, service, tick) &&
        std::find(entries.begin(), entries.end(), entry) == entries.end()) {
      entries.push_back(entry);
    }
    return entries.size() < most;
  };
  if (role == Role::kServer) {
    by_destination_.ForEachMatch(host, add);
    return entries;
  }
  by_source_.ForEachMatch(host, add);
  for (const uint32_t entry : anybody_[static_cast<int>(service)]) {
    if (entries.size() >= most || !add(entry)) break;
  }
  return entries;
}

}  // namespace mailtap::control

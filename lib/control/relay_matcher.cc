#include "lib/control/relay_matcher.h"

#include <algorithm>

namespace mailtap::control {
namespace {

uint8_t BitOf(Service service) { return static_cast<uint8_t>(1u << static_cast<int>(service)); }

}  // namespace

RelayMatcher::RelayMatcher(const std::vector<config::Relay>& relays) {
  entries_.reserve(relays.size());
  for (const config::Relay& relay : relays) {
    const uint32_t index = static_cast<uint32_t>(entries_.size());
    Entry entry{PrefixSet(relay.sources), PrefixSet(relay.destinations), relay.ports, 0};
    std::sort(entry.ports.begin(), entry.ports.end());
    for (const Service service : relay.services) entry.services |= BitOf(service);
    if (relay.services.empty()) entry.services = (1u << kServiceCount) - 1;
    entries_.push_back(std::move(entry));

    if (!relay.destinations.empty()) {
      for (const net::Prefix& prefix : relay.destinations) by_destination_.Add(prefix, index);
    } else if (!relay.sources.empty()) {
      for (const net::Prefix& prefix : relay.sources) by_source_.Add(prefix, index);
    } else {
      anywhere_.push_back(index);
    }
  }
}

uint32_t RelayMatcher::Match(const meter::ConversationKey& key) const {
  uint32_t first = kNoRelay;
  const auto consider = [&](uint32_t index) {
    if (index < first && Fits(entries_[index], key)) first = index;
    return true;
  };
  by_destination_.ForEachMatch(key.server, consider);
  by_source_.ForEachMatch(key.client, consider);
  for (const uint32_t index : anywhere_) {
    if (index > first) break;
    consider(index);
  }
  return first;
}

bool RelayMatcher::Fits(const Entry& entry, const meter::ConversationKey& key) const {
  if ((entry.services & BitOf(key.service)) == 0) return false;
  if (!entry.ports.empty() &&
      !std::binary_search(entry.ports.begin(), entry.ports.end(), key.server_port)) {
    return false;
  }
  if (!entry.sources.empty() && !entry.sources.Contains(key.client)) return false;
  return entry.destinations.empty() || entry.destinations.Contains(key.server);
}

}  // namespace mailtap::control

#include "lib/control/relay_matcher.h"

#include <algorithm>
#include <utility>

#include "lib/control/relay_crowds.h"

namespace mailtap::control {
namespace {

using config::MailFlow;

template <typename Enum>
constexpr uint8_t BitOf(Enum value) {
  return static_cast<uint8_t>(1u << static_cast<int>(value));
}

// By which ends are internal; no bit where neither is.
constexpr uint8_t FlowOf(bool client, bool server) {
  if (client) return BitOf(server ? MailFlow::kInternal : MailFlow::kOutbound);
  return server ? BitOf(MailFlow::kInbound) : 0;
}

}  // namespace

RelayMatcher::Entry RelayMatcher::Prepare(const config::Relay& relay) {
  Entry entry{.sources = PrefixSet(relay.sources),
              .destinations = PrefixSet(relay.destinations),
              .ports = relay.ports,
              .names = !relay.names.empty(),
              .either = relay.either && !relay.destinations.empty(),
              .enforced = relay.mode == config::RelayMode::kEnforce,
              .ends = relay.ends};
  std::sort(entry.ports.begin(), entry.ports.end());
  for (const Service service : relay.services) entry.services |= BitOf(service);
  if (relay.services.empty()) entry.services = (1u << kServiceCount) - 1;
  entry.flows = relay.direction ? BitOf(*relay.direction) : uint8_t{0xff};
  return entry;
}

RelayMatcher::RelayMatcher(const std::vector<config::Relay>& relays) {
  entries_.reserve(relays.size());
  const RelayCrowds crowds(relays);
  for (const config::Relay& relay : relays) {
    const uint32_t index = static_cast<uint32_t>(entries_.size());
    entries_.push_back(Prepare(relay));
    may_end_.push_back(relay.ends != INT64_MAX || !relay.names.empty());
    for (const std::string& pattern : relay.names) {
      by_name_.Add(pattern, index);
      if (relay.trust == config::RelayTrust::kClaimed) by_claim_.Add(pattern, index);
    }
    const bool by_name_alone =
        !relay.names.empty() && (!relay.either || relay.destinations.empty());
    if (by_name_alone) continue;
    if (relay.destinations.empty() && relay.sources.empty()) {
      anywhere_.push_back(index);
    } else if (relay.destinations.empty() || crowds.SourcesAreRarer(relay)) {
      for (const net::Prefix& prefix : relay.sources) by_source_.Add(prefix, index);
    } else {
      for (const net::Prefix& prefix : relay.destinations) by_destination_.Add(prefix, index);
    }
  }
}

RelayMatch RelayMatcher::Match(const meter::ConversationKey& key, bool client, bool server,
                               absl::Span<const uint32_t> named, int64_t tick) const {
  const uint8_t flow = FlowOf(client, server);
  RelayMatch match;
  const auto consider = [&](uint32_t index, bool by_name) {
    const Entry& entry = entries_[index];
    // Behind an enforced entry that fits nothing counts: it approves.
    if (index >= match.approved || Misses(entry, key, flow, by_name, tick) != 0) return;
    if (entry.enforced) {
      match.approved = index;
    } else {
      match.observed.push_back(index);
    }
  };
  const auto by_address = [&](uint32_t index) {
    consider(index, /*by_name=*/false);
    return true;
  };
  by_destination_.ForEachMatch(key.server, by_address);
  by_source_.ForEachMatch(key.client, by_address);
  for (const uint32_t index : anywhere_) consider(index, /*by_name=*/false);
  for (const uint32_t index : named) consider(index, /*by_name=*/true);
  ObservedRelays& observed = match.observed;
  if (match.approved != kNoRelay) observed.clear();
  // One may have been met by several of its prefixes and names.
  std::sort(observed.begin(), observed.end());
  observed.erase(std::unique(observed.begin(), observed.end()), observed.end());
  return match;
}

uint8_t RelayMatcher::Misses(const Entry& entry, const meter::ConversationKey& key,
                             uint8_t flow, bool named, int64_t tick) {
  uint8_t misses = 0;
  const auto miss = [&](RelayMiss what) {
    misses = static_cast<uint8_t>(misses | BitOf(what));
  };
  if ((entry.services & BitOf(key.service)) == 0) miss(RelayMiss::kService);
  if ((entry.flows & flow) == 0) miss(RelayMiss::kDirection);
  if (tick >= entry.ends) miss(RelayMiss::kEnded);
  if (!entry.ports.empty() &&
      !std::binary_search(entry.ports.begin(), entry.ports.end(), key.server_port)) {
    miss(RelayMiss::kPort);
  }
  if (!entry.sources.empty() && !entry.sources.Contains(key.client)) miss(RelayMiss::kSource);
  const bool there = entry.destinations.empty() || entry.destinations.Contains(key.server);
  if (entry.either) {
    if (!named && !there) miss(RelayMiss::kDestinationAndName);
    return misses;
  }
  if (entry.names && !named) miss(RelayMiss::kName);
  if (!there) miss(RelayMiss::kDestination);
  return misses;
}

uint8_t RelayMatcher::MissesOf(uint32_t index, const meter::ConversationKey& key, bool client,
                               bool server, absl::Span<const uint32_t> named,
                               int64_t tick) const {
  const bool by_name = std::find(named.begin(), named.end(), index) != named.end();
  return Misses(entries_[index], key, FlowOf(client, server), by_name, tick);
}

std::vector<uint32_t> RelayMatcher::NamedBy(absl::string_view name, bool claimed) const {
  return claimed ? by_claim_.Find(name) : by_name_.Find(name);
}

}  // namespace mailtap::control

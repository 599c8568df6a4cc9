// How much each relay entry was used.
#ifndef MAILTAP_LIB_CONTROL_RELAY_LEDGER_H_
#define MAILTAP_LIB_CONTROL_RELAY_LEDGER_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "lib/config/config.h"
#include "lib/control/host_key.h"
#include "lib/control/relay_matcher.h"
#include "lib/control/snapshot.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Control thread only.
class RelayLedger {
 public:
  // `most_clients`: (relay, client) pairs that are told apart; beyond, RelayUse::hosts no
  // longer grows.
  RelayLedger(const std::vector<config::Relay>& relays, std::size_t most_clients)
      : most_clients_(most_clients) {
    for (const config::Relay& relay : relays) use_.push_back({relay.name, relay.owner});
  }

  // Other entries are in force; those of which the name stays keep their counts. Returns for
  // each old entry its number now, or kNoRelay.
  std::vector<uint32_t> Reload(const std::vector<config::Relay>& relays) {
    absl::flat_hash_map<absl::string_view, uint32_t> numbers;
    std::vector<RelayUse> use;
    for (const config::Relay& relay : relays) {
      numbers.emplace(relay.name, static_cast<uint32_t>(use.size()));
      use.push_back({relay.name, relay.owner});
    }
    std::vector<uint32_t> to;
    for (RelayUse& old : use_) {
      const auto found = numbers.find(old.name);
      to.push_back(found == numbers.end() ? kNoRelay : found->second);
      if (to.back() == kNoRelay) continue;
      RelayUse& now = use[to.back()];
      old.owner = std::move(now.owner);
      now = std::move(old);
    }
    use_ = std::move(use);
    absl::flat_hash_set<std::pair<uint32_t, HostKey>> clients;
    for (const auto& [relay, client] : clients_) {
      if (to[relay] != kNoRelay) clients.emplace(to[relay], client);
    }
    clients_ = std::move(clients);
    return to;
  }

  // `client` has a conversation that `relay` approves. False where it could not be told apart.
  bool AddClient(uint32_t relay, const HostKey& client) {
    const std::pair<uint32_t, HostKey> pair{relay, client};
    if (clients_.size() >= most_clients_) return clients_.contains(pair);
    if (clients_.insert(pair).second) ++use_[relay].hosts;
    return true;
  }

  void Count(uint32_t relay, const meter::DeltaRecord& delta) {
    RelayUse& use = use_[relay];
    use.sessions += delta.sessions;
    use.bytes += delta.bytes[kUp].volume() + delta.bytes[kDown].volume();
    use.last_used = std::max(use.last_used, delta.last_seen);
  }

  // In configuration order.
  const std::vector<RelayUse>& use() const { return use_; }

 private:
  const std::size_t most_clients_;
  std::vector<RelayUse> use_;
  absl::flat_hash_set<std::pair<uint32_t, HostKey>> clients_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_LEDGER_H_

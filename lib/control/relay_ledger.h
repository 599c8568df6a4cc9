// How much each relay entry was used.
#ifndef MAILTAP_LIB_CONTROL_RELAY_LEDGER_H_
#define MAILTAP_LIB_CONTROL_RELAY_LEDGER_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "lib/base/archive.h"
#include "lib/config/config.h"
#include "lib/control/host_key.h"
#include "lib/control/hour.h"
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
    for (const config::Relay& relay : relays) use_.push_back(Unused(relay));
    in_hour_.resize(use_.size());
  }

  // Other entries are in force; those of which the name stays keep their counts. Returns for
  // each old entry its number now, or kNoRelay.
  std::vector<uint32_t> Reload(const std::vector<config::Relay>& relays) {
    std::vector<RelayUse> use;
    for (const config::Relay& relay : relays) use.push_back(Unused(relay));
    return Renumber(std::move(use));
  }

  void Save(ArchiveWriter& out) const {
    out.Put(uint64_t{use_.size()});
    for (std::size_t i = 0; i < use_.size(); ++i) {
      out.PutText(use_[i].name);
      out.Put(use_[i].hosts);
      out.Put(use_[i].sessions);
      out.Put(use_[i].bytes);
      out.Put(use_[i].last_used);
      out.Put(in_hour_[i]);
    }
    out.Put(uint64_t{clients_.size()});
    for (const auto& [relay, client] : clients_) {
      out.Put(relay);
      out.Put(client);
    }
  }
  // Into a ledger that nothing was counted in. Returns for each entry that was saved its number
  // now, or kNoRelay.
  std::vector<uint32_t> Restore(ArchiveReader& in) {
    std::vector<RelayUse> now = std::exchange(use_, {});
    in_hour_.clear();
    for (std::size_t n = in.GetCount(sizeof(uint64_t)); n > 0; --n) {
      RelayUse& use = use_.emplace_back();
      use.name = in.GetText();
      in.Get(use.hosts);
      in.Get(use.sessions);
      in.Get(use.bytes);
      in.Get(use.last_used);
      in.Get(in_hour_.emplace_back());
    }
    for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0; --n) {
      const auto relay = static_cast<uint32_t>(in.GetIndex(use_.size()));
      const auto client = in.Get<HostKey>();
      if (in.ok()) clients_.emplace(relay, client);
    }
    return Renumber(std::move(now));
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

  // What a tick added, for the hour under way.
  void CountHour(uint32_t relay, uint64_t sessions, uint64_t bytes) {
    in_hour_[relay].sessions += sessions;
    in_hour_[relay].bytes += bytes;
  }
  // Those used in the hour under way, in configuration order; and the next one begins.
  std::vector<HourRelay> OfHour() const {
    std::vector<HourRelay> used;
    for (std::size_t i = 0; i < use_.size(); ++i) {
      if ((in_hour_[i].sessions | in_hour_[i].bytes) == 0) continue;
      used.push_back({use_[i].name, in_hour_[i].sessions, in_hour_[i].bytes});
    }
    return used;
  }
  void BeginHour() { std::fill(in_hour_.begin(), in_hour_.end(), InHour{}); }

  // In configuration order.
  const std::vector<RelayUse>& use() const { return use_; }

  // The `most` with the most bytes, in configuration order.
  std::vector<RelayUse> Top(std::size_t most) const {
    std::vector<uint32_t> order(use_.size());
    std::iota(order.begin(), order.end(), 0);
    if (most < order.size()) {
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(most),
                       order.end(), [this](uint32_t a, uint32_t b) {
                         return use_[a].bytes != use_[b].bytes ? use_[a].bytes > use_[b].bytes
                                                               : a < b;
                       });
      order.resize(most);
      std::sort(order.begin(), order.end());
    }
    std::vector<RelayUse> top;
    for (const uint32_t i : order) top.push_back(use_[i]);
    return top;
  }

  // The clients of `relay` that are told apart, sorted.
  std::vector<HostKey> ClientsOf(uint32_t relay) const {
    std::vector<HostKey> clients;
    for (const auto& [of, client] : clients_) {
      if (of == relay) clients.push_back(client);
    }
    std::sort(clients.begin(), clients.end());
    return clients;
  }

 private:
  struct InHour {
    uint64_t sessions = 0;
    uint64_t bytes = 0;
  };

  static RelayUse Unused(const config::Relay& relay) {
    RelayUse use;
    use.name = relay.name;
    use.owner = relay.owner;
    use.reason = relay.reason;
    use.ticket = relay.ticket;
    if (relay.expires) use.expires = config::ToString(*relay.expires);
    use.ends = relay.ends;
    use.mode = relay.mode;
    use.file = relay.file;
    return use;
  }

  // `use`: the entries in force, unused. Those known by name take over what was counted.
  std::vector<uint32_t> Renumber(std::vector<RelayUse> use) {
    absl::flat_hash_map<std::string, uint32_t> numbers;
    for (const RelayUse& relay : use) {
      numbers.emplace(relay.name, static_cast<uint32_t>(numbers.size()));
    }
    std::vector<uint32_t> to;
    std::vector<InHour> in_hour(use.size());
    for (std::size_t i = 0; i < use_.size(); ++i) {
      const RelayUse& old = use_[i];
      const auto found = numbers.find(old.name);
      to.push_back(found == numbers.end() ? kNoRelay : found->second);
      if (to.back() == kNoRelay) continue;
      RelayUse& now = use[to.back()];
      now.hosts = old.hosts;
      now.sessions = old.sessions;
      now.bytes = old.bytes;
      now.last_used = old.last_used;
      in_hour[to.back()] = in_hour_[i];
    }
    use_ = std::move(use);
    in_hour_ = std::move(in_hour);
    absl::flat_hash_set<std::pair<uint32_t, HostKey>> clients;
    for (const auto& [relay, client] : clients_) {
      if (to[relay] != kNoRelay) clients.emplace(to[relay], client);
    }
    clients_ = std::move(clients);
    return to;
  }

  const std::size_t most_clients_;
  std::vector<RelayUse> use_;
  std::vector<InHour> in_hour_;  // of the same entries
  absl::flat_hash_set<std::pair<uint32_t, HostKey>> clients_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_LEDGER_H_

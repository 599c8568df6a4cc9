// By which of its keys a relay entry is found among the fewest others.
#ifndef MAILTAP_LIB_CONTROL_RELAY_CROWDS_H_
#define MAILTAP_LIB_CONTROL_RELAY_CROWDS_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/config/config.h"

namespace mailtap::control {

// Built once, then only read. An inventory may list a host an entry, all of which use the same
// gateway: by that, each conversation with it would meet them all.
class RelayCrowds {
 public:
  explicit RelayCrowds(const std::vector<config::Relay>& relays) {
    for (const config::Relay& relay : relays) {
      for (const net::Prefix& prefix : relay.sources) ++sources_[KeyOf(prefix)];
      for (const net::Prefix& prefix : relay.destinations) ++servers_[KeyOf(prefix)];
      for (const std::string& pattern : relay.names) ++names_[pattern];
    }
  }

  // Whether fewer entries share a source of `relay`, which was among them, than a server.
  bool SourcesAreRarer(const config::Relay& relay) const {
    const auto most = [](const auto& counts, const auto& keys) {
      uint32_t highest = 0;
      for (const auto& key : keys) highest = std::max(highest, counts.find(KeyOf(key))->second);
      return highest;
    };
    return !relay.sources.empty() &&
           most(sources_, relay.sources) <
               std::max(most(servers_, relay.destinations), most(names_, relay.names));
  }

 private:
  using Key = std::pair<net::IpAddress, uint8_t>;
  static Key KeyOf(const net::Prefix& prefix) { return {prefix.address, prefix.length}; }
  static const std::string& KeyOf(const std::string& pattern) { return pattern; }

  absl::flat_hash_map<Key, uint32_t> sources_;
  absl::flat_hash_map<Key, uint32_t> servers_;
  absl::flat_hash_map<std::string, uint32_t> names_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_CROWDS_H_

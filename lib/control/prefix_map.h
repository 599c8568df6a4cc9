// Values attached to prefixes, found by address. One hash look-up per distinct prefix length,
// so 100k prefixes cost no more than the few lengths they come in.
#ifndef MAILTAP_LIB_CONTROL_PREFIX_MAP_H_
#define MAILTAP_LIB_CONTROL_PREFIX_MAP_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "lib/net/address.h"

namespace mailtap::control {

// Built once, then only read; reading is thread-safe.
class PrefixMap {
 public:
  void Add(const net::Prefix& prefix, uint32_t value) {
    values_[prefix].push_back(value);
    const auto at =
        std::lower_bound(lengths_.begin(), lengths_.end(), prefix.length, std::greater<>());
    if (at == lengths_.end() || *at != prefix.length) lengths_.insert(at, prefix.length);
  }

  // Calls visit(value) for each value whose prefix holds `address`: the longest prefix first,
  // the values of one prefix in the order they were added. A false from `visit` ends it.
  template <typename Visit>
  void ForEachMatch(const net::IpAddress& address, Visit&& visit) const {
    for (const uint8_t length : lengths_) {
      const auto found = values_.find(net::Prefix{net::Masked(address, length), length});
      if (found == values_.end()) continue;
      for (const uint32_t value : found->second) {
        if (!visit(value)) return;
      }
    }
  }

  bool Contains(const net::IpAddress& address) const {
    bool found = false;
    ForEachMatch(address, [&](uint32_t) {
      found = true;
      return false;
    });
    return found;
  }

  bool empty() const { return values_.empty(); }

 private:
  struct PrefixHash {
    std::size_t operator()(const net::Prefix& p) const {
      return absl::HashOf(p.address, p.length);
    }
  };

  absl::flat_hash_map<net::Prefix, absl::InlinedVector<uint32_t, 1>, PrefixHash> values_;
  std::vector<uint8_t> lengths_;  // each once, longest first
};

// A PrefixMap of which only membership counts.
class PrefixSet {
 public:
  PrefixSet() = default;
  explicit PrefixSet(const std::vector<net::Prefix>& prefixes) {
    for (const net::Prefix& prefix : prefixes) map_.Add(prefix, 0);
  }
  bool Contains(const net::IpAddress& address) const { return map_.Contains(address); }
  bool empty() const { return map_.empty(); }

 private:
  PrefixMap map_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_PREFIX_MAP_H_

// What the enterprise says of addresses: what is internal, what is approved, who belongs where.
#ifndef MAILTAP_LIB_CONTROL_POLICY_H_
#define MAILTAP_LIB_CONTROL_POLICY_H_

#include <cstdint>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/expected_relays.h"
#include "lib/control/prefix_map.h"
#include "lib/control/relay_matcher.h"
#include "lib/meter/records.h"

namespace mailtap::control {

struct Judgement {
  config::Verdict verdict = config::Verdict::kTransit;
  uint32_t relay = kNoRelay;       // index of the entry that approved it
  ObservedRelays observed;         // of unapproved mail: of the entries that only count it
  bool internal[kRoleCount] = {};  // by Role: is that end inside `networks.internal`

  friend bool operator==(const Judgement&, const Judgement&) = default;
};
constexpr bool IsApproved(config::Verdict v) {
  return v == config::Verdict::kApproved || v == config::Verdict::kInbound;
}

// Built from a configuration, which outlives it, then only read; reading is thread-safe. Costs
// some hundred nanoseconds a call, so callers cache what it says per conversation or host.
class Policy {
 public:
  explicit Policy(const config::Config& config);

  // The verdict, the first that fits: a row that lost an end: unattributed; no internal end:
  // transit; a relay entry matches: inbound if the client is external, else approved; one end
  // external: unapproved_external; both internal: unapproved_internal. `named`: the relay
  // entries that the server's names fit (see RelayMatcher). `tick`: entries that have ended
  // don't count.
  Judgement Judge(const meter::ConversationKey& key, absl::Span<const uint32_t> named,
                  int64_t tick) const;

  const RelayMatcher& relays() const { return relays_; }
  const ExpectedRelays& expected_relays() const { return expected_relays_; }
  bool IsInternal(const net::IpAddress& address) const { return internal_.Contains(address); }
  // Whether a name server's answer is believed.
  bool IsResolver(const net::IpAddress& address) const { return resolvers_.Contains(address); }
  // The first tick after `tick` at which a relay entry no longer counts, or INT64_MAX.
  int64_t NextEnd(int64_t tick) const;

  // Indices of the groups that hold `host`: the one with the longest prefix first, then in
  // configuration order, those without members last; each once.
  std::vector<uint32_t> GroupsOf(const net::IpAddress& host) const;
  // Its row of the inventory, that with the longest prefix, or null. Lives as long as the
  // configuration.
  const config::Asset* AssetOf(const net::IpAddress& host) const;

 private:
  bool AssetFits(const config::Group& group, const config::Asset* asset) const;

  PrefixSet internal_;
  RelayMatcher relays_;
  ExpectedRelays expected_relays_;
  PrefixSet resolvers_;
  std::vector<int64_t> ends_;                        // of relay entries, ascending
  const std::vector<config::Group>* group_entries_;  // the configuration's, as the next
  const std::vector<config::Asset>* asset_rows_;
  PrefixMap groups_;  // by their members
  PrefixMap assets_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_POLICY_H_

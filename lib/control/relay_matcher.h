// Which relay entry a conversation uses.
#ifndef MAILTAP_LIB_CONTROL_RELAY_MATCHER_H_
#define MAILTAP_LIB_CONTROL_RELAY_MATCHER_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "lib/config/config.h"
#include "lib/control/name_index.h"
#include "lib/control/prefix_map.h"
#include "lib/meter/records.h"

namespace mailtap::control {

inline constexpr uint32_t kNoRelay = 0xffffffff;

// Observed entries of one conversation, ascending; so few that they need no memory of their
// own.
using ObservedRelays = absl::InlinedVector<uint32_t, 4>;

struct RelayMatch {
  uint32_t approved = kNoRelay;  // the first enforced entry that fits
  ObservedRelays observed;       // without one: the observed entries that fit
};

// What of an entry doesn't fit a conversation.
enum class RelayMiss : uint8_t {
  kService,
  kDirection,
  kEnded,
  kPort,
  kSource,
  kDestination,
  kName,
  kDestinationAndName,  // of an entry for which one of them is enough
};
inline constexpr int kRelayMissCount = 8;

// Built once, then only read; reading is thread-safe.
class RelayMatcher {
 public:
  explicit RelayMatcher(const std::vector<config::Relay>& relays);

  // The entries of which every key that is given fits and that have not ended at `tick`; of
  // enforced ones the first in configuration order. `client` and `server`: is that end
  // internal. `named`: entries that the server's names fit, as NamedBy() gives them, of all its
  // names; in any order.
  RelayMatch Match(const meter::ConversationKey& key, bool client, bool server,
                   absl::Span<const uint32_t> named, int64_t tick) const;

  // What of entry `index` doesn't fit, a bit per RelayMiss; 0: it matches. The rest as Match().
  uint8_t MissesOf(uint32_t index, const meter::ConversationKey& key, bool client, bool server,
                   absl::Span<const uint32_t> named, int64_t tick) const;

  // The entries with a pattern that fits `name`; of one that is only `claimed`, those that
  // trust claims.
  std::vector<uint32_t> NamedBy(absl::string_view name, bool claimed) const;
  // Whether what the entry approves may end by itself: with its last day, or with a name.
  bool MayEnd(uint32_t entry) const { return may_end_[entry]; }
  // Whether any entry lists names, and any believes claims: without, nobody need ask.
  bool uses_names() const { return !by_name_.empty(); }
  bool uses_claims() const { return !by_claim_.empty(); }

 private:
  struct Entry {
    PrefixSet sources;  // of the client; empty: any
    PrefixSet destinations;
    std::vector<uint16_t> ports;  // sorted; empty: any
    uint8_t services = 0;         // bit per Service; all set: any
    uint8_t flows = 0;            // bit per config::MailFlow; all set: any
    bool names = false;           // lists some
    bool either = false;          // a destination or a name is enough
    bool enforced = true;
    int64_t ends = INT64_MAX;
  };
  static Entry Prepare(const config::Relay& relay);
  static uint8_t Misses(const Entry& entry, const meter::ConversationKey& key, uint8_t flow,
                        bool named, int64_t tick);

  std::vector<Entry> entries_;
  std::vector<bool> may_end_;  // of each entry
  // An entry stands in one of these, or with a name also in the others, so that a look-up only
  // meets entries of which one address or name fits already.
  PrefixMap by_destination_;
  PrefixMap by_source_;  // those without destinations, and of which sources are rarer
  std::vector<uint32_t> anywhere_;  // those with none of them, in order
  NameIndex by_name_;
  NameIndex by_claim_;  // of entries that trust claims
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_MATCHER_H_

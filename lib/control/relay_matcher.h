// Which relay entry a conversation uses.
#ifndef MAILTAP_LIB_CONTROL_RELAY_MATCHER_H_
#define MAILTAP_LIB_CONTROL_RELAY_MATCHER_H_

#include <cstdint>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/prefix_map.h"
#include "lib/meter/records.h"

namespace mailtap::control {

inline constexpr uint32_t kNoRelay = 0xffffffff;

// Built once, then only read; reading is thread-safe.
class RelayMatcher {
 public:
  explicit RelayMatcher(const std::vector<config::Relay>& relays);

  // The index of the first entry, in configuration order, of which every key that is given
  // fits, or kNoRelay.
  uint32_t Match(const meter::ConversationKey& key) const;

 private:
  struct Entry {
    PrefixSet sources;  // of the client; empty: any
    PrefixSet destinations;
    std::vector<uint16_t> ports;  // sorted; empty: any
    uint8_t services = 0;         // bit per Service; all set: any
  };
  bool Fits(const Entry& entry, const meter::ConversationKey& key) const;

  std::vector<Entry> entries_;
  // An entry stands in exactly one of these, so that a look-up only meets entries of which one
  // address fits already.
  PrefixMap by_destination_;
  PrefixMap by_source_;             // those without destinations
  std::vector<uint32_t> anywhere_;  // those with neither, in order
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_MATCHER_H_

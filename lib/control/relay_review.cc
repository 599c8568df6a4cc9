#include "lib/control/relay_review.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "lib/control/name_index.h"
#include "lib/control/prefix_map.h"
#include "lib/control/relay_crowds.h"

namespace mailtap::control {
namespace {

using config::Relay;

// Whether `wide`, in which an empty list means any, takes all of `narrow`, in which it does
// too.
template <typename T, typename Takes>
bool Covers(const std::vector<T>& wide, const std::vector<T>& narrow, Takes takes) {
  if (wide.empty()) return true;
  if (narrow.empty()) return false;
  return std::all_of(narrow.begin(), narrow.end(), [&](const T& item) {
    return std::any_of(wide.begin(), wide.end(), [&](const T& by) { return takes(by, item); });
  });
}

bool TakesPrefix(const net::Prefix& wide, const net::Prefix& narrow) {
  return wide.length <= narrow.length && wide.Contains(narrow.address);
}

bool TakesPattern(const std::string& wide, const std::string& narrow) {
  if (wide == narrow) return true;
  return wide.find('?') == std::string::npos && config::Fits(wide, narrow);
}

template <typename T>
bool Equal(const T& a, const T& b) {
  return a == b;
}

// Whether every server that `narrow` matches is one that `wide` does.
bool CoversWhere(const Relay& wide, const Relay& narrow) {
  if (wide.destinations.empty() && wide.names.empty()) return true;
  if (narrow.destinations.empty() && narrow.names.empty()) return false;
  const bool by_address = (wide.names.empty() || wide.either) && !wide.destinations.empty() &&
                          !narrow.destinations.empty() &&
                          Covers(wide.destinations, narrow.destinations, TakesPrefix);
  const bool by_name = (wide.destinations.empty() || wide.either) && !wide.names.empty() &&
                       !narrow.names.empty() && wide.trust >= narrow.trust &&
                       Covers(wide.names, narrow.names, TakesPattern);
  if (!narrow.either) return by_address || by_name;
  return (narrow.destinations.empty() || by_address) && (narrow.names.empty() || by_name);
}

// As in Covers(): all of them, one by one, are any.
bool CoversServices(const Relay& wide, const Relay& narrow) {
  const std::set<Service> all(wide.services.begin(), wide.services.end());
  return all.size() == kServiceCount || Covers(wide.services, narrow.services, Equal<Service>);
}

bool Shadows(const Relay& wide, const Relay& narrow) {
  // An entry on trial takes nothing away from those behind it.
  return wide.mode == config::RelayMode::kEnforce && wide.ends >= narrow.ends &&
         (!wide.direction || wide.direction == narrow.direction) &&
         CoversServices(wide, narrow) && Covers(wide.ports, narrow.ports, Equal<uint16_t>) &&
         Covers(wide.sources, narrow.sources, TakesPrefix) && CoversWhere(wide, narrow);
}

// The entries met so far, so that only those are compared that share an address or a name.
class Earlier {
 public:
  explicit Earlier(const std::vector<Relay>& relays) : crowds_(relays) {}

  void Add(uint32_t index, const Relay& relay) {
    if (relay.destinations.empty() && relay.names.empty()) {
      anywhere_.push_back(index);
    } else if (crowds_.SourcesAreRarer(relay)) {
      for (const net::Prefix& prefix : relay.sources) by_source_.Add(prefix, index);
    } else {
      for (const net::Prefix& prefix : relay.destinations) by_destination_.Add(prefix, index);
      for (const std::string& pattern : relay.names) by_name_.Add(pattern, index);
    }
  }

  // Calls visit(index) for all that may take `relay`, in no order, some more than once.
  template <typename Visit>
  void ForEachOverlapping(const Relay& relay, Visit visit) const {
    const auto go_on = [&](uint32_t index) {
      visit(index);
      return true;
    };
    for (const uint32_t index : anywhere_) visit(index);
    if (!relay.sources.empty()) by_source_.ForEachMatch(relay.sources[0].address, go_on);
    if (!relay.destinations.empty()) {
      by_destination_.ForEachMatch(relay.destinations[0].address, go_on);
    }
    if (!relay.names.empty()) {
      for (const uint32_t index : by_name_.Find(relay.names[0])) visit(index);
    }
  }

 private:
  const RelayCrowds crowds_;
  PrefixMap by_destination_;
  PrefixMap by_source_;
  NameIndex by_name_;
  std::vector<uint32_t> anywhere_;
};

// The first entry that takes all of `relay`, or none of them.
std::size_t ShadowOf(const Relay& relay, const std::vector<Relay>& relays,
                     const Earlier& earlier, int64_t tick) {
  std::size_t first = relays.size();
  earlier.ForEachOverlapping(relay, [&](uint32_t by) {
    if (by < first && relays[by].ends > tick && Shadows(relays[by], relay)) first = by;
  });
  return first;
}

}  // namespace

std::vector<RelayNote> ReviewRelays(const std::vector<Relay>& relays,
                                    const std::vector<net::Prefix>& internal, int64_t tick) {
  constexpr int64_t kDay = 86'400;
  std::vector<RelayNote> notes;
  Earlier earlier(relays);
  for (uint32_t i = 0; i < relays.size(); ++i) {
    const Relay& relay = relays[i];
    const auto note = [&](RelayConcern concern, absl::string_view what) {
      notes.push_back({i, concern, absl::StrCat("relay \"", relay.name, "\" ", what)});
    };
    if (relay.ends <= tick) {
      note(RelayConcern::kExpired,
           absl::StrCat("expired with ", config::ToString(*relay.expires),
                        " and approves nothing"));
    } else if (relay.ends - tick <= kSoonDays * kDay) {
      note(RelayConcern::kExpiresSoon,
           absl::StrCat("expires with ", config::ToString(*relay.expires)));
    }
    if (config::CoversEverything(relay, internal)) {
      note(RelayConcern::kCoversEverything, "matches mail from anywhere to anywhere");
    }
    if (const std::size_t by = ShadowOf(relay, relays, earlier, tick); by < relays.size()) {
      note(RelayConcern::kShadowed, absl::StrCat("matches nothing that the earlier \"",
                                                 relays[by].name, "\" has not taken already"));
    }
    earlier.Add(i, relay);
  }
  return notes;
}

}  // namespace mailtap::control

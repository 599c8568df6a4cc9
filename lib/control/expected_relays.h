// Which way a host's mail was expected to take.
#ifndef MAILTAP_LIB_CONTROL_EXPECTED_RELAYS_H_
#define MAILTAP_LIB_CONTROL_EXPECTED_RELAYS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/mail.h"
#include "lib/config/config.h"
#include "lib/control/prefix_map.h"

namespace mailtap::control {

// Built from a configuration, then only read; reading is thread-safe.
class ExpectedRelays {
 public:
  explicit ExpectedRelays(const std::vector<config::Relay>& relays);

  // Indices of the enforced entries that have not ended at `tick` and that mail of `host` by
  // `service` may use: as a client, those whose sources hold it (the longest prefix first),
  // then those that are for anybody; as a server, those whose destinations hold it. In
  // configuration order otherwise, at most `most`.
  std::vector<uint32_t> Of(const net::IpAddress& host, Role role, Service service, int64_t tick,
                           std::size_t most) const;

 private:
  bool Fits(uint32_t entry, Service service, int64_t tick) const {
    return (services_[entry] >> static_cast<int>(service) & 1) != 0 && tick < ends_[entry];
  }

  std::vector<uint8_t> services_;  // by entry: a bit per Service
  std::vector<int64_t> ends_;
  PrefixMap by_source_;
  PrefixMap by_destination_;
  // Those for any client, by service: a feed may hold very many that are not for this one.
  std::array<std::vector<uint32_t>, kServiceCount> anybody_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_EXPECTED_RELAYS_H_

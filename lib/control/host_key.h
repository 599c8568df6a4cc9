// What a host is known by.
#ifndef MAILTAP_LIB_CONTROL_HOST_KEY_H_
#define MAILTAP_LIB_CONTROL_HOST_KEY_H_

#include <cstdint>
#include <utility>

#include "lib/meter/records.h"
#include "lib/net/address.h"

namespace mailtap::control {

// The same address under two tags is two hosts. Without [tunnels] split_by every tag is 0.
struct HostKey {
  net::IpAddress address;
  uint32_t encap_tag = 0;

  friend bool operator==(const HostKey&, const HostKey&) = default;
  friend auto operator<=>(const HostKey&, const HostKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const HostKey& k) {
    return H::combine(std::move(h), k.address, k.encap_tag);
  }
};

inline HostKey ClientOf(const meter::ConversationKey& key) {
  return {key.client, key.encap_tag};
}
inline HostKey ServerOf(const meter::ConversationKey& key) {
  return {key.server, key.encap_tag};
}
inline HostKey EndOf(const meter::ConversationKey& key, Role role) {
  return role == Role::kClient ? ClientOf(key) : ServerOf(key);
}

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HOST_KEY_H_

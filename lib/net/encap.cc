#include "lib/net/encap.h"

#include "absl/strings/str_cat.h"

namespace mailtap::net {

std::string ToString(const EncapLayer& layer) {
  constexpr const char* kNames[] = {"vlan",  "vntag",  "mpls",  "pppoe",     "gre",
                                    "nvgre", "erspan", "vxlan", "vxlan-gpe", "geneve",
                                    "ipip",  "gtpu",   "ah"};
  const char* name = kNames[static_cast<int>(layer.kind)];
  return layer.kind == EncapKind::kIpInIp ? name : absl::StrCat(name, ":", layer.id);
}

}  // namespace mailtap::net

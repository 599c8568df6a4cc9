#include "lib/net/encap.h"

#include "absl/strings/str_cat.h"

namespace mailtap::net {

std::string ToString(const EncapLayer& layer) {
  constexpr const char* kNames[] = {"vlan",  "vntag",  "mpls",  "pppoe",     "gre",
                                    "nvgre", "erspan", "vxlan", "vxlan-gpe", "geneve",
                                    "ipip",  "gtpu",   "pbb",   "etherip",   "ah"};
  const char* name = kNames[static_cast<int>(layer.kind)];
  const bool numbered = layer.kind != EncapKind::kIpInIp && layer.kind != EncapKind::kEtherIp;
  return numbered ? absl::StrCat(name, ":", layer.id) : name;
}

}  // namespace mailtap::net

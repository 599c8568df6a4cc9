// What a packet was wrapped in, outermost first.
#ifndef MAILTAP_LIB_NET_ENCAP_H_
#define MAILTAP_LIB_NET_ENCAP_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mailtap::net {

enum class EncapKind : uint8_t {
  kVlan,      // 802.1Q, 802.1ad; id is the VLAN id
  kVntag,     // 802.1BR / VN-tag; id is the channel, or the destination vif
  kMpls,      // id is the label
  kPppoe,     // id is the session id
  kGre,       // id is the key, 0 without one
  kNvgre,     // id is the virtual subnet id
  kErspan,    // id is the session id
  kVxlan,     // id is the VNI
  kVxlanGpe,  // id is the VNI
  kGeneve,    // id is the VNI
  kIpInIp,    // IPv4 or IPv6 in either; id is 0
  kGtpU,      // id is the TEID
  kBackbone,  // 802.1ah; id is the service id
  kEtherIp,   // id is 0
  kAh,        // id is the SPI
  kSgt,       // Cisco TrustSec; id is the security group tag
};
// The interface's spellings.
inline constexpr std::array<absl::string_view, 16> kEncapKindNames = {
    "vlan",      "vntag",  "mpls", "pppoe", "gre", "nvgre",   "erspan", "vxlan",
    "vxlan-gpe", "geneve", "ipip", "gtpu",  "pbb", "etherip", "ah",     "sgt"};
constexpr absl::string_view Name(EncapKind k) { return kEncapKindNames[static_cast<int>(k)]; }

struct EncapLayer {
  EncapKind kind;
  uint32_t id;
  friend bool operator==(const EncapLayer&, const EncapLayer&) = default;
};

// A bounded stack of layers; a packet wrapped deeper is a counted drop.
struct EncapStack {
  static constexpr int kMaxDepth = 8;
  uint32_t depth = 0;
  EncapLayer layers[kMaxDepth] = {};

  // False, and nothing changed, when the stack is full.
  bool Push(EncapKind kind, uint32_t id) {
    if (depth == kMaxDepth) return false;
    layers[depth++] = {kind, id};
    return true;
  }
  friend bool operator==(const EncapStack& a, const EncapStack& b) {
    if (a.depth != b.depth) return false;
    for (uint32_t i = 0; i < a.depth; ++i) {
      if (!(a.layers[i] == b.layers[i])) return false;
    }
    return true;
  }
};
static_assert(sizeof(EncapStack) == 68);

// A set of kinds: 1 << kind for each.
uint32_t SetOf(absl::Span<const EncapKind> kinds);
// The layers of kinds in `kinds`, such a set, but for tags that name no VLAN.
EncapStack Select(const EncapStack& stack, uint32_t kinds);
// A number for the address space that these layers make up: 0 for none, and otherwise as good
// as unique, the same in every worker and on every run.
uint32_t EncapTag(const EncapStack& stack, uint32_t kinds);

// The interface's spelling of one layer: "vlan:100", "vxlan:77", "ipip".
std::string ToString(const EncapLayer& layer);
// All layers in one text: "vlan:100,vxlan:77"; empty without any.
std::string ToString(const EncapStack& stack);

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_ENCAP_H_

// Which UDP ports carry tunnels, and of which kind.
#ifndef MAILTAP_LIB_NET_TUNNEL_PORTS_H_
#define MAILTAP_LIB_NET_TUNNEL_PORTS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace mailtap::net {

enum class TunnelKind : uint8_t { kVxlan, kVxlanGpe, kGeneve, kGtpU, kGre, kAyiya };
inline constexpr int kTunnelKindCount = 6;
// As the configuration spells them.
inline constexpr std::array<absl::string_view, kTunnelKindCount> kTunnelKindNames = {
    "vxlan", "vxlan_gpe", "geneve", "gtpu", "gre", "ayiya"};

class TunnelPorts {
 public:
  // None; a frame's UDP is then never opened.
  TunnelPorts() : bits_(65'536 / 64) {}

  // A port added twice keeps its first kind.
  void Add(uint16_t port, TunnelKind kind) {
    if (Find(port) != nullptr) return;
    bits_[port >> 6] |= uint64_t{1} << (port & 63);
    entries_.push_back({port, kind});
  }

  // The kind of tunnel on `port`, or null. One bit tells most ports apart.
  const TunnelKind* Find(uint16_t port) const {
    if ((bits_[port >> 6] >> (port & 63) & 1) == 0) return nullptr;
    for (const Entry& entry : entries_) {
      if (entry.port == port) return &entry.kind;
    }
    return nullptr;
  }

 private:
  struct Entry {
    uint16_t port;
    TunnelKind kind;
  };
  std::vector<uint64_t> bits_;
  std::vector<Entry> entries_;
};

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_TUNNEL_PORTS_H_

// Which ports a configuration gives to what.
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/config/sections.h"
#include "lib/net/dns.h"

namespace mailtap::config {
namespace {

using At = Findings::At;

// Ports that can stand for one thing only.
class PortClaims {
 public:
  PortClaims(const toml::table& root, Findings& findings) : root_(root), findings_(findings) {
    Add("[dns]", nullptr, net::kDnsPort);  // of which names are learnt
  }

  // `node`: where the file says so, or null where `port` is one of the defaults.
  void Add(const std::string& path, const toml::node* node, uint16_t port) {
    const Claim made = {path, node != nullptr ? node->source() : root_.source(),
                        node != nullptr};
    const auto [entry, is_new] = claims_.emplace(port, made);
    if (is_new) return;
    const Claim& earlier = entry->second;
    // One of the two is in the file: defaults don't collide with each other.
    const Claim& place = made.given ? made : earlier;
    const Claim& other = made.given ? earlier : made;
    findings_.Error(place.at, absl::StrCat(place.path, ": port ", port, " is also in ",
                                           other.path, other.given ? "" : " (by default)",
                                           "; a port can stand for one only"));
  }

 private:
  struct Claim {
    std::string path;
    At at;
    bool given;  // by the file, not by a default
  };
  const toml::table& root_;
  Findings& findings_;
  absl::flat_hash_map<uint16_t, Claim> claims_;
};

// A port stands for one service, and either for clear text or for TLS.
void CheckServicePorts(const toml::table& root, Findings& findings, const Config& config) {
  PortClaims claims(root, findings);
  const auto claim = [&](absl::string_view service, absl::string_view key, uint16_t port) {
    claims.Add(absl::StrCat("services.", service, ".", key),
               root["services"][ToStd(service)][ToStd(key)].node(), port);
  };
  for (int i = 0; i < kServiceCount; ++i) {
    for (const uint16_t port : config.services[i].ports) claim(kServiceNames[i], "ports", port);
    for (const uint16_t port : config.services[i].tls_ports) {
      claim(kServiceNames[i], "tls_ports", port);
    }
  }
}

void CheckTunnelPorts(const toml::table& root, Findings& findings, const Config& config) {
  PortClaims claims(root, findings);
  for (int i = 0; i < net::kTunnelKindCount; ++i) {
    const absl::string_view kind = net::kTunnelKindNames[i];
    for (const uint16_t port : config.tunnels.ports[i]) {
      claims.Add(absl::StrCat("tunnels.", kind), root["tunnels"][ToStd(kind)].node(), port);
    }
  }
}

}  // namespace

void CheckPorts(const toml::table& root, Findings& findings, const Config& config) {
  CheckServicePorts(root, findings, config);
  CheckTunnelPorts(root, findings, config);
}

}  // namespace mailtap::config

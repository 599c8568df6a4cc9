#include "lib/exchange/known_servers.h"

#include "lib/net/hash.h"

namespace mailtap::exchange {

uint32_t KnownServers::PlaceOf(const net::IpAddress& server, uint16_t port,
                               uint32_t encap_tag) {
  return static_cast<uint32_t>(net::Mix(net::FoldV6(server.raw_high(), server.raw_low()),
                                        (uint64_t{encap_tag} << 16 | port) ^ net::kHashSeed1));
}

bool KnownServers::Add(const net::IpAddress& server, uint16_t port, uint32_t encap_tag,
                       Service service) {
  const auto number = static_cast<uint8_t>(static_cast<uint8_t>(service) + 1);
  const uint32_t place = PlaceOf(server, port, encap_tag);
  for (uint32_t i = 0; i < kReach; ++i) {
    Slot& slot = slots_[(place + i) % kSlots];
    const uint8_t known = slot.service.load(std::memory_order_relaxed);
    if (known == kEmpty) {
      slot.server = server;
      slot.port = port;
      slot.encap_tag = encap_tag;
    } else if (!slot.Is(server, port, encap_tag)) {
      continue;
    } else if (known <= number) {
      return true;
    }
    slot.service.store(number, std::memory_order_release);
    ports_.Add(port);
    return true;
  }
  return false;
}

std::optional<Service> KnownServers::Find(const net::IpAddress& server, uint16_t port,
                                          uint32_t encap_tag) const {
  if (ports_.MayHold(port) == 0) return std::nullopt;
  const uint32_t place = PlaceOf(server, port, encap_tag);
  for (uint32_t i = 0; i < kReach; ++i) {
    const Slot& slot = slots_[(place + i) % kSlots];
    const uint8_t known = slot.service.load(std::memory_order_acquire);
    if (known == kEmpty) return std::nullopt;
    if (slot.Is(server, port, encap_tag)) return static_cast<Service>(known - 1);
  }
  return std::nullopt;
}

}  // namespace mailtap::exchange

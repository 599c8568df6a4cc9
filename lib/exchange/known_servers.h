// Servers on odd ports that have proved, by their content, to speak mail. It is the one thing
// that travels from the control core to the workers: where a mirror loses the opening of a
// later connection, that is what tells it from others.
//
// The control core adds between ticks, any worker looks up at any time. Entries are never
// changed but for the service, nor removed, so that a reader needs no lock. Memory is taken by
// the constructor.
#ifndef MAILTAP_LIB_EXCHANGE_KNOWN_SERVERS_H_
#define MAILTAP_LIB_EXCHANGE_KNOWN_SERVERS_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/base/mail.h"
#include "lib/base/port_sieve.h"
#include "lib/net/address.h"

namespace mailtap::exchange {

class KnownServers {
 public:
  // Sites have a few servers on odd ports; the bound is for those who make them up.
  static constexpr uint32_t kSlots = 1 << 14;

  KnownServers() : slots_(kSlots) {}

  // Control thread. Of two services on one port, the one with the smaller number stays, so
  // that the order of additions does not matter. False where there is no room.
  bool Add(const net::IpAddress& server, uint16_t port, uint32_t encap_tag, Service service);

  // The service that was found at this server's port, if any was. Any thread.
  std::optional<Service> Find(const net::IpAddress& server, uint16_t port,
                              uint32_t encap_tag) const;

 private:
  // How far from its place an entry may lie.
  static constexpr uint32_t kReach = 16;
  static constexpr uint8_t kEmpty = 0;

  struct Slot {
    net::IpAddress server;  // written before `service` is first set
    uint32_t encap_tag = 0;
    uint16_t port = 0;
    std::atomic<uint8_t> service = kEmpty;  // Service, plus 1

    bool Is(const net::IpAddress& s, uint16_t p, uint32_t tag) const {
      return server == s && port == p && encap_tag == tag;
    }
  };
  static_assert(sizeof(Slot) == 24);

  static uint32_t PlaceOf(const net::IpAddress& server, uint16_t port, uint32_t encap_tag);

  PortSieve ports_;
  std::vector<Slot> slots_;
};

}  // namespace mailtap::exchange

#endif  // MAILTAP_LIB_EXCHANGE_KNOWN_SERVERS_H_

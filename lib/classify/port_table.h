// Which ports are mail ports: a sieve for the test that every packet takes, which looks for
// other ports of interest too, then one bit a port (8 KiB), and the details.
#ifndef MAILTAP_LIB_CLASSIFY_PORT_TABLE_H_
#define MAILTAP_LIB_CLASSIFY_PORT_TABLE_H_

#include <cstdint>
#include <vector>

#include "lib/base/mail.h"
#include "lib/base/port_sieve.h"

namespace mailtap::classify {

class PortTable {
 public:
  PortTable() : bits_(65'536 / 64), entries_(65'536) {}

  // `tls`: the port speaks TLS from its first byte.
  void Add(uint16_t port, Service service, bool tls) {
    Watch(port);
    bits_[port >> 6] |= uint64_t{1} << (port & 63);
    entries_[port] = {service, tls};
  }
  // A port of which packets are wanted though it may be no mail port.
  void Watch(uint16_t port) { watched_.Add(port); }

  bool Contains(uint16_t port) const { return Bit(port) != 0; }
  // Of a packet's two ports; which of them it is changes from packet to packet, so that a
  // branch on the first one would be guessed wrong.
  bool ContainsEither(uint16_t a, uint16_t b) const {
    return (watched_.MayHold(a) | watched_.MayHold(b)) != 0 && (Bit(a) | Bit(b)) != 0;
  }
  // Of two ports as they lie in a header: false for nearly all of which neither was added or is
  // watched; never for others.
  bool MayWatchEither(uint32_t raw) const { return watched_.MayHoldEither(raw) != 0; }
  // Of a port that the table contains.
  Service service(uint16_t port) const { return entries_[port].service; }
  bool tls(uint16_t port) const { return entries_[port].tls; }

 private:
  uint64_t Bit(uint16_t port) const { return bits_[port >> 6] >> (port & 63) & 1; }

  struct Entry {
    Service service = Service::kSmtp;
    bool tls = false;
  };
  PortSieve watched_;
  std::vector<uint64_t> bits_;
  std::vector<Entry> entries_;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_PORT_TABLE_H_

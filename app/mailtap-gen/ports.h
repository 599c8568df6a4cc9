// Client ports: no two sessions share a connection's four numbers, nor follow each other on
// them so closely that the second could be taken for the first's tail.
#ifndef MAILTAP_APP_MAILTAP_GEN_PORTS_H_
#define MAILTAP_APP_MAILTAP_GEN_PORTS_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "app/mailtap-gen/address.h"

namespace mailtap::gen {

class ClientPorts {
 public:
  // A port of `client` that is free towards `server` and `server_port`; nothing where all are
  // in use.
  std::optional<uint16_t> Take(const Address& client, const Address& server,
                               uint16_t server_port);
  // Gives it back; it stays unused for another minute of the capture's time.
  void Release(const Address& client, uint16_t port, const Address& server,
               uint16_t server_port, uint64_t now_ns);
  // Lets those go whose minute is over.
  void Expire(uint64_t now_ns);

 private:
  struct Released {
    uint64_t time_ns;
    uint64_t connection;
  };

  // 64 bits of the four numbers: a clash only makes the next port be taken.
  static uint64_t Connection(const Address& client, uint16_t port, const Address& server,
                             uint16_t server_port);

  std::unordered_map<uint64_t, uint16_t> next_;  // by hash of the client
  std::unordered_set<uint64_t> busy_;
  std::deque<Released> released_;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_PORTS_H_

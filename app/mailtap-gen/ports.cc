#include "app/mailtap-gen/ports.h"

#include <cstring>

#include "app/mailtap-gen/random.h"

namespace mailtap::gen {
namespace {

// Linux's default range (net.ipv4.ip_local_port_range).
constexpr uint16_t kFirstPort = 32'768;
constexpr uint16_t kPortCount = 28'232;
constexpr uint64_t kRestNs = 60'000'000'000;

uint64_t Hash(const Address& address) {
  uint64_t high, low;
  std::memcpy(&high, address.bytes.data(), 8);
  std::memcpy(&low, address.bytes.data() + 8, 8);
  return Random(high ^ Random(low).Next()).Next();
}

}  // namespace

uint64_t ClientPorts::Connection(const Address& client, uint16_t port, const Address& server,
                                 uint16_t server_port) {
  return Random(Hash(client) ^ Hash(server) * 3 ^ (uint64_t{port} << 16 | server_port)).Next();
}

std::optional<uint16_t> ClientPorts::Take(const Address& client, const Address& server,
                                          uint16_t server_port) {
  const uint64_t host = Hash(client);
  uint16_t& next =
      next_.try_emplace(host, static_cast<uint16_t>(host % kPortCount)).first->second;
  for (int tries = 0; tries < kPortCount; ++tries) {
    const auto port = static_cast<uint16_t>(kFirstPort + next);
    next = static_cast<uint16_t>((next + 1) % kPortCount);
    if (busy_.insert(Connection(client, port, server, server_port)).second) return port;
  }
  return std::nullopt;
}

void ClientPorts::Release(const Address& client, uint16_t port, const Address& server,
                          uint16_t server_port, uint64_t now_ns) {
  released_.push_back({now_ns, Connection(client, port, server, server_port)});
}

void ClientPorts::Expire(uint64_t now_ns) {
  while (!released_.empty() && released_.front().time_ns + kRestNs < now_ns) {
    busy_.erase(released_.front().connection);
    released_.pop_front();
  }
}

}  // namespace mailtap::gen

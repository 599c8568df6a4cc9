#include "tests/unit/net/tunnel_builder.h"

#include <sstream>

namespace mailtap::net {
Bytes Number(uint64_t value, int bytes) {
  Bytes out;
  for (int i = bytes; i-- > 0;) out.push_back(static_cast<uint8_t>(value >> 8 * i));
  return out;
}

uint16_t TypeOf(const Bytes& ip) { return ip[0] >> 4 == 4 ? 0x0800 : 0x86dd; }
uint8_t ProtocolOf(const Bytes& ip) { return ip[0] >> 4 == 4 ? 4 : 41; }
Bytes EthernetOf(const Bytes& ip) { return Ethernet(TypeOf(ip), ip); }

Bytes Udp(uint16_t source_port, uint16_t destination_port, const Bytes& payload) {
  Bytes out = Join(Number(source_port, 2), Number(destination_port, 2));
  out = Join(out, Number(8 + payload.size(), 2));
  return Join(Join(out, {0, 0}), payload);
}

Bytes Hex(const std::string& text) {
  Bytes out;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    out.push_back(static_cast<uint8_t>(std::stoi(word, nullptr, 16)));
  }
  return out;
}

Bytes Gre(const GreFields& fields, uint16_t type, const Bytes& payload) {
  const uint32_t flags = (fields.checksum ? 0x8000u : 0u) | (fields.routing ? 0x4000u : 0u) |
                         (fields.key.has_value() ? 0x2000u : 0u) |
                         (fields.sequence ? 0x1000u : 0u) | (fields.ack ? 0x0080u : 0u) |
                         fields.version;
  Bytes out = Join(Number(flags, 2), Number(type, 2));
  if (fields.checksum || fields.routing) out = Join(out, {0xab, 0xcd, 0, 0});
  if (fields.key.has_value()) out = Join(out, Number(*fields.key, 4));
  if (fields.sequence) out = Join(out, {0, 0, 0, 9});
  if (fields.ack) out = Join(out, {0, 0, 0, 8});
  if (fields.routing) out = Join(out, Hex("08 00 00 04 c0 00 02 01  08 00 00 00  00 00 00 00"));
  return Join(out, payload);
}

Bytes Vxlan(uint8_t flags, uint8_t next, uint32_t vni, const Bytes& payload) {
  return Join(Join(Join({flags, 0, 0, next}, Number(vni, 3)), {0}), payload);
}

Bytes Geneve(uint8_t options, uint16_t type, uint32_t vni, const Bytes& payload) {
  Bytes out = Join({options, 0}, Number(type, 2));
  out = Join(Join(out, Number(vni, 3)), {0});
  return Join(Join(out, Bytes(options * 4u, 7)), payload);
}

Bytes GtpU(uint8_t flags, uint32_t teid, const Bytes& payload) {
  Bytes more;
  if (flags != 0) more = {0, 1, 0, static_cast<uint8_t>((flags & 4) != 0 ? 0x85 : 0)};
  if ((flags & 4) != 0) more = Join(more, Hex("01 00 09 c0  02 00 00 00 00 00 00 00"));
  Bytes out = {static_cast<uint8_t>(0x30 | flags), 255};
  out = Join(Join(out, Number(more.size() + payload.size(), 2)), Number(teid, 4));
  return Join(Join(out, more), payload);
}

Bytes Mpls(const std::vector<uint32_t>& labels, const Bytes& payload) {
  Bytes out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const uint32_t bottom = i + 1 == labels.size() ? 0x100 : 0;
    out = Join(out, Number(labels[i] << 12 | 0x600 | bottom | 64, 4));
  }
  return Join(out, payload);
}

Bytes Pppoe(uint16_t session, const Bytes& payload) {
  Bytes out = Join({0x11, 0}, Number(session, 2));
  return Join(Join(out, Number(payload.size(), 2)), payload);
}

}  // namespace mailtap::net

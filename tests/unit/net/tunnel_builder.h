// Every way in which tests wrap a packet. Packets are written as in packet_builder.h; the
// tables at the end serve the tests that go through all kinds, alone and in any mix.
#ifndef MAILTAP_TESTS_UNIT_NET_TUNNEL_BUILDER_H_
#define MAILTAP_TESTS_UNIT_NET_TUNNEL_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/net/packet_builder.h"

namespace mailtap::net {

// The EtherType, and the protocol number, of an IP packet.
uint16_t TypeOf(const Bytes& ip);
uint8_t ProtocolOf(const Bytes& ip);
// An Ethernet frame with an IP packet, or with what a LinkLayer's wrap gave.
Bytes EthernetOf(const Bytes& ip);

Bytes Udp(uint16_t source_port, uint16_t destination_port, const Bytes& payload);
// The lowest `bytes` bytes of a number, in network order.
Bytes Number(uint64_t value, int bytes);
// Bytes as text writes them: "0a 0b".
Bytes Hex(const std::string& text);

// RFC 2784, 2890, 1701; version 1 is RFC 2637.
struct GreFields {
  bool checksum = false;
  bool routing = false;  // two source route entries, and the empty one that ends them
  std::optional<uint32_t> key = {};
  bool sequence = false;
  bool ack = false;  // version 1
  uint8_t version = 0;
};
Bytes Gre(const GreFields& fields, uint16_t type, const Bytes& payload);

// Eight bytes from `flags` on, with the network's id in bytes 4 to 6: VXLAN, VXLAN-GPE.
Bytes Vxlan(uint8_t flags, uint8_t next, uint32_t vni, const Bytes& payload);
// RFC 8926; `options` in units of four bytes.
Bytes Geneve(uint8_t options, uint16_t type, uint32_t vni, const Bytes& payload);
// 3GPP TS 29.281; `flags` E, S and PN. With E, two extension headers of 4 and 8 bytes.
Bytes GtpU(uint8_t flags, uint32_t teid, const Bytes& payload);
Bytes Mpls(const std::vector<uint32_t>& labels, const Bytes& payload);
// RFC 2516; the payload is PPP, from its protocol field on.
Bytes Pppoe(uint16_t session, const Bytes& payload);

// What an EtherType stands before.
struct Carried {
  uint16_t type;
  Bytes bytes;
};
// Layers below Ethernet's type, and how `encap` shows them.
struct LinkLayer {
  const char* name;
  std::vector<std::string> encap;
  bool carries_anything;  // or IP packets only
  Carried (*wrap)(const Carried& inner);
};
const std::vector<LinkLayer>& LinkLayers();

// IP packets, or Ethernet frames, inside IP packets. The outer packet is IPv4 or IPv6.
struct IpTunnel {
  const char* name;
  std::vector<std::string> encap;
  bool carries_frames;  // or IP packets
  uint8_t protocol;     // of the outer packet
  Bytes (*wrap)(const Bytes& inner);
};
const std::vector<IpTunnel>& IpTunnels();
Bytes Outer(const IpTunnel& tunnel, bool v4, const Bytes& inner);

// The ports that IpTunnels() uses.
TunnelPorts UsualPorts();

}  // namespace mailtap::net

#endif  // MAILTAP_TESTS_UNIT_NET_TUNNEL_BUILDER_H_

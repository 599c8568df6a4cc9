// Packets for tests, written from the outside in as they lie on the wire:
//
//   Ethernet(0x8100, Vlan(100, 0x0800, Ipv4({.source = "10.0.0.1"}, Tcp({.seq = 7},
//   "QUIT\r\n"))))
//
// Lengths and offsets are right unless a test sets them otherwise. Checksums are left zero.
#ifndef MAILTAP_TESTS_UNIT_NET_PACKET_BUILDER_H_
#define MAILTAP_TESTS_UNIT_NET_PACKET_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/net/decode.h"

namespace mailtap::net {

using Bytes = std::vector<uint8_t>;

// `head` followed by `tail`.
Bytes Join(Bytes head, const Bytes& tail);

struct TcpFields {
  uint16_t source_port = 40'000;
  uint16_t destination_port = 25;
  uint32_t seq = 1'000;
  uint32_t ack = 2'000;
  uint8_t flags = kAck | kPsh;
  Bytes options = {};                        // a multiple of four bytes
  std::optional<uint8_t> header_words = {};  // the data offset
};
Bytes Tcp(const TcpFields& fields, const std::string& payload);

struct Ipv4Fields {
  std::string source = "10.0.0.1";
  std::string destination = "192.0.2.1";
  uint8_t protocol = 6;
  uint16_t fragment = 0;  // flags and offset, as they stand in the header
  Bytes options = {};     // a multiple of four bytes
  std::optional<uint16_t> total_length = {};
  std::optional<uint8_t> first_byte = {};  // version and header length
};
Bytes Ipv4(const Ipv4Fields& fields, const Bytes& payload);

struct Ipv6Fields {
  std::string source = "2001:db8::1";
  std::string destination = "2001:db8:1::2";
  uint8_t next_header = 6;
  std::optional<uint16_t> payload_length = {};
  uint8_t first_byte = 0x60;
};
Bytes Ipv6(const Ipv6Fields& fields, const Bytes& payload);

// An extension header of (units + 1) * 8 bytes (RFC 8200, 4).
Bytes Extension(uint8_t next_header, uint8_t units, const Bytes& payload);
// `offset_and_more` as it stands in the header (RFC 8200, 4.5).
Bytes FragmentHeader(uint8_t next_header, uint16_t offset_and_more, const Bytes& payload);

// The four bytes after a VLAN EtherType, and what they carry.
Bytes Vlan(uint16_t tci, uint16_t type, const Bytes& payload);
Bytes Ethernet(uint16_t type, const Bytes& payload);

}  // namespace mailtap::net

#endif  // MAILTAP_TESTS_UNIT_NET_PACKET_BUILDER_H_

// Shared by the decoder's files: what is left of a frame, and the layers that call each other.
#ifndef MAILTAP_LIB_NET_CURSOR_H_
#define MAILTAP_LIB_NET_CURSOR_H_

#include <cstdint>

#include "lib/net/decode.h"
#include "lib/net/tunnel_ports.h"

namespace mailtap::net::internal {

// IEEE 802 numbers and RFC 9542.
enum EtherType : uint16_t {
  kIpv4Type = 0x0800,
  kVlanType = 0x8100,  // 802.1Q
  kIpv6Type = 0x86dd,
  kMplsType = 0x8847,
  kMplsMulticastType = 0x8848,
  kPppoeType = 0x8864,
  kServiceVlanType = 0x88a8,  // 802.1ad
  kBackboneType = 0x88e7,     // 802.1ah
  kVnTagType = 0x8926,        // Cisco VN-tag
  kETagType = 0x893f,         // 802.1BR
  kOldQinqType = 0x9100,
  kBridgedType = 0x6558,  // transparent Ethernet bridging, in GRE, Geneve and others
};

// IANA protocol numbers.
enum IpProtocol : uint8_t {
  kHopByHop = 0,
  kIpv4InIp = 4,
  kTcpProtocol = 6,
  kUdpProtocol = 17,
  kIpv6InIp = 41,
  kRouting = 43,
  kFragmentHeader = 44,
  kGreProtocol = 47,
  kAuthentication = 51,
  kDestinationOptions = 60,
  kEtherIp = 97,
  kMobility = 135,
  kMplsInIp = 137,
};

// What is left of the frame. `wire` may be larger than `captured` (a snapped capture).
struct Cursor {
  const uint8_t* at;
  uint32_t captured;
  uint32_t wire;

  bool Has(uint32_t n) const { return captured >= n; }
  void Skip(uint32_t n) {
    at += n;
    captured -= n;
    wire -= n < wire ? n : wire;
  }
  // Nothing behind the next `n` bytes belongs to what follows (padding, trailers).
  void Limit(uint32_t n) {
    if (n < wire) wire = n;
    if (n < captured) captured = n;
  }
};

// Whether a protocol other than TCP may have TCP somewhere inside.
constexpr bool MayCarryTcp(uint8_t protocol) {
  switch (protocol) {
    case kIpv4InIp:
    case kTcpProtocol:
    case kUdpProtocol:
    case kIpv6InIp:
    case kGreProtocol:
    case kAuthentication:
    case kEtherIp:
    case kMplsInIp:
      return true;
    default:
      return false;
  }
}

// A frame being decoded.
struct Decoding {
  Segment& segment;
  const TunnelPorts& tunnels;

  bool Push(EncapKind kind, uint32_t id) { return segment.encap.Push(kind, id); }
};

// Each decodes from its own header on, with the cursor at its first byte.
Outcome DecodeEthernet(Cursor cursor, Decoding& frame);
Outcome DecodeEtherType(Cursor cursor, uint16_t type, Decoding& frame);
Outcome DecodeIp(Cursor cursor, Decoding& frame);
Outcome DecodeIpv4(Cursor cursor, Decoding& frame);
Outcome DecodeIpv6(Cursor cursor, Decoding& frame);
// What an IP header's protocol field names; the cursor ends where the IP packet does.
Outcome DecodeProtocol(Cursor cursor, uint8_t protocol, Decoding& frame);

// decap.cc: what is not plain Ethernet, VLAN, IP and TCP. kNotIp or kNotTcp where the type or
// protocol is none that carries IP.
Outcome DecapEtherType(Cursor cursor, uint16_t type, Decoding& frame);
Outcome DecapIpProtocol(Cursor cursor, uint8_t protocol, Decoding& frame);
// PPP from its address field on, or from its protocol field where that is left out (RFC 1661,
// 2).
Outcome DecodePpp(Cursor cursor, Decoding& frame);

// decap_udp.cc, decap_gre.cc: with the cursor at the UDP or GRE header.
Outcome DecapUdp(Cursor cursor, Decoding& frame);
Outcome DecapGre(Cursor cursor, Decoding& frame);

}  // namespace mailtap::net::internal

#endif  // MAILTAP_LIB_NET_CURSOR_H_

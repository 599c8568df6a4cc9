// Shared by the decoder's files: what is left of a frame, and the layers that call each other.
#ifndef MAILTAP_LIB_NET_CURSOR_H_
#define MAILTAP_LIB_NET_CURSOR_H_

#include <cstdint>

#include "lib/net/decode.h"
#include "lib/net/tunnel_ports.h"

namespace mailtap::net::internal {

// IEEE 802 numbers and RFC 9542.
enum EtherType : uint16_t {
  kFirstEtherType = 0x0600,  // below are lengths
  kIpv4Type = 0x0800,
  kArpType = 0x0806,
  kTrillType = 0x22f3,
  kVlanType = 0x8100,  // 802.1Q
  kIpv6Type = 0x86dd,
  kMplsType = 0x8847,
  kMplsMulticastType = 0x8848,
  kSlowType = 0x8809,  // LACP and others
  kPppoeDiscoveryType = 0x8863,
  kPppoeType = 0x8864,
  kServiceVlanType = 0x88a8,  // 802.1ad
  kLldpType = 0x88cc,
  kMacsecType = 0x88e5,    // 802.1AE
  kBackboneType = 0x88e7,  // 802.1ah
  kFaultsType = 0x8902,    // 802.1ag
  kFabricPathType = 0x8903,
  kCiscoMetadataType = 0x8909,
  kVnTagType = 0x8926,          // Cisco VN-tag
  kRingType = 0x892f,           // HSR (IEC 62439-3)
  kETagType = 0x893f,           // 802.1BR
  kServiceHeaderType = 0x894f,  // NSH (RFC 8300)
  kOldQinqType = 0x9100,
  kRedundancyType = 0xf1c1,  // 802.1CB
  kBridgedType = 0x6558,     // transparent Ethernet bridging, in GRE, Geneve and others
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
  kEncryptedPayload = 50,  // ESP
  kAuthentication = 51,
  kMinimalEncap = 55,  // RFC 2004
  kDestinationOptions = 60,
  kOldIpInIp = 94,
  kEtherIp = 97,
  kOldEncap = 98,     // RFC 1241
  kCompressed = 108,  // RFC 3173
  kL2tp = 115,        // RFC 3931
  kMobility = 135,
  kMplsInIp = 137,
  kHostIdentity = 139,   // RFC 7401
  kShim6 = 140,          // RFC 5533
  kEthernetInIp = 143,   // RFC 8986
  kServiceHeader = 145,  // RFC 9491
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
  // The next `n` bytes are what follows, and all of it, whatever the frame's length is.
  void SetLength(uint32_t n) {
    wire = n;
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

// IPv6's extension headers behind which a packet goes on (RFC 7045, 4).
constexpr bool IsExtension(uint8_t protocol) {
  switch (protocol) {
    case kHopByHop:
    case kRouting:
    case kFragmentHeader:
    case kAuthentication:
    case kDestinationOptions:
    case kMobility:
    case kHostIdentity:
    case kShim6:
      return true;
    default:
      return false;
  }
}

// Bytes of an extension header, of which eight are there (RFC 8200, 4; RFC 4302, 2.2).
constexpr uint32_t ExtensionSize(uint8_t kind, const uint8_t* extension) {
  if (kind == kFragmentHeader) return 8;
  if (kind == kAuthentication) return (extension[1] + 2u) * 4u;
  return (extension[1] + 1u) * 8u;
}

// What a packet is whose IP protocol is not looked into. Most that have a number have no TCP
// inside (IANA, protocol numbers). These do, or may, where nobody but the receiver can tell,
// and so may what has no number.
constexpr Outcome Unopened(uint8_t protocol) {
  constexpr uint8_t kLastAssigned = 147;
  switch (protocol) {
    case 42:  // SDRP (RFC 1940)
    case kEncryptedPayload:
    case 52:  // I-NLSP
    case 53:  // SwIPe
    case kMinimalEncap:
    case 56:  // TLSP
    case 57:  // SKIP
    case kOldIpInIp:
    case kOldEncap:
    case 99:  // private encryption
    case kCompressed:
    case kL2tp:
    case 131:  // private encapsulation in IP
    case 142:  // compressed headers (RFC 5858)
    case kEthernetInIp:
    case 144:  // AGGFRAG (RFC 9347)
    case kServiceHeader:
    case 147:  // BIT-EMU (RFC 9801)
      return Outcome::kUnknownEncap;
    default:
      return protocol > kLastAssigned ? Outcome::kUnknownEncap : Outcome::kNotTcp;
  }
}

// What a frame is whose EtherType is not looked into. Those that are known to be no wrapping
// for IP, by IEEE's registry or by use, are listed; any other may be, and is told. Lengths,
// below all types, are DecodeLlc's (a GRE keepalive's answer has 0, OSI 0xfe).
constexpr Outcome Unopened(uint16_t type) {
  if (type < kFirstEtherType) return Outcome::kNotIp;
  switch (type) {
    case 0x0600:  // XNS
    case 0x0805:  // X.25
    case kArpType:
    case 0x0808:  // frame relay ARP
    case 0x0842:  // wake on LAN
    case 0x0bad:  // VINES
    case 0x0baf:
    case 0x2000:  // CDP
    case 0x2001:  // NHRP, CGMP
    case 0x22ea:  // stream reservation
    case 0x22f0:  // audio and video
    case 0x22f4:  // IS-IS
    case 0x6000:  // DEC: experimental, MOP, routing, LAT, diagnosis, customers', SCA
    case 0x6001:
    case 0x6002:
    case 0x6003:
    case 0x6004:
    case 0x6005:
    case 0x6006:
    case 0x6007:
    case 0x8035:  // RARP
    case 0x8038:  // DEC's bridges
    case 0x809b:  // AppleTalk
    case 0x80d5:  // SNA
    case 0x80e1:  // device level ring
    case 0x80f3:  // AppleTalk's ARP
    case 0x8137:  // IPX
    case 0x814c:  // SNMP
    case 0x8191:  // NetBEUI
    case 0x8204:  // QNX
    case 0x872d:  // WLCCP
    case 0x8808:  // MAC control
    case kSlowType:
    case 0x8819:  // CobraNet
    case kPppoeDiscoveryType:
    case 0x886c:  // Broadcom's link control
    case 0x886d:  // NIC teams' probes
    case 0x886f:  // network load balancing
    case 0x887b:  // HomePlug
    case 0x888e:  // EAPOL
    case 0x8892:  // PROFINET
    case 0x8899:  // Realtek's remote control
    case 0x889a:  // HyperSCSI
    case 0x88a2:  // ATA
    case 0x88a4:  // EtherCAT
    case 0x88ab:  // POWERLINK
    case 0x88b4:  // WAPI
    case 0x88b8:  // GOOSE, GSE, sampled values
    case 0x88b9:
    case 0x88ba:
    case 0x88c7:  // EAPOL's preauthentication
    case 0x88ca:  // TIPC
    case kLldpType:
    case 0x88cd:  // SERCOS
    case 0x88d8:  // circuit emulation
    case 0x88d9:  // LLTD
    case 0x88dc:  // WSMP
    case 0x88e1:  // HomePlug
    case 0x88e3:  // media redundancy
    case 0x88ee:  // E-LMI
    case 0x88f5:  // registration of VLANs, of addresses
    case 0x88f6:
    case 0x88f7:  // PTP
    case 0x88f8:  // NC-SI
    case 0x88fb:  // PRP's supervision
    case kFaultsType:
    case 0x8906:  // FCoE
    case 0x890f:  // CC-Link IE
    case 0x8911:  // LINX
    case 0x8914:  // FCoE's setup
    case 0x8915:  // RoCE
    case 0x8917:  // media independent handover
    case 0x891d:  // TTEthernet
    case 0x8922:  // VMware's beacons
    case 0x8929:  // registration of services
    case 0x8940:  // edge control
    case 0x9000:  // loopback
    case 0x9021:  // RTnet
    case 0x9022:
    case 0xcafe:  // LLT
      return Outcome::kNotIp;
    default:
      return Outcome::kUnknownEncap;
  }
}

// A frame being decoded. Passed by value, which two registers hold.
struct Decoding {
  Segment& segment;
  const TunnelPorts& tunnels;

  bool Push(EncapKind kind, uint32_t id) const { return segment.encap.Push(kind, id); }
  // The same for a tunnel that no mirror uses: its packets are not cut short on purpose.
  bool PushWhole(EncapKind kind, uint32_t id) const {
    segment.may_be_cut = false;
    return Push(kind, id);
  }
};

// Each decodes from its own header on, with the cursor at its first byte.
Outcome DecodeEthernet(Cursor cursor, Decoding frame);
Outcome DecodeEtherType(Cursor cursor, uint16_t type, Decoding frame);
Outcome DecodeIp(Cursor cursor, Decoding frame);
Outcome DecodeIpv4(Cursor cursor, Decoding frame);
Outcome DecodeIpv6(Cursor cursor, Decoding frame);
// What an IP header's protocol field names; the cursor ends where the IP packet does.
Outcome DecodeProtocol(Cursor cursor, uint8_t protocol, Decoding frame);

// decap.cc: what is not plain Ethernet, VLAN, IP and TCP. Unopened() where the type or protocol
// is none that is looked into.
Outcome DecapEtherType(Cursor cursor, uint16_t type, Decoding frame);
Outcome DecapIpProtocol(Cursor cursor, uint8_t protocol, Decoding frame);
// IEEE 802.2's header, and `length` bytes with it.
Outcome DecodeLlc(Cursor cursor, uint32_t length, Decoding frame);
// PPP from its address field on, or from its protocol field where that is left out (RFC 1661,
// 2).
Outcome DecodePpp(Cursor cursor, Decoding frame);

// decap_udp.cc, decap_gre.cc: with the cursor at the UDP or GRE header.
Outcome DecapUdp(Cursor cursor, Decoding frame);
Outcome DecapGre(Cursor cursor, Decoding frame);

}  // namespace mailtap::net::internal

#endif  // MAILTAP_LIB_NET_CURSOR_H_

// From a frame to its innermost TCP segment. Pure functions on bytes: no state, no allocation.
#ifndef MAILTAP_LIB_NET_DECODE_H_
#define MAILTAP_LIB_NET_DECODE_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "lib/net/address.h"
#include "lib/net/encap.h"
#include "lib/net/tunnel_ports.h"
#include "lib/net/wire.h"

namespace mailtap::net {

// How a frame starts. Live ports carry Ethernet; captures may carry the others (the numbers of
// libpcap's link types are mapped by whoever reads the capture).
enum class LinkType : uint16_t {
  kEthernet,
  kRawIp,  // the IP header itself, either version
  kNull,   // four bytes of address family in either byte order (BSD loopback)
  kSll,    // Linux "cooked" v1, 16 bytes
  kSll2,   // Linux "cooked" v2, 20 bytes
  kPpp,    // PPP, with or without its address and control bytes
};

// What a frame turned out to be. The first is what mailtap is about; the next three are other
// traffic, in order; the rest could not be decoded and are counted as drops, each by its name.
enum class Outcome : uint8_t {
  kTcp,
  kNotIp,
  kNotTcp,
  kDns,            // a UDP datagram from a name server's port
  kTruncatedLink,  // the capture ends within a link-layer header
  kTruncatedIp,    // or within an IP header
  kBadIpHeader,    // version, header length or total length make no sense
  kTruncatedTcp,   // the capture ends within the TCP header's first 20 bytes
  kBadTcpHeader,   // data offset below 20 or past the segment's end
  kFragment,       // a fragment that could not be placed
  kEncapDepth,     // wrapped deeper than EncapStack holds
  kUnknownLink,    // a loopback or cooked frame of an unknown family
  kUnknownEncap,   // inside what is encrypted, or of a kind that is not looked into
};
inline constexpr int kOutcomeCount = 13;
inline constexpr int kFirstDropOutcome = static_cast<int>(Outcome::kTruncatedLink);
inline constexpr std::array<absl::string_view, kOutcomeCount> kOutcomeNames = {
    "tcp",           "not_ip",         "not_tcp",
    "dns",           "truncated_link", "truncated_ip",
    "bad_ip_header", "truncated_tcp",  "bad_tcp_header",
    "fragment",      "encap_depth",    "unknown_link",
    "unknown_encap"};

// RFC 9293, 3.1
enum TcpFlag : uint8_t { kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10 };

// A piece of an IP packet (RFC 791, 3.2; RFC 8200, 4.5). Pointers lead into the frame.
struct Fragment {
  const uint8_t* payload = nullptr;  // behind the IP header, or the IPv6 fragment header
  uint32_t header = 0;               // bytes from Segment::ip to `payload`
  uint32_t captured = 0;             // payload bytes that are in the frame
  uint32_t length = 0;               // payload bytes by the IP header
  uint32_t offset = 0;               // of the payload in the whole packet's
  uint32_t id = 0;
  uint8_t protocol = 0;  // of the whole packet's payload
  bool more = false;     // this is not the last piece
};

// The innermost TCP segment of a frame. Pointers lead into the frame. Fields other than `encap`
// are set only where Decode returned kTcp; addresses and hash also for kFragment, and for kDns
// these, the payload, its lengths and the ports.
struct Segment {
  const uint8_t* ip = nullptr;       // innermost IP header
  const uint8_t* payload = nullptr;  // first byte after the TCP header
  uint32_t captured = 0;             // payload bytes that are in the frame
  uint32_t length = 0;               // payload bytes by the IP header's length
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint16_t src_port = 0;  // host order
  uint16_t dst_port = 0;
  uint8_t flags = 0;  // TcpFlag bits
  bool v4 = true;
  uint8_t nesting = 0;        // for kFragment: IP packets that it is inside of
  bool cut = false;           // frame or tunnel held only its start; Decode sets it in any case
  uint64_t address_hash = 0;  // see lib/net/hash.h
  EncapStack encap;           // outermost first
  bool may_be_cut = false;  // Decode's own: whether what is inside may be no more than a start
  Fragment fragment;        // for kFragment only

  IpAddress source() const {
    return v4 ? IpAddress::FromV4(ip + 12) : IpAddress::FromV6(ip + 8);
  }
  IpAddress destination() const {
    return v4 ? IpAddress::FromV4(ip + 16) : IpAddress::FromV6(ip + 24);
  }
};

// Decodes `captured` bytes at `data` of a frame that was `wire_length` bytes long. `vlan` is a
// tag (with or without its priority bits) that the port had already taken off the frame, or
// kNoVlan. Reads nothing outside the captured bytes.
inline constexpr uint16_t kNoVlan = 0xffff;
Outcome Decode(const uint8_t* data, uint32_t captured, uint32_t wire_length, LinkType link,
               uint16_t vlan, const TunnelPorts& tunnels, Segment& segment);

// What a packet keeps in all its copies and changes when it is sent again: its IPv4 id (RFC
// 6864) or, without one, its TCP timestamps (RFC 7323, 3). 0 where it has neither. For kTcp.
uint32_t PacketMark(const Segment& segment);

// The same from an IP header on, below the layers that `segment.encap` already holds: for an IP
// packet put together from its fragments. Some of these may be missing, so what it carries is
// taken for cut short only where the tunnel says so.
Outcome DecodePacket(const uint8_t* ip, uint32_t captured, uint32_t length,
                     const TunnelPorts& tunnels, Segment& segment);

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_DECODE_H_

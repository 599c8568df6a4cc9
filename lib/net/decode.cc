#include "lib/net/decode.h"

#include "lib/net/hash.h"
#include "lib/net/wire.h"

namespace mailtap::net {
namespace {

// IEEE 802 numbers and RFC 9542.
enum EtherType : uint16_t {
  kIpv4Type = 0x0800,
  kIpv6Type = 0x86dd,
  kVlanType = 0x8100,         // 802.1Q
  kServiceVlanType = 0x88a8,  // 802.1ad
  kOldQinqType = 0x9100,
};

// IANA protocol numbers.
enum IpProtocol : uint8_t {
  kHopByHop = 0,
  kTcpProtocol = 6,
  kRouting = 43,
  kFragmentHeader = 44,
  kDestinationOptions = 60,
  kMobility = 135,
};

constexpr int kMaxExtensionHeaders = 8;
constexpr uint32_t kTcpHeader = 20;
// The largest segment that a host hands to its NIC uncut is 512 KiB (Linux, "BIG TCP").
constexpr uint32_t kMaxUncut = 1 << 20;

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
};

Outcome DecodeTcp(Cursor cursor, uint32_t ip_payload, Segment& segment) {
  if (ip_payload < kTcpHeader) return Outcome::kBadTcpHeader;
  if (!cursor.Has(kTcpHeader)) return Outcome::kTruncatedTcp;
  const uint8_t* tcp = cursor.at;
  const uint32_t header = (tcp[12] >> 4) * 4u;
  if (header < kTcpHeader || header > ip_payload) return Outcome::kBadTcpHeader;
  segment.src_port = Load16(tcp);
  segment.dst_port = Load16(tcp + 2);
  segment.seq = Load32(tcp + 4);
  segment.ack = Load32(tcp + 8);
  segment.flags = tcp[13];
  segment.length = ip_payload - header;
  const uint32_t header_present = header < cursor.captured ? header : cursor.captured;
  segment.payload = tcp + header_present;
  const uint32_t present = cursor.captured - header_present;
  segment.captured = present < segment.length ? present : segment.length;
  return Outcome::kTcp;
}

Outcome DecodeIpv4(Cursor cursor, Segment& segment) {
  if (!cursor.Has(20)) return Outcome::kTruncatedIp;
  const uint8_t* ip = cursor.at;
  const uint32_t header = (ip[0] & 0x0f) * 4u;
  if (ip[0] >> 4 != 4 || header < 20) return Outcome::kBadIpHeader;
  // A total length of 0 is what a capture of a segment that the NIC has yet to cut holds.
  uint32_t total = Load16(ip + 2);
  if (total == 0) total = cursor.wire;
  if (total < header || total > kMaxUncut) return Outcome::kBadIpHeader;
  segment.ip = ip;
  segment.v4 = true;
  segment.address_hash = AddressHash(LoadRaw32(ip + 12), LoadRaw32(ip + 16));
  if (ip[9] != kTcpProtocol) return Outcome::kNotTcp;
  constexpr uint16_t kMoreFragmentsOrOffset = 0x3fff;
  if ((Load16(ip + 6) & kMoreFragmentsOrOffset) != 0) return Outcome::kFragment;
  if (!cursor.Has(header)) return Outcome::kTruncatedIp;
  cursor.Skip(header);
  return DecodeTcp(cursor, total - header, segment);
}

Outcome DecodeIpv6(Cursor cursor, Segment& segment) {
  if (!cursor.Has(40)) return Outcome::kTruncatedIp;
  const uint8_t* ip = cursor.at;
  if (ip[0] >> 4 != 6) return Outcome::kBadIpHeader;
  uint32_t remaining = Load16(ip + 4);
  segment.ip = ip;
  segment.v4 = false;
  segment.address_hash = AddressHash(segment.source(), segment.destination());
  uint8_t next = ip[6];
  cursor.Skip(40);
  // A length of 0: a jumbogram (RFC 2675), or a segment that the NIC has yet to cut.
  if (remaining == 0) remaining = cursor.wire;
  if (remaining > kMaxUncut) return Outcome::kBadIpHeader;
  for (int i = 0; i <= kMaxExtensionHeaders; ++i) {
    if (next == kTcpProtocol) return DecodeTcp(cursor, remaining, segment);
    const bool fragment = next == kFragmentHeader;
    if (!fragment && next != kHopByHop && next != kRouting && next != kDestinationOptions &&
        next != kMobility) {
      return Outcome::kNotTcp;
    }
    if (!cursor.Has(8)) return Outcome::kTruncatedIp;
    // A fragment header with neither an offset nor more to come is on a whole packet (RFC
    // 6946).
    constexpr uint16_t kOffsetOrMoreFragments = 0xfff9;
    if (fragment && (Load16(cursor.at + 2) & kOffsetOrMoreFragments) != 0) {
      return Outcome::kFragment;
    }
    const uint32_t size = fragment ? 8 : (cursor.at[1] + 1u) * 8u;
    if (size > remaining) return Outcome::kBadIpHeader;
    if (!cursor.Has(size)) return Outcome::kTruncatedIp;
    next = cursor.at[0];
    cursor.Skip(size);
    remaining -= size;
  }
  return Outcome::kBadIpHeader;
}

Outcome DecodeIp(Cursor cursor, Segment& segment) {
  if (!cursor.Has(1)) return Outcome::kTruncatedIp;
  switch (cursor.at[0] >> 4) {
    case 4:
      return DecodeIpv4(cursor, segment);
    case 6:
      return DecodeIpv6(cursor, segment);
    default:
      return Outcome::kBadIpHeader;
  }
}

// `type` is an EtherType whose payload starts at the cursor.
Outcome DecodeEtherType(Cursor cursor, uint16_t type, Segment& segment) {
  while (true) {
    switch (type) {
      case kIpv4Type:
        return DecodeIpv4(cursor, segment);
      case kIpv6Type:
        return DecodeIpv6(cursor, segment);
      case kVlanType:
      case kServiceVlanType:
      case kOldQinqType:
        if (!cursor.Has(4)) return Outcome::kTruncatedLink;
        if (!segment.encap.Push(EncapKind::kVlan, Load16(cursor.at) & 0x0fff)) {
          return Outcome::kEncapDepth;
        }
        type = Load16(cursor.at + 2);
        cursor.Skip(4);
        break;
      default:
        return Outcome::kNotIp;
    }
  }
}

// The BSD loopback header holds the writer's AF_ number: 2 is IPv4 everywhere, IPv6 is 10 on
// Linux, 24, 28 or 30 on the BSDs and macOS (libpcap, LINKTYPE_NULL). The byte order is the
// writer's, so the family is in the first or in the last byte.
Outcome DecodeNull(Cursor cursor, Segment& segment) {
  if (!cursor.Has(4)) return Outcome::kTruncatedLink;
  const uint32_t family = cursor.at[0] | cursor.at[3];
  cursor.Skip(4);
  switch (family) {
    case 2:
      return DecodeIpv4(cursor, segment);
    case 10:
    case 24:
    case 28:
    case 30:
      return DecodeIpv6(cursor, segment);
    default:
      return Outcome::kUnknownLink;
  }
}

// The cooked headers keep the protocol (an EtherType) in their last two bytes (v1) or in their
// first two (v2).
Outcome DecodeCooked(Cursor cursor, uint32_t header, uint32_t protocol_at, Segment& segment) {
  if (!cursor.Has(header)) return Outcome::kTruncatedLink;
  const uint16_t type = Load16(cursor.at + protocol_at);
  cursor.Skip(header);
  return DecodeEtherType(cursor, type, segment);
}

}  // namespace

Outcome Decode(const uint8_t* data, uint32_t captured, uint32_t wire_length, LinkType link,
               uint16_t vlan, Segment& segment) {
  Cursor cursor{data, captured, wire_length};
  segment.encap.depth = 0;
  if (vlan != kNoVlan) segment.encap.Push(EncapKind::kVlan, vlan & 0x0fff);
  switch (link) {
    case LinkType::kEthernet: {
      if (!cursor.Has(14)) return Outcome::kTruncatedLink;
      const uint16_t type = Load16(data + 12);
      cursor.Skip(14);
      return DecodeEtherType(cursor, type, segment);
    }
    case LinkType::kRawIp:
      return DecodeIp(cursor, segment);
    case LinkType::kNull:
      return DecodeNull(cursor, segment);
    case LinkType::kSll:
      return DecodeCooked(cursor, 16, 14, segment);
    case LinkType::kSll2:
      return DecodeCooked(cursor, 20, 0, segment);
  }
  return Outcome::kUnknownLink;
}

}  // namespace mailtap::net

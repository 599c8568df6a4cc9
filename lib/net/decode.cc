#include "lib/net/decode.h"

#include "absl/base/attributes.h"
#include "lib/net/cursor.h"
#include "lib/net/hash.h"
#include "lib/net/wire.h"

namespace mailtap::net {
namespace internal {
namespace {

constexpr int kMaxExtensionHeaders = 8;
constexpr uint32_t kTcpHeader = 20;
// The largest segment that a host hands to its NIC uncut is 512 KiB (Linux, "BIG TCP").
constexpr uint32_t kMaxUncut = 1 << 20;

// What nearly every packet passes is inlined into Decode, and so once more into the functions
// of the same layers that tunnels call: calls would cost more than what they do.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Outcome ReadTcp(Cursor cursor, uint32_t ip_payload,
                                                    Segment& segment) {
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

// The length of an IP packet, by what its header says: 0 for one that the NIC has yet to cut
// and for jumbograms (RFC 2675). The outermost is believed, since the frame's own length may be
// wrong or missing. So is one inside that claims more than there is room for, since mirrors cut
// packets short before they wrap them; but not in tunnels that no mirror uses, nor where the
// rest may be in a fragment that never came.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline uint32_t Believed(uint32_t length, const Cursor& cursor,
                                                      Segment& segment) {
  if (length == 0) return cursor.wire;
  if (length <= cursor.wire) return length;
  if (segment.ip == nullptr) {
    segment.cut = length > cursor.captured;
    return length;
  }
  if (!segment.may_be_cut) return cursor.wire;
  segment.cut = true;
  return length;
}

// `offset` is the fragment's place in units of eight bytes, `length` what the IP header leaves
// for the payload at the cursor.
Outcome DecodeFragment(Cursor cursor, uint32_t length, uint32_t offset, uint32_t id,
                       uint8_t protocol, bool more, Segment& segment) {
  segment.fragment = {.payload = cursor.at,
                      .header = static_cast<uint32_t>(cursor.at - segment.ip),
                      .captured = cursor.captured < length ? cursor.captured : length,
                      .length = length,
                      .offset = offset * 8,
                      .id = id,
                      .protocol = protocol,
                      .more = more};
  return Outcome::kFragment;
}

constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kMoreFragmentsOrOffset = 0x3fff;

// A fragment, or a packet of another protocol than TCP, whose header is `header` bytes long and
// leaves `length`.
ABSL_ATTRIBUTE_NOINLINE Outcome DecodeIpv4Rest(Cursor cursor, uint32_t header, uint32_t length,
                                               Decoding frame) {
  const uint8_t* ip = cursor.at;
  const uint8_t protocol = ip[9];
  if (!MayCarryTcp(protocol)) return Unopened(protocol);
  if (!cursor.Has(header)) return Outcome::kTruncatedIp;
  cursor.Skip(header);
  const uint16_t cut = Load16(ip + 6) & kMoreFragmentsOrOffset;
  if (cut != 0) {
    return DecodeFragment(cursor, length, cut & ~kMoreFragments, Load16(ip + 4), protocol,
                          (cut & kMoreFragments) != 0, frame.segment);
  }
  cursor.SetLength(length);
  return DecapIpProtocol(cursor, protocol, frame);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Outcome ReadIpv4(Cursor cursor, Decoding frame) {
  if (!cursor.Has(20)) return Outcome::kTruncatedIp;
  Segment& segment = frame.segment;
  const uint8_t* ip = cursor.at;
  const uint32_t header = (ip[0] & 0x0f) * 4u;
  if (ip[0] >> 4 != 4 || header < 20) return Outcome::kBadIpHeader;
  const uint32_t total = Believed(Load16(ip + 2), cursor, segment);
  if (total < header || total > kMaxUncut) return Outcome::kBadIpHeader;
  segment.nesting += segment.ip != nullptr ? 1 : 0;
  segment.ip = ip;
  segment.v4 = true;
  segment.address_hash = AddressHash(LoadRaw32(ip + 12), LoadRaw32(ip + 16));
  if (ip[9] != kTcpProtocol || (Load16(ip + 6) & kMoreFragmentsOrOffset) != 0) {
    return DecodeIpv4Rest(cursor, header, total - header, frame);
  }
  if (!cursor.Has(header)) return Outcome::kTruncatedIp;
  cursor.Skip(header);
  return ReadTcp(cursor, total - header, segment);
}

// From an extension header on, or a protocol other than TCP, of which `next` tells the kind;
// `remaining` bytes of the packet are left.
ABSL_ATTRIBUTE_NOINLINE Outcome DecodeIpv6Rest(Cursor cursor, uint8_t next, uint32_t remaining,
                                               Decoding frame) {
  const uint32_t depth = frame.segment.encap.depth;
  for (int i = 0; i <= kMaxExtensionHeaders; ++i) {
    if (next == kTcpProtocol) return ReadTcp(cursor, remaining, frame.segment);
    if (!IsExtension(next)) {
      if (!MayCarryTcp(next)) return Unopened(next);
      cursor.SetLength(remaining);
      return DecapIpProtocol(cursor, next, frame);
    }
    if (!cursor.Has(8)) return Outcome::kTruncatedIp;
    const uint8_t* extension = cursor.at;
    const uint32_t size = ExtensionSize(next, extension);
    if (size > remaining) return Outcome::kBadIpHeader;
    if (!cursor.Has(size)) return Outcome::kTruncatedIp;
    const uint8_t kind = next;
    next = extension[0];
    cursor.Skip(size);
    remaining -= size;
    if (kind == kAuthentication && !frame.Push(EncapKind::kAh, Load32(extension + 4))) {
      return Outcome::kEncapDepth;
    }
    if (kind != kFragmentHeader) continue;
    // A fragment header with neither an offset nor more to come is on a whole packet (RFC
    // 6946).
    const uint16_t place = Load16(extension + 2);
    if ((place & 0xfff9) == 0) continue;
    if (!MayCarryTcp(next) && !IsExtension(next)) return Unopened(next);
    // The whole packet has all headers before this one, and is decoded from its first.
    frame.segment.encap.depth = depth;
    return DecodeFragment(cursor, remaining, place >> 3, Load32(extension + 4), next,
                          (place & 1) != 0, frame.segment);
  }
  return Outcome::kBadIpHeader;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Outcome ReadIpv6(Cursor cursor, Decoding frame) {
  if (!cursor.Has(40)) return Outcome::kTruncatedIp;
  Segment& segment = frame.segment;
  const uint8_t* ip = cursor.at;
  if (ip[0] >> 4 != 6) return Outcome::kBadIpHeader;
  cursor.Skip(40);
  const uint32_t remaining = Believed(Load16(ip + 4), cursor, segment);
  if (remaining > kMaxUncut) return Outcome::kBadIpHeader;
  segment.nesting += segment.ip != nullptr ? 1 : 0;
  segment.ip = ip;
  segment.v4 = false;
  segment.address_hash = AddressHash(segment.source(), segment.destination());
  if (ip[6] != kTcpProtocol) return DecodeIpv6Rest(cursor, ip[6], remaining, frame);
  return ReadTcp(cursor, remaining, segment);
}

// `type` is an EtherType whose payload starts at the cursor.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Outcome ReadEtherType(Cursor cursor, uint16_t type,
                                                          Decoding frame) {
  while (true) {
    switch (type) {
      case kIpv4Type:
        return ReadIpv4(cursor, frame);
      case kIpv6Type:
        return ReadIpv6(cursor, frame);
      case kVlanType:
      case kServiceVlanType:
      case kOldQinqType:
        if (!cursor.Has(4)) return Outcome::kTruncatedLink;
        if (!frame.Push(EncapKind::kVlan, Load16(cursor.at) & 0x0fff)) {
          return Outcome::kEncapDepth;
        }
        type = Load16(cursor.at + 2);
        cursor.Skip(4);
        break;
      default:
        return DecapEtherType(cursor, type, frame);
    }
  }
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Outcome ReadEthernet(Cursor cursor, Decoding frame) {
  if (!cursor.Has(14)) return Outcome::kTruncatedLink;
  const uint16_t type = Load16(cursor.at + 12);
  cursor.Skip(14);
  return ReadEtherType(cursor, type, frame);
}
}  // namespace

Outcome DecodeIpv4(Cursor cursor, Decoding frame) { return ReadIpv4(cursor, frame); }
Outcome DecodeIpv6(Cursor cursor, Decoding frame) { return ReadIpv6(cursor, frame); }
Outcome DecodeEthernet(Cursor cursor, Decoding frame) { return ReadEthernet(cursor, frame); }

Outcome DecodeIp(Cursor cursor, Decoding frame) {
  if (!cursor.Has(1)) return Outcome::kTruncatedIp;
  switch (cursor.at[0] >> 4) {
    case 4:
      return DecodeIpv4(cursor, frame);
    case 6:
      return DecodeIpv6(cursor, frame);
    default:
      return Outcome::kBadIpHeader;
  }
}

Outcome DecodeProtocol(Cursor cursor, uint8_t protocol, Decoding frame) {
  if (protocol == kTcpProtocol) return ReadTcp(cursor, cursor.wire, frame.segment);
  return DecapIpProtocol(cursor, protocol, frame);
}

Outcome DecodeEtherType(Cursor cursor, uint16_t type, Decoding frame) {
  return ReadEtherType(cursor, type, frame);
}

namespace {

// The BSD loopback header holds the writer's AF_ number: 2 is IPv4 everywhere, IPv6 is 10 on
// Linux, 24, 28 or 30 on the BSDs and macOS (libpcap, LINKTYPE_NULL). The byte order is the
// writer's, so the family is in the first or in the last byte.
Outcome DecodeNull(Cursor cursor, Decoding frame) {
  if (!cursor.Has(4)) return Outcome::kTruncatedLink;
  const uint32_t family = cursor.at[0] | cursor.at[3];
  cursor.Skip(4);
  switch (family) {
    case 2:
      return DecodeIpv4(cursor, frame);
    case 10:
    case 24:
    case 28:
    case 30:
      return DecodeIpv6(cursor, frame);
    default:
      return Outcome::kUnknownLink;
  }
}

// The cooked headers keep the protocol (an EtherType) in their last two bytes (v1) or in their
// first two (v2).
Outcome DecodeCooked(Cursor cursor, uint32_t header, uint32_t protocol_at, Decoding frame) {
  if (!cursor.Has(header)) return Outcome::kTruncatedLink;
  const uint16_t type = Load16(cursor.at + protocol_at);
  cursor.Skip(header);
  return DecodeEtherType(cursor, type, frame);
}

}  // namespace
}  // namespace internal

Outcome Decode(const uint8_t* data, uint32_t captured, uint32_t wire_length, LinkType link,
               uint16_t vlan, const TunnelPorts& tunnels, Segment& segment) {
  const internal::Cursor cursor{data, captured, wire_length};
  const internal::Decoding frame{segment, tunnels};
  segment.encap.depth = 0;
  segment.nesting = 0;
  segment.cut = false;
  segment.may_be_cut = true;
  segment.ip = nullptr;
  if (vlan != kNoVlan) frame.Push(EncapKind::kVlan, vlan & 0x0fff);
  // Ahead of the others, since live ports know no other.
  if (link == LinkType::kEthernet) [[likely]]
    return internal::ReadEthernet(cursor, frame);
  switch (link) {
    case LinkType::kRawIp:
      return internal::DecodeIp(cursor, frame);
    case LinkType::kNull:
      return internal::DecodeNull(cursor, frame);
    case LinkType::kSll:
      return internal::DecodeCooked(cursor, 16, 14, frame);
    case LinkType::kSll2:
      return internal::DecodeCooked(cursor, 20, 0, frame);
    case LinkType::kPpp:
      return internal::DecodePpp(cursor, frame);
    default:
      return Outcome::kUnknownLink;
  }
}

Outcome DecodePacket(const uint8_t* ip, uint32_t captured, uint32_t length,
                     const TunnelPorts& tunnels, Segment& segment) {
  segment.nesting = 0;
  segment.cut = false;
  segment.may_be_cut = false;
  segment.ip = nullptr;
  return internal::DecodeIp({ip, captured, length}, {segment, tunnels});
}

}  // namespace mailtap::net

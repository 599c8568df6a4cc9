// What wraps IP, apart from VLANs: shims between Ethernet and IP, and IP in IP. UDP tunnels and
// GRE have files of their own.
#include <cstring>

#include "lib/net/cursor.h"
#include "lib/net/wire.h"

namespace mailtap::net::internal {
namespace {

// Whether an IP header of that version starts here: version, header length and total length fit
// what is left or, where it may be `cut` short, claim more. For places where nothing else tells
// what follows.
bool LooksLikeIp(const Cursor& cursor, bool cut) {
  if (!cursor.Has(20)) return false;
  const uint8_t* ip = cursor.at;
  const auto fits = [&](uint32_t total) {
    constexpr uint32_t kMostPadding = 64;  // short frames are padded; longer ones are not
    return total > cursor.wire ? cut : cursor.wire - total <= kMostPadding;
  };
  if (ip[0] >> 4 == 4) {
    const uint32_t header = (ip[0] & 0x0f) * 4u;
    const uint32_t total = Load16(ip + 2);
    if (header < 20) return false;
    return total == 0 || (total >= header && fits(total));
  }
  if (ip[0] >> 4 == 6) {
    const uint32_t total = Load16(ip + 4) + 40u;
    return total == 40 || fits(total);
  }
  return false;
}

// Whether a type that switches meet every day stands where Ethernet has it: for the same
// places.
bool LooksLikeEthernet(const Cursor& cursor) {
  if (!cursor.Has(14)) return false;
  const uint16_t type = Load16(cursor.at + 12);
  switch (type) {
    case kIpv4Type:
    case kArpType:
    case kVlanType:
    case kIpv6Type:
    case kSlowType:
    case kMplsType:
    case kMplsMulticastType:
    case kPppoeDiscoveryType:
    case kPppoeType:
    case kServiceVlanType:
    case kLldpType:
    case kBackboneType:
    case kMacsecType:
    case kFaultsType:
    case kCiscoMetadataType:
    case kVnTagType:
    case kETagType:
    case kOldQinqType:
      return true;
    default: {
      // IEEE 802.2: spanning tree, OSI and SNAP, each with its address twice.
      if (type > cursor.wire - 14 || !cursor.Has(16)) return false;
      const uint16_t service = Load16(cursor.at + 14);
      return service == 0x4242 || service == 0xfefe || service == 0xaaaa;
    }
  }
}

bool IsVlanTag(uint16_t type) {
  return type == kVlanType || type == kServiceVlanType || type == kOldQinqType;
}

// Ethernet that IP follows, behind tags or not.
bool HoldsIp(Cursor cursor, bool cut) {
  if (!cursor.Has(14)) return false;
  uint16_t type = Load16(cursor.at + 12);
  cursor.Skip(14);
  while (IsVlanTag(type) && cursor.Has(4)) {
    type = Load16(cursor.at + 2);
    cursor.Skip(4);
  }
  return (type == kIpv4Type || type == kIpv6Type) && LooksLikeIp(cursor, cut);
}

// What an MPLS stack carries: nothing says it. IP shows by its header; a pseudowire may start
// with a control word, whose first four bits are 0 (RFC 4385), and then carries Ethernet. MAC
// addresses may look like any of these, so an IP header that fits decides first, and a known
// type only then. One of a packet that was cut short fits less surely: it comes later, and last
// where no type goes before it.
Outcome DecodeUnnamed(Cursor cursor, Decoding frame) {
  if (HoldsIp(cursor, false)) return DecodeEthernet(cursor, frame);
  if (LooksLikeIp(cursor, false)) return DecodeIp(cursor, frame);
  if (!cursor.Has(20))
    return Outcome::kTruncatedIp;  // no IP header, nor Ethernet with anything
  const bool control_word = cursor.at[0] >> 4 == 0;
  Cursor behind = cursor;
  behind.Skip(4);
  if (control_word && HoldsIp(behind, false)) return DecodeEthernet(behind, frame);
  const bool cut = frame.segment.may_be_cut;
  if (HoldsIp(cursor, cut)) return DecodeEthernet(cursor, frame);
  if (control_word && HoldsIp(behind, cut)) return DecodeEthernet(behind, frame);
  // Without a control word first: a MAC address may start with 0 too, and four bytes further on
  // a tagged frame looks like an untagged one.
  if (LooksLikeEthernet(cursor)) return DecodeEthernet(cursor, frame);
  if (control_word && LooksLikeEthernet(behind)) return DecodeEthernet(behind, frame);
  if (LooksLikeIp(cursor, cut)) return DecodeIp(cursor, frame);
  constexpr uint16_t kAssociatedChannel = 0x1000;  // RFC 4385, 5: operation and maintenance
  return Load16(cursor.at) == kAssociatedChannel ? Outcome::kNotIp : Outcome::kUnknownEncap;
}

// RFC 3032: labels of four bytes up to the one with the bottom-of-stack bit.
Outcome DecodeMpls(Cursor cursor, Decoding frame) {
  while (true) {
    if (!cursor.Has(4)) return Outcome::kTruncatedLink;
    const uint32_t entry = Load32(cursor.at);
    if (!frame.Push(EncapKind::kMpls, entry >> 12)) return Outcome::kEncapDepth;
    cursor.Skip(4);
    if ((entry & 0x100) != 0) break;
  }
  return DecodeUnnamed(cursor, frame);
}

// RFC 2516: version and type, code (0 for data), session, length; then PPP.
Outcome DecodePppoe(Cursor cursor, Decoding frame) {
  if (!cursor.Has(6)) return Outcome::kTruncatedLink;
  if (cursor.at[1] != 0) return Outcome::kNotIp;
  if (!frame.Push(EncapKind::kPppoe, Load16(cursor.at + 2))) {
    return Outcome::kEncapDepth;
  }
  const uint32_t length = Load16(cursor.at + 4);
  cursor.Skip(6);
  cursor.Limit(length);
  return DecodePpp(cursor, frame);
}

// RFC 4302: length in four-byte units less two, SPI at byte 4. In IPv4; in IPv6 it is one of
// several extension headers.
Outcome DecodeAuthentication(Cursor cursor, Decoding frame) {
  if (!cursor.Has(12)) return Outcome::kTruncatedIp;
  const uint32_t size = (cursor.at[1] + 2u) * 4u;
  if (!cursor.Has(size)) return Outcome::kTruncatedIp;
  if (!frame.Push(EncapKind::kAh, Load32(cursor.at + 4))) return Outcome::kEncapDepth;
  const uint8_t next = cursor.at[0];
  cursor.Skip(size);
  return DecodeProtocol(cursor, next, frame);
}

}  // namespace

Outcome DecodePpp(Cursor cursor, Decoding frame) {
  if (!cursor.Has(2)) return Outcome::kTruncatedLink;
  if (cursor.at[0] == 0xff && cursor.at[1] == 0x03) cursor.Skip(2);
  if (!cursor.Has(1)) return Outcome::kTruncatedLink;
  // Odd first bytes are protocols compressed to one byte (RFC 1661, 6.5).
  uint16_t protocol = cursor.at[0];
  if ((protocol & 1) != 0) {
    cursor.Skip(1);
  } else {
    if (!cursor.Has(2)) return Outcome::kTruncatedLink;
    protocol = Load16(cursor.at);
    cursor.Skip(2);
  }
  constexpr uint16_t kPppOsi = 0x0023, kPppAppleTalk = 0x0029, kPppIpx = 0x002b,
                     kPppIpv4 = 0x0021, kPppIpv6 = 0x0057, kPppMpls = 0x0281,
                     kFirstControl = 0x8000;  // RFC 1661, 2: the network layers' and the link's
  switch (protocol) {
    case kPppIpv4:
      return DecodeIpv4(cursor, frame);
    case kPppIpv6:
      return DecodeIpv6(cursor, frame);
    case kPppMpls:
      return DecodeMpls(cursor, frame);
    case kPppOsi:
    case kPppAppleTalk:
    case kPppIpx:
      return Outcome::kNotIp;
    default:  // compressed, encrypted, bridged or a piece of a multilink bundle
      return protocol >= kFirstControl ? Outcome::kNotIp : Outcome::kUnknownEncap;
  }
}

// Of LLC only SNAP (IEEE 802, 10.3) carries IP: its header ends in an EtherType.
Outcome DecodeLlc(Cursor cursor, uint32_t length, Decoding frame) {
  constexpr uint8_t kSnap[] = {0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00};
  cursor.Limit(length);
  if (!cursor.Has(8) || std::memcmp(cursor.at, kSnap, sizeof(kSnap)) != 0) {
    return Outcome::kNotIp;
  }
  const uint16_t next = Load16(cursor.at + 6);
  if (next < kFirstEtherType) return Outcome::kNotIp;
  cursor.Skip(8);
  return DecodeEtherType(cursor, next, frame);
}

Outcome DecapEtherType(Cursor cursor, uint16_t type, Decoding frame) {
  switch (type) {
    case kMplsType:
    case kMplsMulticastType:
      return DecodeMpls(cursor, frame);
    case kPppoeType:
      return DecodePppoe(cursor, frame);
    case kVnTagType: {  // four bytes: direction, pointer, destination (14 bits), source
                        // interface
      if (!cursor.Has(6)) return Outcome::kTruncatedLink;
      if (!frame.Push(EncapKind::kVntag, Load32(cursor.at) >> 16 & 0x3fff)) {
        return Outcome::kEncapDepth;
      }
      const uint16_t next = Load16(cursor.at + 4);
      cursor.Skip(6);
      return DecodeEtherType(cursor, next, frame);
    }
    case kETagType: {  // IEEE 802.1BR, 7.5: six bytes, the channel's id in bytes 2 and 3
      if (!cursor.Has(8)) return Outcome::kTruncatedLink;
      if (!frame.Push(EncapKind::kVntag, Load16(cursor.at + 2) & 0x3fff)) {
        return Outcome::kEncapDepth;
      }
      const uint16_t next = Load16(cursor.at + 6);
      cursor.Skip(8);
      return DecodeEtherType(cursor, next, frame);
    }
    case kCiscoMetadataType: {  // version and length, then one option: the group's tag
      constexpr uint32_t kOneTag = 0x01010001;
      if (!cursor.Has(8)) return Outcome::kTruncatedLink;
      if (Load32(cursor.at) != kOneTag) return Outcome::kUnknownEncap;
      if (!frame.Push(EncapKind::kSgt, Load16(cursor.at + 4))) return Outcome::kEncapDepth;
      const uint16_t next = Load16(cursor.at + 6);
      cursor.Skip(8);
      return DecodeEtherType(cursor, next, frame);
    }
    case kBackboneType: {  // IEEE 802.1Q, 9.7: four bytes with the service id, then Ethernet
      if (!cursor.Has(4)) return Outcome::kTruncatedLink;
      if (!frame.Push(EncapKind::kBackbone, Load32(cursor.at) & 0xffffff)) {
        return Outcome::kEncapDepth;
      }
      cursor.Skip(4);
      return DecodeEthernet(cursor, frame);
    }
    case kBridgedType:
      return DecodeEthernet(cursor, frame);
    default:
      break;
  }
  constexpr uint16_t kLongestLength = 0x05dc;  // IEEE 802.3, 3.2.6
  return type <= kLongestLength ? DecodeLlc(cursor, type, frame) : Unopened(type);
}

Outcome DecapIpProtocol(Cursor cursor, uint8_t protocol, Decoding frame) {
  switch (protocol) {
    case kUdpProtocol:
      return DecapUdp(cursor, frame);
    case kGreProtocol:
      return DecapGre(cursor, frame);
    case kIpv4InIp:
    case kIpv6InIp:
      if (!frame.PushWhole(EncapKind::kIpInIp, 0)) return Outcome::kEncapDepth;
      return protocol == kIpv4InIp ? DecodeIpv4(cursor, frame) : DecodeIpv6(cursor, frame);
    case kAuthentication:
      return DecodeAuthentication(cursor, frame);
    case kMplsInIp:
      return DecodeMpls(cursor, frame);
    case kEtherIp:  // RFC 3378: two bytes, version 3
      if (!cursor.Has(2)) return Outcome::kTruncatedIp;
      if (cursor.at[0] >> 4 != 3) return Outcome::kUnknownEncap;
      if (!frame.Push(EncapKind::kEtherIp, 0)) return Outcome::kEncapDepth;
      cursor.Skip(2);
      return DecodeEthernet(cursor, frame);
    default:
      return Unopened(protocol);
  }
}

}  // namespace mailtap::net::internal

// Generic routing encapsulation and what is known to travel in it.
#include "lib/net/cursor.h"
#include "lib/net/wire.h"

namespace mailtap::net::internal {
namespace {

enum GreFlag : uint16_t {
  kChecksumPresent = 0x8000,
  kRoutingPresent = 0x4000,
  kKeyPresent = 0x2000,
  kSequencePresent = 0x1000,
  kAckPresent = 0x0080,  // version 1
};

enum GreType : uint16_t {
  kErspanType = 0x88be,      // types I and II
  kErspan3Type = 0x22eb,     // type III
  kWccpType = 0x883e,        // Cisco web cache redirection
  kPptpType = 0x880b,        // version 1: PPP (RFC 2637)
  kFirstArubaType = 0x8200,  // Aruba: 802.11 frames of access points
  kLastArubaType = 0x82ff,
};

// The two bytes with the session of types II and III: T says that the frame was cut short.
uint32_t ReadSession(const uint8_t* at, Segment& segment) {
  constexpr uint16_t kTruncated = 0x0400, kSession = 0x03ff;
  const uint16_t word = Load16(at);
  if ((word & kTruncated) != 0) segment.may_be_cut = true;
  return word & kSession;
}

// draft-foschiano-erspan-03. Type I has no header and no sequence number; type II eight bytes;
// type III twelve, and eight more where the O bit says so.
Outcome DecodeErspan(Cursor cursor, bool sequence, Decoding frame) {
  if (!sequence) {
    if (!frame.Push(EncapKind::kErspan, 0)) return Outcome::kEncapDepth;
    return DecodeEthernet(cursor, frame);
  }
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  const uint32_t session = ReadSession(cursor.at + 2, frame.segment);
  if (!frame.Push(EncapKind::kErspan, session)) return Outcome::kEncapDepth;
  cursor.Skip(8);
  return DecodeEthernet(cursor, frame);
}

Outcome DecodeErspan3(Cursor cursor, Decoding frame) {
  if (!cursor.Has(12)) return Outcome::kTruncatedIp;
  const uint32_t session = ReadSession(cursor.at + 2, frame.segment);
  const uint16_t last = Load16(cursor.at + 10);
  const uint32_t size = (last & 0x0001) != 0 ? 20 : 12;
  constexpr int kEthernetFrame = 0, kIpPacket = 2;
  const int frame_type = last >> 10 & 0x1f;
  if (!frame.Push(EncapKind::kErspan, session)) return Outcome::kEncapDepth;
  if (!cursor.Has(size)) return Outcome::kTruncatedIp;
  cursor.Skip(size);
  if (frame_type == kEthernetFrame) return DecodeEthernet(cursor, frame);
  return frame_type == kIpPacket ? DecodeIp(cursor, frame) : Outcome::kUnknownEncap;
}

// IEEE 802.11-2020, 9.3.2: a data frame. Encrypted ones cannot be read. Of an aggregate the
// first frame alone is decoded.
Outcome DecodeWireless(Cursor cursor, Decoding frame) {
  if (!cursor.Has(24)) return Outcome::kTruncatedLink;
  const uint8_t control = cursor.at[0];
  const uint8_t flags = cursor.at[1];
  const bool data = (control & 0x0c) == 0x08;
  const bool empty = (control & 0x40) != 0;
  const bool quality = (control & 0x80) != 0;
  const bool encrypted = (flags & 0x40) != 0;
  if (!data || empty) return Outcome::kNotIp;
  if (encrypted) return Outcome::kUnknownEncap;
  uint32_t size = 24;
  if ((flags & 0x03) == 0x03) size += 6;  // between two access points: a fourth address
  bool aggregate = false;
  if (quality) {
    if (!cursor.Has(size + 2)) return Outcome::kTruncatedLink;
    aggregate = (cursor.at[size] & 0x80) != 0;
    size += 2;
    if ((flags & 0x80) != 0) size += 4;  // HT control
  }
  if (!cursor.Has(size)) return Outcome::kTruncatedLink;
  cursor.Skip(size);
  if (aggregate) {  // two addresses and a length, as in 802.3
    if (!cursor.Has(14)) return Outcome::kTruncatedLink;
    const uint16_t length = Load16(cursor.at + 12);
    cursor.Skip(14);
    return DecodeLlc(cursor, length, frame);
  }
  return DecodeLlc(cursor, cursor.wire, frame);
}

// The redirect header of version 2 has four bytes; version 1 has none.
Outcome DecodeWccp(Cursor cursor, Decoding frame) {
  if (!cursor.Has(4)) return Outcome::kTruncatedIp;
  if (cursor.at[0] >> 4 != 4) cursor.Skip(4);
  return DecodeIpv4(cursor, frame);
}

}  // namespace

// RFC 2784, RFC 2890; version 1 is RFC 2637 (PPTP); NVGRE is RFC 7637.
Outcome DecapGre(Cursor cursor, Decoding frame) {
  if (!cursor.Has(4)) return Outcome::kTruncatedIp;
  const uint16_t flags = Load16(cursor.at);
  const uint16_t type = Load16(cursor.at + 2);
  const int version = flags & 0x0007;
  uint32_t size = 4;
  if (version == 0 && (flags & (kChecksumPresent | kRoutingPresent)) != 0) size += 4;
  uint32_t key = 0;
  if ((flags & kKeyPresent) != 0) {
    if (!cursor.Has(size + 4)) return Outcome::kTruncatedIp;
    key = Load32(cursor.at + size);
    size += 4;
  }
  if ((flags & kSequencePresent) != 0) size += 4;
  if (version == 1 && (flags & kAckPresent) != 0) size += 4;
  if (version > 1) return Outcome::kUnknownEncap;
  if (!cursor.Has(size)) return Outcome::kTruncatedIp;
  cursor.Skip(size);
  if (version == 0 && (flags & kRoutingPresent) != 0) {
    // RFC 1701: source route entries, each with its length in its fourth byte, up to an empty
    // one.
    while (true) {
      if (!cursor.Has(4)) return Outcome::kTruncatedIp;
      const uint32_t length = 4u + cursor.at[3];
      const bool last = Load16(cursor.at) == 0 && cursor.at[3] == 0;
      if (!cursor.Has(length)) return Outcome::kTruncatedIp;
      cursor.Skip(length);
      if (last) break;
    }
  }
  const bool sequence = (flags & kSequencePresent) != 0;
  if (version == 0 && type == kErspanType) return DecodeErspan(cursor, sequence, frame);
  if (version == 0 && type == kErspan3Type) return DecodeErspan3(cursor, frame);

  const bool nvgre = version == 0 && type == kBridgedType && (flags & kKeyPresent) != 0;
  const bool pushed = version == 1 ? frame.PushWhole(EncapKind::kGre, 0)
                      : nvgre      ? frame.Push(EncapKind::kNvgre, key >> 8)
                                   : frame.Push(EncapKind::kGre, key);
  if (!pushed) return Outcome::kEncapDepth;
  if (version == 1) {
    if (type != kPptpType) return Outcome::kUnknownEncap;
    // Without a number of its own it only acknowledges.
    return sequence ? DecodePpp(cursor, frame) : Outcome::kNotIp;
  }
  if (type == kWccpType) return DecodeWccp(cursor, frame);
  if (type >= kFirstArubaType && type <= kLastArubaType) return DecodeWireless(cursor, frame);
  return DecodeEtherType(cursor, type, frame);
}

}  // namespace mailtap::net::internal

// Tunnels over UDP, told by their ports.
#include "lib/net/cursor.h"
#include "lib/net/tunnel_ports.h"
#include "lib/net/wire.h"

namespace mailtap::net::internal {
namespace {

constexpr uint32_t kUdpHeader = 8;

// RFC 7348: flags, of which I says that the VNI is valid; VNI in bytes 4 to 6.
Outcome DecodeVxlan(Cursor cursor, Decoding& frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  if ((cursor.at[0] & 0x08) == 0) return Outcome::kNotTcp;
  if (!frame.Push(EncapKind::kVxlan, Load32(cursor.at + 4) >> 8)) {
    return Outcome::kEncapDepth;
  }
  cursor.Skip(8);
  return DecodeEthernet(cursor, frame);
}

// draft-ietf-nvo3-vxlan-gpe: P says that byte 3 names what follows.
Outcome DecodeVxlanGpe(Cursor cursor, Decoding& frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  const bool names_next = (cursor.at[0] & 0x04) != 0;
  constexpr uint8_t kIpv4 = 1, kIpv6 = 2, kEthernet = 3;
  const uint8_t next = names_next ? cursor.at[3] : kEthernet;
  if (!frame.Push(EncapKind::kVxlanGpe, Load32(cursor.at + 4) >> 8)) {
    return Outcome::kEncapDepth;
  }
  cursor.Skip(8);
  switch (next) {
    case kIpv4:
      return DecodeIpv4(cursor, frame);
    case kIpv6:
      return DecodeIpv6(cursor, frame);
    case kEthernet:
      return DecodeEthernet(cursor, frame);
    default:
      return Outcome::kNotIp;
  }
}

// RFC 8926: options of up to 252 bytes, then what the EtherType says.
Outcome DecodeGeneve(Cursor cursor, Decoding& frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  if (cursor.at[0] >> 6 != 0) return Outcome::kNotTcp;
  const uint32_t size = 8 + (cursor.at[0] & 0x3f) * 4u;
  const uint16_t type = Load16(cursor.at + 2);
  if (!frame.Push(EncapKind::kGeneve, Load32(cursor.at + 4) >> 8)) {
    return Outcome::kEncapDepth;
  }
  if (!cursor.Has(size)) return Outcome::kTruncatedIp;
  cursor.Skip(size);
  return DecodeEtherType(cursor, type, frame);
}

// 3GPP TS 29.281, 5: version 1, type 255 is a user's packet; with any of E, S and PN set, four
// more bytes, and after them extension headers with their lengths in units of four bytes.
Outcome DecodeGtp(Cursor cursor, Decoding& frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  constexpr uint8_t kUserPacket = 255;
  const uint8_t flags = cursor.at[0];
  if (flags >> 5 != 1 || (flags & 0x10) == 0 || cursor.at[1] != kUserPacket) {
    return Outcome::kNotTcp;
  }
  if (!frame.Push(EncapKind::kGtpU, Load32(cursor.at + 4))) {
    return Outcome::kEncapDepth;
  }
  uint8_t next = 0;
  cursor.Skip(8);
  if ((flags & 0x07) != 0) {
    if (!cursor.Has(4)) return Outcome::kTruncatedIp;
    next = (flags & 0x04) != 0 ? cursor.at[3] : 0;
    cursor.Skip(4);
  }
  while (next != 0) {
    if (!cursor.Has(4)) return Outcome::kTruncatedIp;
    const uint32_t size = cursor.at[0] * 4u;
    if (size == 0) return Outcome::kBadIpHeader;
    if (!cursor.Has(size)) return Outcome::kTruncatedIp;
    next = cursor.at[size - 1];
    cursor.Skip(size);
  }
  if (!cursor.Has(1)) return Outcome::kTruncatedIp;
  const int version = cursor.at[0] >> 4;
  // A session of another kind carries PPP or nothing that is known.
  return version == 4 || version == 6 ? DecodeIp(cursor, frame) : Outcome::kNotIp;
}

// draft-massar-v6ops-ayiya-02: identity and signature lengths in the first two bytes, then the
// protocol number of what follows them.
Outcome DecodeAyiya(Cursor cursor, Decoding& frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  const uint32_t identity = 1u << (cursor.at[0] >> 4);
  const uint32_t signature = (cursor.at[1] >> 4) * 4u;
  constexpr uint8_t kForward = 1;
  const bool forward = (cursor.at[2] & 0x0f) == kForward;
  const uint8_t next = cursor.at[3];
  const uint32_t size = 8 + identity + signature;
  if (!forward || (next != kIpv4InIp && next != kIpv6InIp)) return Outcome::kNotTcp;
  if (!frame.Push(EncapKind::kIpInIp, 0)) return Outcome::kEncapDepth;
  if (!cursor.Has(size)) return Outcome::kTruncatedIp;
  cursor.Skip(size);
  return DecodeIp(cursor, frame);
}

}  // namespace

Outcome DecapUdp(Cursor cursor, Decoding& frame) {
  if (!cursor.Has(kUdpHeader)) return Outcome::kNotTcp;
  const TunnelKind* kind = frame.tunnels.Find(Load16(cursor.at + 2));
  if (kind == nullptr) kind = frame.tunnels.Find(Load16(cursor.at));
  if (kind == nullptr) return Outcome::kNotTcp;
  cursor.Skip(kUdpHeader);
  switch (*kind) {
    case TunnelKind::kVxlan:
      return DecodeVxlan(cursor, frame);
    case TunnelKind::kVxlanGpe:
      return DecodeVxlanGpe(cursor, frame);
    case TunnelKind::kGeneve:
      return DecodeGeneve(cursor, frame);
    case TunnelKind::kGtpU:
      return DecodeGtp(cursor, frame);
    case TunnelKind::kGre:
      return DecapGre(cursor, frame);
    case TunnelKind::kAyiya:
      return DecodeAyiya(cursor, frame);
  }
  return Outcome::kNotTcp;
}

}  // namespace mailtap::net::internal

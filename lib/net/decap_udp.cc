// Tunnels over UDP, told by their ports.
#include "lib/net/cursor.h"
#include "lib/net/dns.h"
#include "lib/net/tunnel_ports.h"
#include "lib/net/wire.h"

namespace mailtap::net::internal {
namespace {

constexpr uint32_t kUdpHeader = 8;

// RFC 7348: flags, of which I says that the VNI is valid; VNI in bytes 4 to 6.
Outcome DecodeVxlan(Cursor cursor, Decoding frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  if ((cursor.at[0] & 0x08) == 0) return Outcome::kUnknownEncap;
  if (!frame.Push(EncapKind::kVxlan, Load32(cursor.at + 4) >> 8)) {
    return Outcome::kEncapDepth;
  }
  cursor.Skip(8);
  return DecodeEthernet(cursor, frame);
}

// draft-ietf-nvo3-vxlan-gpe: a version of two bits; P says that byte 3 names what follows, O
// that it is for operation and maintenance.
Outcome DecodeVxlanGpe(Cursor cursor, Decoding frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  if ((cursor.at[0] & 0x30) != 0) return Outcome::kUnknownEncap;
  if ((cursor.at[0] & 0x01) != 0) return Outcome::kNotIp;
  const bool names_next = (cursor.at[0] & 0x04) != 0;
  constexpr uint8_t kIpv4 = 1, kIpv6 = 2, kEthernet = 3, kMpls = 5;
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
    case kMpls:
      return DecodeEtherType(cursor, kMplsType, frame);
    default:
      return Outcome::kUnknownEncap;
  }
}

// RFC 8926: options of up to 252 bytes, then what the EtherType says. O is for operation and
// maintenance.
Outcome DecodeGeneve(Cursor cursor, Decoding frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  if (cursor.at[0] >> 6 != 0) return Outcome::kUnknownEncap;
  if ((cursor.at[1] & 0x80) != 0) return Outcome::kNotIp;
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
Outcome DecodeGtp(Cursor cursor, Decoding frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  constexpr uint8_t kUserPacket = 255;
  const uint8_t flags = cursor.at[0];
  if (flags >> 5 != 1 || (flags & 0x10) == 0) return Outcome::kUnknownEncap;
  if (cursor.at[1] != kUserPacket) return Outcome::kNotTcp;
  if (!frame.PushWhole(EncapKind::kGtpU, Load32(cursor.at + 4))) {
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
  // Sessions of another kind carry PPP or nothing that is known.
  return version == 4 || version == 6 ? DecodeIp(cursor, frame) : Outcome::kUnknownEncap;
}

// draft-massar-v6ops-ayiya-02: identity and signature lengths in the first two bytes, then the
// protocol number of what follows them.
Outcome DecodeAyiya(Cursor cursor, Decoding frame) {
  if (!cursor.Has(8)) return Outcome::kTruncatedIp;
  const uint32_t identity = 1u << (cursor.at[0] >> 4);
  const uint32_t signature = (cursor.at[1] >> 4) * 4u;
  constexpr uint8_t kForward = 1;
  const bool forward = (cursor.at[2] & 0x0f) == kForward;
  const uint8_t next = cursor.at[3];
  const uint32_t size = 8 + identity + signature;
  if (!forward || (next != kIpv4InIp && next != kIpv6InIp)) return Outcome::kNotTcp;
  if (!frame.PushWhole(EncapKind::kIpInIp, 0)) return Outcome::kEncapDepth;
  if (!cursor.Has(size)) return Outcome::kTruncatedIp;
  cursor.Skip(size);
  return DecodeIp(cursor, frame);
}

Outcome Open(TunnelKind kind, Cursor cursor, Decoding frame) {
  switch (kind) {
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

// RFC 768: the length counts the header too. Where it makes no sense, the IP packet's is all
// that there is.
Outcome DecodeDns(Cursor cursor, const uint8_t* udp, Segment& segment) {
  const uint32_t length = Load16(udp + 4);
  if (length >= kUdpHeader) cursor.Limit(length - kUdpHeader);
  segment.payload = cursor.at;
  segment.captured = cursor.captured < cursor.wire ? cursor.captured : cursor.wire;
  segment.length = cursor.wire;
  segment.src_port = Load16(udp);
  segment.dst_port = Load16(udp + 2);
  return Outcome::kDns;
}

// UDP tunnels that are not looked into, by ports that no configuration moves. Both ends use the
// port, unless an address translator has changed one.
bool HidesPackets(const Cursor& cursor, uint16_t source, uint16_t destination) {
  constexpr uint16_t kEspPort = 4500, kL2tpPort = 1701, kCapwapPort = 5247, kTzspPort = 37'008;
  if (source == kEspPort || destination == kEspPort) {
    // RFC 3948: an SPI, which is never 0; key exchange has four zero bytes there, and a
    // keep-alive is one byte.
    return cursor.Has(8) && Load32(cursor.at) != 0;
  }
  if (source == kL2tpPort || destination == kL2tpPort) {
    // RFC 2661, 3.1: data (no T) of version 2, with all reserved bits zero.
    return cursor.Has(6) && (Load16(cursor.at) & 0xb4ff) == 0x0002;
  }
  if (source == kCapwapPort || destination == kCapwapPort) {
    // RFC 5415, 4.2 and 4.3: version 0, type 1 for DTLS; type 0 for a frame, or with K to keep
    // the channel alive.
    constexpr uint8_t kFrame = 0, kEncrypted = 1, kKeepAlive = 0x08;
    if (!cursor.Has(8)) return false;
    return cursor.at[0] == kEncrypted ||
           (cursor.at[0] == kFrame && (cursor.at[3] & kKeepAlive) == 0);
  }
  if (destination == kTzspPort) {
    // TaZmen's sniffer protocol: version 1, a frame received (0) or to be sent (1).
    return cursor.Has(4) && cursor.at[0] == 1 && cursor.at[1] <= 1;
  }
  return false;
}

}  // namespace

// A tunnel's sender picks any source port and sends to the tunnel's port; AYIYA and some GTP-U
// answer from it. But any client may pick a tunnel's port for its own. So it is only surely a
// tunnel where the destination says so and the source is no service's port. Where it is not
// sure, what cannot be decoded is just UDP and no fault of a tunnel.
Outcome DecapUdp(Cursor cursor, Decoding frame) {
  if (!cursor.Has(kUdpHeader)) return Outcome::kNotTcp;
  constexpr uint16_t kFirstClientPort = 1'024;
  const uint8_t* udp = cursor.at;
  const uint16_t source = Load16(udp);
  const uint16_t destination = Load16(udp + 2);
  cursor.Skip(kUdpHeader);
  const TunnelKind* kind = frame.tunnels.Find(destination);
  const bool sure = kind != nullptr && source >= kFirstClientPort;
  if (kind == nullptr) kind = frame.tunnels.Find(source);
  if (kind != nullptr) {
    const Outcome outcome = Open(*kind, cursor, frame);
    const bool fault = static_cast<int>(outcome) >= kFirstDropOutcome;
    return fault && !sure && outcome != Outcome::kFragment ? Outcome::kNotTcp : outcome;
  }
  if (source == kDnsPort) return DecodeDns(cursor, udp, frame.segment);
  if (source < kFirstClientPort || destination < kFirstClientPort) return Outcome::kNotTcp;
  return HidesPackets(cursor, source, destination) ? Outcome::kUnknownEncap : Outcome::kNotTcp;
}

}  // namespace mailtap::net::internal

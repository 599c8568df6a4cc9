// Tunnels over IP.
#include <string>

#include "app/mailtap-gen/encapsulation.h"
#include "app/mailtap-gen/frame.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr uint8_t kGreProtocol = 47;
constexpr uint8_t kIpv4InIp = 4;
constexpr uint8_t kIpv6InIp = 41;
// IANA service numbers.
constexpr uint32_t kVxlanPort = 4789;
constexpr uint32_t kVxlanGpePort = 4790;
constexpr uint32_t kGenevePort = 6081;
constexpr uint32_t kGtpUPort = 2152;
constexpr uint32_t kTransparentEthernet = 0x6558;
constexpr uint32_t kErspan12Type = 0x88be;
constexpr uint32_t kErspan3Type = 0x22eb;
// GRE flags.
constexpr uint32_t kGreChecksum = 0x8000, kGreKey = 0x2000, kGreSequence = 0x1000;

// The tunnel's ends: a switch and a collector.
Address End(bool v6, uint8_t which) {
  return v6 ? V6(0xfd00009900000000, which) : V4(172, 16, 99, which);
}

// Puts an outer Ethernet and IP header, and `head`, before the frame's bytes from `removed` on.
void Enclose(const WrappingLayer& layer, FrameBytes& frame, std::size_t removed,
             uint8_t protocol, const std::string& head) {
  uint8_t outer[kEthernetBytes + 40];
  const Address from = End(layer.outer_v6, 1), to = End(layer.outer_v6, 2);
  uint32_t size = WriteEthernet(from, to, layer.outer_v6 ? kIpv6Type : kIpv4Type, outer);
  const auto payload = static_cast<uint32_t>(head.size() + frame.size() - removed);
  // A hash of nothing in particular: every tunnelled packet gets an id of its own.
  const uint16_t id = InternetChecksum(frame.data(), frame.size());
  size += WriteIp(from, to, protocol, payload, id, true, outer + size);
  ReplaceHead(frame, removed, std::string(outer, outer + size) + head);
}

// RFC 7348, 4.1 and its kin: the source port varies with the flow; no checksum over IPv4, and
// none over IPv6 either (RFC 6935).
void EncloseUdp(const WrappingLayer& layer, FrameBytes& frame, std::size_t removed,
                uint32_t port, const std::string& head) {
  constexpr uint32_t kUdpBytes = 8;
  std::string udp;
  Append(udp, 49'152 + frame[kEthernetBytes + 15] % 64, 2);
  Append(udp, port, 2);
  Append(udp, static_cast<uint32_t>(kUdpBytes + head.size() + frame.size() - removed), 2);
  Append(udp, 0, 2);
  Enclose(layer, frame, removed, kUdpProtocol, udp + head);
}

// RFC 2784 and RFC 2890.
std::string GreHead(uint32_t flags, uint32_t type) {
  std::string head;
  Append(head, flags, 2);
  Append(head, type, 2);
  return head;
}

void WrapGre(const WrappingLayer& layer, FrameBytes& frame) {
  const uint32_t type = Get16(frame.data() + 12);
  switch (layer.kind) {
    case Wrapping::kGre: {
      std::string head = GreHead(layer.id != 0 ? kGreKey : 0, type);
      if (layer.id != 0) Append(head, layer.id, 4);
      return Enclose(layer, frame, kEthernetBytes, kGreProtocol, head);
    }
    case Wrapping::kGreFull: {
      std::string head = GreHead(kGreChecksum | kGreKey | kGreSequence, type);
      Append(head, 0, 4);
      Append(head, layer.id, 4);
      Append(head, 1, 4);
      FrameBytes covered(head.begin(), head.end());
      covered.insert(covered.end(), frame.begin() + kEthernetBytes, frame.end());
      const uint16_t sum = InternetChecksum(covered.data(), covered.size());
      head.replace(4, 2, reinterpret_cast<const char*>(&sum), 2);
      return Enclose(layer, frame, kEthernetBytes, kGreProtocol, head);
    }
    case Wrapping::kGreEthernet:
      return Enclose(layer, frame, 0, kGreProtocol, GreHead(0, kTransparentEthernet));
    default: {  // NVGRE: RFC 7637, 3.2
      std::string head = GreHead(kGreKey, kTransparentEthernet);
      Append(head, layer.id << 8 | 0x2a, 4);
      return Enclose(layer, frame, 0, kGreProtocol, head);
    }
  }
}

// draft-foschiano-erspan.
void WrapErspan(const WrappingLayer& layer, FrameBytes& frame) {
  constexpr uint32_t kVersion2 = 1, kVersion3 = 2;
  constexpr uint32_t kPlatformFlag = 1;
  std::string head;
  if (layer.kind == Wrapping::kErspan1) {
    head = GreHead(0, kErspan12Type);
  } else if (layer.kind == Wrapping::kErspan2) {
    head = GreHead(kGreSequence, kErspan12Type);
    Append(head, 1, 4);
    Append(head, kVersion2 << 28 | layer.id, 4);  // version, VLAN, priority, session
    Append(head, 3, 4);                           // index of the port
  } else {
    const bool platform = layer.kind == Wrapping::kErspan3Platform;
    head = GreHead(kGreSequence, kErspan3Type);
    Append(head, 1, 4);
    Append(head, kVersion3 << 28 | layer.id, 4);
    Append(head, 123'456, 4);  // timestamp
    Append(head, 0, 2);        // security group
    Append(head, platform ? kPlatformFlag : 0, 2);
    if (platform) {
      Append(head, 0x14000000, 4);  // platform 5
      Append(head, 7, 4);
    }
  }
  Enclose(layer, frame, 0, kGreProtocol, head);
}

// RFC 8926, 3.4, with an option of four bytes and one of eight.
std::string GeneveHead(uint32_t vni) {
  constexpr uint32_t kOptionWords = 2 + 3;
  std::string head;
  Append(head, kOptionWords << 8, 2);
  Append(head, kTransparentEthernet, 2);
  Append(head, vni << 8, 4);
  Append(head, 0x0103, 2);  // class; RFC 8926, 3.5
  Append(head, 0x0101, 2);  // type and words
  Append(head, 0xabcd, 4);
  Append(head, 0x0103, 2);
  Append(head, 0x0202, 2);
  head.append(8, '\x11');
  return head;
}

// 3GPP TS 29.281, 5.1; TS 38.415 for the PDU session container.
std::string GtpHead(const WrappingLayer& layer, std::size_t payload) {
  const bool extended = layer.kind == Wrapping::kGtpUExtended;
  constexpr uint32_t kVersionAndType = 0x30, kExtension = 0x04, kSequence = 0x02;
  constexpr uint32_t kUserData = 255;
  constexpr uint32_t kPduSession = 0x85;
  std::string optional;
  if (extended) {
    Append(optional, 1, 2);
    Append(optional, 0, 1);
    Append(optional, kPduSession, 1);
    Append(optional, 1, 1);  // length in words
    Append(optional, 0x0009, 2);
    Append(optional, 0, 1);  // no further header
  }
  std::string head;
  Append(head, kVersionAndType | (extended ? kExtension | kSequence : 0), 1);
  Append(head, kUserData, 1);
  Append(head, static_cast<uint32_t>(payload + optional.size()), 2);
  Append(head, layer.id, 4);
  return head + optional;
}

}  // namespace

void WrapTunnel(const WrappingLayer& layer, FrameBytes& frame) {
  std::string head;
  switch (layer.kind) {
    case Wrapping::kErspan1:
    case Wrapping::kErspan2:
    case Wrapping::kErspan3:
    case Wrapping::kErspan3Platform:
      return WrapErspan(layer, frame);
    case Wrapping::kVxlan:
      Append(head, 0x08000000, 4);
      Append(head, layer.id << 8, 4);
      return EncloseUdp(layer, frame, 0, kVxlanPort, head);
    case Wrapping::kVxlanGpe:
      Append(head, 0x0c000003, 4);  // next protocol: Ethernet
      Append(head, layer.id << 8, 4);
      return EncloseUdp(layer, frame, 0, kVxlanGpePort, head);
    case Wrapping::kGeneve:
      return EncloseUdp(layer, frame, 0, kGenevePort, GeneveHead(layer.id));
    case Wrapping::kIpInIp:
      return Enclose(layer, frame, kEthernetBytes,
                     Get16(frame.data() + 12) == kIpv6Type ? kIpv6InIp : kIpv4InIp, "");
    case Wrapping::kGtpU:
    case Wrapping::kGtpUExtended:
      return EncloseUdp(layer, frame, kEthernetBytes, kGtpUPort,
                        GtpHead(layer, frame.size() - kEthernetBytes));
    default:
      return WrapGre(layer, frame);
  }
}

}  // namespace mailtap::gen

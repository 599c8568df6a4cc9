// Tags and labels between the Ethernet addresses and what they carry, and AH.
#include <string>

#include "app/mailtap-gen/encapsulation.h"
#include "app/mailtap-gen/frame.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

// Ethernet types (IEEE, IANA).
constexpr uint32_t kVlanType = 0x8100;
constexpr uint32_t kServiceVlanType = 0x88a8;
constexpr uint32_t kEtagType = 0x893f;
constexpr uint32_t kVntagType = 0x8926;
constexpr uint32_t kMplsType = 0x8847;
constexpr uint32_t kPppoeType = 0x8864;
constexpr std::size_t kAddresses = 12;  // of Ethernet

std::string Head(const FrameBytes& frame, std::size_t bytes) {
  return std::string(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(bytes));
}

// Addresses, the tag's type and its fields; the old type follows.
void InsertTag(FrameBytes& frame, uint32_t type, uint32_t value, int value_bytes,
               std::string more = "") {
  std::string head = Head(frame, kAddresses);
  Append(head, type, 2);
  Append(head, value, value_bytes);
  ReplaceHead(frame, kAddresses, head + more);
}

// RFC 3032, 2.1; RFC 4448, 4.6 for the control word, RFC 4448, 4 for the pseudowire.
void WrapMpls(const WrappingLayer& layer, FrameBytes& frame) {
  constexpr uint32_t kTimeToLive = 64;
  const bool ethernet = layer.kind != Wrapping::kMpls;
  const bool bottom = ethernet || Get16(frame.data() + kAddresses) != kMplsType;
  std::string head = Head(frame, kAddresses);
  Append(head, kMplsType, 2);
  Append(head, layer.id << 12 | (bottom ? 1u : 0u) << 8 | kTimeToLive, 4);
  if (layer.kind == Wrapping::kMplsControlWord) Append(head, 0, 4);
  // Over IP the old type goes: the label implies it.
  ReplaceHead(frame, ethernet ? 0 : kEthernetBytes, head);
}

// RFC 2516, 5; RFC 1661 for the protocol field.
void WrapPppoe(const WrappingLayer& layer, FrameBytes& frame) {
  constexpr uint32_t kPppIpv4 = 0x0021, kPppIpv6 = 0x0057;
  const bool v6 = Get16(frame.data() + kAddresses) == kIpv6Type;
  std::string head = Head(frame, kAddresses);
  Append(head, kPppoeType, 2);
  Append(head, 0x1100, 2);
  Append(head, layer.id, 2);
  Append(head, static_cast<uint32_t>(frame.size()) - kEthernetBytes + 2, 2);
  Append(head, v6 ? kPppIpv6 : kPppIpv4, 2);
  ReplaceHead(frame, kEthernetBytes, head);
}

}  // namespace

void WrapLink(const WrappingLayer& layer, FrameBytes& frame) {
  switch (layer.kind) {
    case Wrapping::kVlan:
      return InsertTag(frame, kVlanType, layer.id, 2);
    case Wrapping::kServiceVlan:
      return InsertTag(frame, kServiceVlanType, layer.id, 2);
    case Wrapping::kEtag: {
      // IEEE 802.1BR, 7.5: priority and ingress ECID, then two reserved bits, GRP and ECID,
      // then the two extensions.
      std::string more;
      Append(more, layer.id, 2);
      Append(more, 0, 2);
      return InsertTag(frame, kEtagType, 0, 2, more);
    }
    case Wrapping::kVntag:
      // Direction, pointer, destination (14 bits), looped, reserved, version, source (12 bits).
      return InsertTag(frame, kVntagType, layer.id << 16, 4);
    case Wrapping::kPppoe:
      return WrapPppoe(layer, frame);
    default:
      return WrapMpls(layer, frame);
  }
}

// RFC 4302, 2. The check value can't be verified without a key, so any will do.
void WrapAh(const WrappingLayer& layer, FrameBytes& frame) {
  constexpr uint8_t kAhProtocol = 51;
  constexpr uint32_t kCheckBytes = 12;
  constexpr uint32_t kAhBytes = 12 + kCheckBytes;
  uint8_t* ip = frame.data() + kEthernetBytes;
  const bool v6 = ip[0] >> 4 == 6;
  const uint32_t ip_bytes = v6 ? 40 : 20;
  uint8_t& protocol = v6 ? ip[6] : ip[9];
  std::string head;
  Append(head, protocol, 1);
  Append(head, kAhBytes / 4 - 2, 1);
  Append(head, 0, 2);
  Append(head, layer.id, 4);
  Append(head, 1, 4);
  head.append(kCheckBytes, '\x5a');
  protocol = kAhProtocol;
  uint8_t* length = v6 ? ip + 4 : ip + 2;
  Put16(length, Get16(length) + kAhBytes);
  if (!v6) FixIpv4Checksum(ip);
  ReplaceHead(frame, kEthernetBytes + ip_bytes, Head(frame, kEthernetBytes + ip_bytes) + head);
}

}  // namespace mailtap::gen

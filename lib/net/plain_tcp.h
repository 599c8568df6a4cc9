// A short cut to Decode for what most of a mirror's packets are: TCP in IPv4 or IPv6, without
// IP options, extensions or fragments, straight behind Ethernet. What is found stays in
// registers, since nearly all packets are looked at once and left.
#ifndef MAILTAP_LIB_NET_PLAIN_TCP_H_
#define MAILTAP_LIB_NET_PLAIN_TCP_H_

#include <cstdint>

#include "lib/net/address.h"
#include "lib/net/decode.h"
#include "lib/net/hash.h"
#include "lib/net/wire.h"

namespace mailtap::net {

class PlainTcp {
 public:
  // Of `captured` bytes of an Ethernet frame, which stay the caller's. False for all else, for
  // headers that are not captured whole and for whatever makes no sense: ask Decode. In line,
  // or nothing stays in registers.
  [[gnu::always_inline]] inline bool Read(const uint8_t* frame, uint32_t captured) {
    if (captured < kLink + kIpv4Header + kLeastTcp) return false;
    ip_ = frame + kLink;
    if (IsIpv4(frame)) [[likely]] {
      total_ = Load16(ip_ + 2);
      address_sum_ = AddressSum(LoadRaw32(ip_ + 12), LoadRaw32(ip_ + 16));
      return ReadTcp(kIpv4Header, captured - kLink);
    }
    if (!IsIpv6(frame) || captured < kLink + kIpv6Header + kLeastTcp) return false;
    total_ = kIpv6Header + Load16(ip_ + 4);
    address_sum_ = AddressSum(IpAddress::FromV6(ip_ + 8), IpAddress::FromV6(ip_ + 24));
    return ReadTcp(kIpv6Header, captured - kLink);
  }

  // The rest is valid after Read() has said true.
  uint16_t rough_hash() const { return RoughHash(address_sum_, ports()); }
  uint32_t ports() const { return LoadRaw32(tcp_); }  // see RawPorts
  uint8_t flags() const { return tcp_[13]; }
  const uint8_t* payload() const { return payload_; }
  uint32_t captured() const { return captured_; }  // of the payload
  bool cut() const { return present_ < total_; }   // there is less than the IP header says

  // As Decode would have set it.
  void CopyTo(Segment& segment) const {
    const bool v4 = (ip_[0] >> 4) == 4;
    segment.ip = ip_;
    segment.payload = payload_;
    segment.captured = captured_;
    segment.length = total_ - static_cast<uint32_t>(payload_ - ip_);
    segment.seq = Load32(tcp_ + 4);
    segment.ack = Load32(tcp_ + 8);
    segment.src_port = Load16(tcp_);
    segment.dst_port = Load16(tcp_ + 2);
    segment.flags = flags();
    segment.v4 = v4;
    segment.cut = cut();
    segment.address_hash =
        v4 ? AddressHash(LoadRaw32(ip_ + 12), LoadRaw32(ip_ + 16))
           : AddressHash(IpAddress::FromV6(ip_ + 8), IpAddress::FromV6(ip_ + 24));
    segment.encap.depth = 0;
  }

 private:
  static constexpr uint32_t kLink = 14, kIpv4Header = 20, kIpv6Header = 40, kLeastTcp = 20;

  // Bytes 12 to 15: EtherType, version and length of the header. 20 to 23: flags and offset of
  // a fragment, time to live, protocol.
  static bool IsIpv4(const uint8_t* frame) {
    return (((LoadRaw32(frame + 12) & 0x00ffffff) ^ 0x00450008) |
            ((LoadRaw32(frame + 20) & 0xff00ff3f) ^ 0x06000000)) == 0;
  }
  // EtherType and version; byte 20 is the next header's kind.
  static bool IsIpv6(const uint8_t* frame) {
    return (((LoadRaw32(frame + 12) & 0x00f0ffff) ^ 0x0060dd86) | (frame[20] ^ 6u)) == 0;
  }

  bool ReadTcp(uint32_t ip_header, uint32_t present) {
    tcp_ = ip_ + ip_header;
    const uint32_t header = tcp_[12] >> 2 & 0x3c;
    if (header < kLeastTcp) [[unlikely]]
      return false;
    const uint32_t headers = ip_header + header;
    present_ = present;
    uint32_t inside = total_;
    if (present < inside) [[unlikely]]
      inside = present;
    if (inside < headers) [[unlikely]]
      return false;
    payload_ = ip_ + headers;
    captured_ = inside - headers;
    return true;
  }

  const uint8_t* ip_;
  const uint8_t* tcp_;
  const uint8_t* payload_;
  uint64_t address_sum_;
  uint32_t total_;    // bytes of the IP packet, by its header
  uint32_t present_;  // of the frame behind its link-layer header
  uint32_t captured_;
};

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_PLAIN_TCP_H_

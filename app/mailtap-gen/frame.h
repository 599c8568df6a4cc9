// Frames: from a flow and a step to the bytes on the wire.
#ifndef MAILTAP_APP_MAILTAP_GEN_FRAME_H_
#define MAILTAP_APP_MAILTAP_GEN_FRAME_H_

#include <array>
#include <cstdint>

#include "app/mailtap-gen/address.h"
#include "app/mailtap-gen/fill.h"
#include "app/mailtap-gen/plan.h"
#include "app/mailtap-gen/walker.h"

namespace mailtap::gen {

inline constexpr uint32_t kEthernetBytes = 14;
inline constexpr uint32_t kMaxFrameBytes = 9'216;  // the largest that --packet-size allows

// IANA and IEEE numbers.
inline constexpr uint32_t kIpv4Type = 0x0800;
inline constexpr uint32_t kIpv6Type = 0x86dd;
inline constexpr uint8_t kTcpProtocol = 6;
inline constexpr uint8_t kUdpProtocol = 17;

// One end of a flow, and what its next packet will carry.
struct Endpoint {
  Address address;
  uint16_t port = 0;
  uint16_t ip_id = 0;
  uint32_t seq = 0;         // next sequence number; or ICMP's sequence
  uint32_t stamp_base = 0;  // TCP timestamp at the capture's start, in ms
  uint32_t stamp = 0;       // the last that it sent
};

struct Addressing {
  std::array<Endpoint, 2> ends;  // indexed by Side
  bool timestamps = true;        // RFC 7323 option
  bool may_fragment = false;     // leave DF out
  uint32_t icmp_id = 0;
  uint16_t mss = 1460;  // offered in the SYN
};

// A frame on its way to the capture. Views bytes that somebody else owns.
struct FrameView {
  int64_t time_ns = 0;  // since 1970
  const uint8_t* data = nullptr;
  uint32_t length = 0;
  uint32_t wire_length = 0;  // larger than `length` where the capture was cut short
};

// The bytes of headers before a segment's payload, for the flow's choices.
uint32_t HeaderBytes(bool v6, Transport transport, bool timestamps);

// Writes the frame of `step` to `out` (kMaxFrameBytes), advances the flow's numbers, and
// returns the frame's length. `time_ns` is since the capture's start.
uint32_t WriteFrame(const FillPool& pool, const Plan& plan, const Step& step, uint64_t time_ns,
                    Addressing& flow, uint8_t* out);

// Pieces that the encapsulations use too.
// Writes Ethernet addresses and `type`; returns kEthernetBytes.
uint32_t WriteEthernet(const Address& from, const Address& to, uint32_t type, uint8_t* out);
// Writes an IP header for `payload` bytes of `protocol`; returns its length.
uint32_t WriteIp(const Address& from, const Address& to, uint8_t protocol, uint32_t payload,
                 uint16_t ip_id, bool dont_fragment, uint8_t* out);
// Recomputes the header checksum of an IPv4 header in place.
void FixIpv4Checksum(uint8_t* ip);
// Computes the TCP, UDP or ICMP checksum of the `length` bytes at `payload` and stores it at
// `field`, which has to be inside of them.
void StoreTransportChecksum(const Address& from, const Address& to, uint8_t protocol,
                            uint8_t* payload, uint32_t length, uint8_t* field);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_FRAME_H_

#include "lib/net/cursor.h"
#include "lib/net/decode.h"
#include "lib/net/wire.h"

namespace mailtap::net {
namespace {

constexpr uint32_t kIpv6Header = 40;
constexpr uint32_t kTcpHeader = 20;

// Behind the headers that Decode has passed: of IPv4, too, AH may stand between.
const uint8_t* TcpHeaderOf(const Segment& segment) {
  const uint8_t* at = segment.ip + (segment.v4 ? (segment.ip[0] & 0x0f) * 4u : kIpv6Header);
  uint8_t next = segment.ip[segment.v4 ? 9 : 6];
  while (next != internal::kTcpProtocol) {
    const uint32_t size = internal::ExtensionSize(next, at);
    next = at[0];
    at += size;
  }
  return at;
}

}  // namespace

uint32_t PacketMark(const Segment& segment) {
  if (segment.v4) {
    const uint32_t id = Load16(segment.ip + 4);
    if (id != 0) return 1u << 16 | id;
  }
  const uint8_t* tcp = TcpHeaderOf(segment);
  constexpr uint8_t kEnd = 0, kNothing = 1, kTimestamps = 8, kTimestampsLength = 10;
  // The payload starts where the captured part of the header ends.
  for (const uint8_t* at = tcp + kTcpHeader; at + 2 <= segment.payload && at[0] != kEnd;) {
    if (at[0] == kNothing) {
      ++at;
      continue;
    }
    if (at[0] == kTimestamps && at[1] == kTimestampsLength &&
        at + kTimestampsLength <= segment.payload) {
      const uint32_t echo = Load32(at + 6);
      return (Load32(at + 2) ^ (echo << 16 | echo >> 16)) | 1;
    }
    if (at[1] < 2) return 0;
    at += at[1];
  }
  return 0;
}

}  // namespace mailtap::net

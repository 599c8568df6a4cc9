// Messages of the DNS over TCP (RFC 1035, 4.2.2; RFC 7766): each stands behind its length, and
// segments cut them anywhere. Only what a handshake in sight starts is read, so that no payload
// inside a message can pass for another message.
//
// One worker owns it; allocated by the constructor. A connection takes the place of another one
// in its slot, segments that come early are left out, and of a long message only the start is
// kept: what is lost here is an answer, not mail.
#ifndef MAILTAP_LIB_PIPELINE_DNS_STREAMS_H_
#define MAILTAP_LIB_PIPELINE_DNS_STREAMS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "lib/net/decode.h"

namespace mailtap::pipeline {

class DnsStreams {
 public:
  // As many as there are values of the bits that spread traffic over workers: see
  // flow::HandshakeTable::SlotOf. So the outcome does not depend on the number of workers.
  static constexpr uint32_t kStreams = 256;
  static constexpr uint32_t kKept = 2'048;  // bytes of a message

  DnsStreams() : streams_(kStreams) {}

  // A segment from the server's port, in the order in which they came. Calls message(data,
  // size) for each message that it completes, or of which it completes what is kept.
  template <typename OnMessage>
  void Take(const net::Segment& segment, uint64_t flow_hash, OnMessage&& message) {
    Stream& stream = streams_[segment.address_hash % kStreams];
    if ((segment.flags & net::kSyn) != 0) {
      stream.Start(flow_hash, segment.seq + 1);
      return;
    }
    if (stream.flow_hash != flow_hash || segment.length == 0) return;
    const uint32_t known = stream.next - segment.seq;  // of the segment's bytes
    if (known >= segment.length) return;               // seen before, or ahead of a gap
    stream.next = segment.seq + segment.length;
    const uint32_t end = std::min(segment.captured, segment.length);
    if (known < end) stream.Read(segment.payload + known, end - known, message);
    if (segment.captured < segment.length) stream.flow_hash = 0;  // the rest isn't there
  }

 private:
  static constexpr uint32_t kLength = 2;  // bytes of the length before a message

  struct Stream {
    uint64_t flow_hash = 0;  // 0: none
    uint32_t next = 0;       // sequence number of the next byte
    uint32_t filled = 0;     // of `bytes`
    uint32_t left_out = 0;   // bytes of the message past those kept that are still to come
    uint8_t bytes[kLength + kKept];

    void Start(uint64_t flow, uint32_t seq) {
      flow_hash = flow;
      next = seq;
      filled = left_out = 0;
    }

    template <typename OnMessage>
    void Read(const uint8_t* data, uint32_t size, OnMessage& message) {
      while (size != 0) {
        const uint32_t length = filled < kLength ? 0u : uint32_t{bytes[0]} << 8 | bytes[1];
        const uint32_t wanted = kLength + std::min(length, kKept);
        uint32_t taken = std::min(size, left_out != 0 ? left_out : wanted - filled);
        if (left_out != 0) {
          left_out -= taken;
        } else {
          if (filled < kLength) taken = std::min(taken, kLength - filled);
          std::memcpy(bytes + filled, data, taken);
          filled += taken;
        }
        data += taken;
        size -= taken;
        End(message);
      }
    }

    // Gives out a message when all that is kept of it is there.
    template <typename OnMessage>
    void End(OnMessage& message) {
      if (filled < kLength) return;
      const uint32_t length = uint32_t{bytes[0]} << 8 | bytes[1];
      if (filled != kLength + std::min(length, kKept)) return;
      message(bytes + kLength, filled - kLength);
      filled = 0;
      left_out = length - std::min(length, kKept);
    }
  };

  std::vector<Stream> streams_;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_DNS_STREAMS_H_

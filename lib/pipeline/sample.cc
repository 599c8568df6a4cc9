#include "lib/pipeline/sample.h"

#include <algorithm>
#include <cstring>

namespace mailtap::pipeline {
namespace {

bool EndsInAHeader(net::Outcome outcome) {
  return outcome == net::Outcome::kTruncatedLink || outcome == net::Outcome::kTruncatedIp ||
         outcome == net::Outcome::kTruncatedTcp;
}

// The fewest bytes from which the decoder comes to the same end are the headers that it read.
uint32_t HeaderBytes(const PacketView& packet, net::Outcome outcome,
                     const Reassembler& reassembler) {
  const uint32_t most = std::min<uint32_t>(packet.captured, meter::SampleRecord::kMaxBytes);
  // It would have read on.
  if (EndsInAHeader(outcome) && most == packet.captured) return most;
  // Of an unknown encapsulation's own header: to tell which it is, too little to read.
  const uint32_t behind = outcome == net::Outcome::kUnknownEncap ? 8 : 0;
  PacketView start = packet;
  net::Segment segment;
  for (start.captured = 0; start.captured < most; ++start.captured) {
    if (reassembler.DecodeOther(start, segment) != outcome) continue;
    return std::min(start.captured + behind, most);
  }
  return most;
}

}  // namespace

meter::SampleRecord SampleOf(const PacketView& packet, net::Outcome outcome,
                             const Reassembler& reassembler) {
  meter::SampleRecord sample = {.time = packet.time,
                                .outcome = outcome,
                                .link = packet.link,
                                .port = packet.port,
                                .wire_length = packet.wire_length};
  sample.length = HeaderBytes(packet, outcome, reassembler);
  std::memcpy(sample.bytes, packet.data, sample.length);
  return sample;
}

}  // namespace mailtap::pipeline

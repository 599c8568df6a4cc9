// What name servers answer goes to the control core, whoever asked and whoever answers.
#ifndef MAILTAP_LIB_PIPELINE_ANSWERS_H_
#define MAILTAP_LIB_PIPELINE_ANSWERS_H_

#include <cstdint>

#include "lib/base/counter.h"
#include "lib/base/time.h"
#include "lib/exchange/ring.h"
#include "lib/net/decode.h"
#include "lib/pipeline/dns_streams.h"

namespace mailtap::pipeline {

// A worker's; nothing is allocated after the constructor.
class Answers {
 public:
  // `ring` takes the records, `lost` counts those for which it has no room; both outlive this.
  // `split_kinds`: the kinds of encapsulation that keep address spaces apart.
  Answers(exchange::RecordRing& ring, SingleWriterCounter& lost, uint32_t split_kinds)
      : ring_(ring), lost_(lost), split_kinds_(split_kinds) {}

  // A message in a datagram.
  void Read(const net::Segment& segment, UnixNanos time) {
    ReadMessage(segment, segment.payload, segment.captured, time);
  }
  // A segment of a TCP connection with a name server, from it.
  void ReadSegment(const net::Segment& segment, uint64_t flow_hash, UnixNanos time);

 private:
  void ReadMessage(const net::Segment& segment, const uint8_t* message, uint32_t size,
                   UnixNanos time);

  exchange::RecordRing& ring_;
  SingleWriterCounter& lost_;
  const uint32_t split_kinds_;
  DnsStreams streams_;
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_ANSWERS_H_

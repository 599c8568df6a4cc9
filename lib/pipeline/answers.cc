#include "lib/pipeline/answers.h"

#include <algorithm>
#include <cstring>

#include "lib/meter/records.h"
#include "lib/net/dns.h"

namespace mailtap::pipeline {

void Answers::ReadSegment(const net::Segment& segment, uint64_t flow_hash, UnixNanos time) {
  streams_.Take(segment, flow_hash, [&](const uint8_t* message, uint32_t size) {
    ReadMessage(segment, message, size, time);
  });
}

void Answers::ReadMessage(const net::Segment& segment, const uint8_t* message, uint32_t size,
                          UnixNanos time) {
  net::DnsAnswer answer;
  if (net::ReadDnsAnswer(message, size, answer) != net::DnsResult::kAnswer) return;
  meter::AnswerRecord record = {.server = segment.source(),
                                .time = time,
                                .encap_tag = net::EncapTag(segment.encap, split_kinds_)};
  constexpr int kMost = meter::AnswerRecord::kMaxAddresses;
  for (int n = 0; n < answer.name_count; ++n) {
    const net::DnsAnswer::Name& name = answer.names[n];
    record.ttl = name.ttl;
    record.alias = n != 0;
    record.length = name.length;
    std::memcpy(record.name, name.text, name.length);
    for (int from = 0; from < answer.address_count; from += kMost) {
      const int count = std::min(answer.address_count - from, kMost);
      record.address_count = static_cast<uint8_t>(count);
      std::copy_n(answer.addresses + from, count, record.addresses);
      // Answers must not crowd out mail's counters: who floods the mirror with answers loses
      // answers.
      if (ring_.used() > ring_.capacity() / 2 || !ring_.Push(record)) {
        lost_.Add(1);
      }
    }
  }
}

}  // namespace mailtap::pipeline

// Packets that wait for the memory that they need.
#ifndef MAILTAP_LIB_PIPELINE_PENDING_H_
#define MAILTAP_LIB_PIPELINE_PENDING_H_

#include <cstdint>

#include "lib/base/time.h"
#include "lib/net/decode.h"

namespace mailtap::pipeline {

// A packet that needs a session looked up, between decoding and its turn.
struct Pending {
  net::Segment segment;
  uint64_t flow_hash = 0;
  uint64_t copy_place = 0;  // see flow::CopyTable
  UnixNanos time = 0;
  uint32_t handshake_slot = 0;
  uint32_t likely_cold = 0;  // see flow::SessionTable
  uint32_t encap_tag = 0;
  uint16_t rough_hash = 0;  // on odd ports
  bool mail_port = false;
  bool suspected = false;  // held in the suspicion array until its turn is over
  bool unknown = false;    // no session is there for it yet
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_PENDING_H_

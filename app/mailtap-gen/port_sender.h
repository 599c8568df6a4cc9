// Sends frames on a DPDK port, from one lcore a transmit queue.
#ifndef MAILTAP_APP_MAILTAP_GEN_PORT_SENDER_H_
#define MAILTAP_APP_MAILTAP_GEN_PORT_SENDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/mailtap-gen/frame_store.h"

namespace mailtap::gen {

struct PortOptions {
  int64_t port = -1;                       // DPDK's number of the port; -1: none, write a file
  double rate = 0;                         // packets a second, all queues together; 0: no limit
  uint64_t duration_ns = 0;                // how long; 0: every frame once
  std::vector<std::string> eal_arguments;  // for DPDK, as they are
};

struct QueueReport {
  unsigned lcore = 0;
  uint64_t sent = 0;
  // Frames whose time had come and that the port had no room for: left out, as a wire would not
  // wait either. Without a rate nothing is left out, the sender waits.
  uint64_t refused = 0;
};

struct PortReport {
  std::string device;
  std::vector<QueueReport> queues;
  double seconds = 0;  // from the first frame to the last
  uint64_t bytes = 0;  // of all frames sent

  uint64_t sent() const { return Sum(&QueueReport::sent); }
  uint64_t refused() const { return Sum(&QueueReport::refused); }

 private:
  uint64_t Sum(uint64_t QueueReport::*field) const {
    uint64_t sum = 0;
    for (const QueueReport& queue : queues) sum += queue.*field;
    return sum;
  }
};

// Starts DPDK and the port, sends the frames of `store`, again and again where the duration
// asks for more than there are, and ends both. SIGINT and SIGTERM end it early and well. Frames
// of two hosts keep their order: their outermost addresses decide on the queue. Repeated frames
// are the same bytes again.
absl::StatusOr<PortReport> SendOnPort(const PortOptions& options, const FrameStore& store);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_PORT_SENDER_H_

// The frames of one queue of a DPDK port, and how an lcore sends them.
#ifndef MAILTAP_APP_MAILTAP_GEN_PORT_LANE_H_
#define MAILTAP_APP_MAILTAP_GEN_PORT_LANE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "app/mailtap-gen/port_sender.h"

struct rte_mbuf;

namespace mailtap::gen {

// One lcore runs it; all else is for the thread that made it, before and after.
class Lane {
 public:
  // Ends early once `stop`, which outlives it, is set.
  Lane(uint16_t port, uint16_t queue, const std::atomic<bool>& stop)
      : port_(port), queue_(queue), stop_(&stop) {}

  void Add(rte_mbuf* frame) { frames_.push_back(frame); }
  std::size_t size() const { return frames_.size(); }

  // `rate`: of this lane, in packets a second; 0: no limit. `cycles`: how long; 0: once
  // through.
  void Prepare(double rate, uint64_t cycles);
  void Run();

  const QueueReport& report() const { return report_; }
  double seconds() const { return seconds_; }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t Left(uint64_t start) const;
  uint16_t Offer(uint16_t count);
  void RunFlatOut(uint64_t start);
  void RunPaced(uint64_t start);

  uint16_t port_;
  uint16_t queue_;
  const std::atomic<bool>* stop_;
  std::vector<rte_mbuf*> frames_;
  double hz_ = 1;
  double interval_ = 0;    // cycles between frames
  uint64_t duration_ = 0;  // cycles
  uint64_t next_ = 0;
  uint64_t bytes_ = 0;
  double seconds_ = 0;
  QueueReport report_;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_PORT_LANE_H_

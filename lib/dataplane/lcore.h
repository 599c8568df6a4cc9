// The loop that a worker lcore runs: receive a burst from its queue of every port, let the
// worker process it, give the mbufs back; once a tick, let the worker flush.
#ifndef MAILTAP_LIB_DATAPLANE_LCORE_H_
#define MAILTAP_LIB_DATAPLANE_LCORE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "lib/config/config.h"
#include "lib/dataplane/clock.h"
#include "lib/dataplane/idle.h"
#include "lib/pipeline/feed.h"
#include "lib/pipeline/worker.h"

struct rte_mbuf;

namespace mailtap::dataplane {

// Everything one worker lcore needs. Made by the main thread before Launch, read by the lcore.
class LcoreLoop {
 public:
  // Polls receive queue `queue` of each of `ports`. `worker`, `clock` and `stop` outlive the
  // loop.
  LcoreLoop(pipeline::Worker& worker, std::vector<uint16_t> ports, uint16_t queue,
            const config::Dataplane& config, const TscClock& clock,
            const std::atomic<bool>& stop);

  // Starts Run() on an lcore. Main thread.
  absl::Status Launch(unsigned lcore);
  // Whether Run() has asked every port for packets. Any thread.
  bool polls() const { return polls_.load(std::memory_order_acquire); }
  // Whether Run() has returned; then the worker may be touched by the main thread again.
  bool done() const { return done_.load(std::memory_order_acquire); }
  // Ends it without `stop`. Who waits for runs() to be over drains the worker's ring.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }
  // Whether an lcore has been given it, and has not returned. Main thread.
  bool runs() const { return launched_ && !done(); }
  // Whether a rest (see config::Dataplane::idle_sleep_us) ends when a packet comes.
  bool wakes_by_packet() const { return idler_.monitors(); }

 private:
  friend class pipeline::Feed<rte_mbuf>;
  static constexpr std::size_t kMaxBurst = 512;
  static constexpr std::size_t kScratch = 64 * 1024;

  void Run();
  // Whether any packet came.
  bool Receive(uint16_t port, UnixNanos now);
  // What the feed asks for.
  bool View(const rte_mbuf& mbuf, pipeline::PacketView& view);
  void Work(absl::Span<const pipeline::PacketView> packets) { worker_.Take(packets); }
  void Settle() { worker_.Settle(); }
  void Release(rte_mbuf** mbufs, uint32_t count);

  pipeline::Worker& worker_;
  const std::vector<uint16_t> ports_;
  const uint16_t queue_;
  const uint16_t burst_;
  Idler idler_;
  const TscClock& clock_;
  const std::atomic<bool>& stop_;   // set by a signal, read by the lcore
  std::atomic<bool> polls_{false};  // lcore writes, main reads, as the next
  std::atomic<bool> done_{false};
  std::atomic<bool> abandoned_{false};
  bool launched_ = false;

  std::array<rte_mbuf*, kMaxBurst> mbufs_;
  pipeline::Feed<rte_mbuf> feed_;
  std::vector<uint8_t> scratch_;  // for frames that lie in several mbufs
  std::size_t scratch_used_ = 0;
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_LCORE_H_

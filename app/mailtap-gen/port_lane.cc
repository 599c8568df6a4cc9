#include "app/mailtap-gen/port_lane.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>

namespace mailtap::gen {
namespace {

constexpr uint16_t kBurst = 32;

}  // namespace

void Lane::Prepare(double rate, uint64_t cycles) {
  hz_ = static_cast<double>(rte_get_tsc_hz());
  interval_ = rate > 0 ? hz_ / rate : 0;
  duration_ = cycles;
}

void Lane::Run() {
  report_.lcore = rte_lcore_id();
  const uint64_t start = rte_get_tsc_cycles();
  if (!frames_.empty()) interval_ > 0 ? RunPaced(start) : RunFlatOut(start);
  seconds_ = static_cast<double>(rte_get_tsc_cycles() - start) / hz_;
}

// How many more frames may go, of those that were not yet due.
uint64_t Lane::Left(uint64_t start) const {
  if (stop_->load(std::memory_order_relaxed)) return 0;
  if (duration_ == 0) return frames_.size() - next_;
  return rte_get_tsc_cycles() - start < duration_ ? kBurst : 0;
}

// Offers the next `count` frames; returns how many the port took.
uint16_t Lane::Offer(uint16_t count) {
  rte_mbuf* burst[kBurst];
  for (uint16_t i = 0; i < count; ++i) {
    burst[i] = frames_[(next_ + i) % frames_.size()];
    rte_mbuf_refcnt_update(burst[i], 1);  // one stays here
  }
  const uint16_t sent = rte_eth_tx_burst(port_, queue_, burst, count);
  for (uint16_t i = 0; i < sent; ++i) bytes_ += rte_pktmbuf_pkt_len(burst[i]);
  for (uint16_t i = sent; i < count; ++i) rte_mbuf_refcnt_update(burst[i], -1);
  report_.sent += sent;
  return sent;
}

void Lane::RunFlatOut(uint64_t start) {
  for (uint64_t left; (left = Left(start)) > 0;) {
    next_ += Offer(static_cast<uint16_t>(std::min<uint64_t>(left, kBurst)));
  }
}

void Lane::RunPaced(uint64_t start) {
  // After a pause of its own (somebody else had the core) the sender doesn't make up for more
  // than this: a burst that no wire would carry says nothing about the receiver.
  constexpr double kMostLateSeconds = 0.001;
  const double most_late = std::max(kMostLateSeconds * hz_, 2.0 * kBurst * interval_);
  auto due = static_cast<double>(start);
  for (uint64_t left; (left = Left(start)) > 0;) {
    const auto now = static_cast<double>(rte_get_tsc_cycles());
    due = std::max(due, now - most_late);
    const auto ready = static_cast<int64_t>((now - due) / interval_);
    if (ready <= 0) {
      rte_pause();
      continue;
    }
    const auto count =
        static_cast<uint16_t>(std::min({static_cast<uint64_t>(ready), left, uint64_t{kBurst}}));
    report_.refused += count - Offer(count);
    next_ += count;
    due += count * interval_;
  }
}

}  // namespace mailtap::gen

#include "lib/dataplane/lcore.h"

#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace mailtap::dataplane {

LcoreLoop::LcoreLoop(pipeline::Worker& worker, std::vector<uint16_t> ports, uint16_t queue,
                     const config::Dataplane& config, const TscClock& clock,
                     const std::atomic<bool>& stop)
    : worker_(worker),
      ports_(std::move(ports)),
      queue_(queue),
      burst_(static_cast<uint16_t>(std::clamp<int64_t>(config.burst, 1, kMaxBurst))),
      idler_(ports_, queue, config.idle_sleep_us),
      clock_(clock),
      stop_(stop),
      feed_(burst_),
      scratch_(kScratch) {}

absl::Status LcoreLoop::Launch(unsigned lcore) {
  const auto run = [](void* self) {
    static_cast<LcoreLoop*>(self)->Run();
    return 0;
  };
  if (const int error = rte_eal_remote_launch(run, this, lcore); error != 0) {
    return absl::InternalError(absl::StrCat("lcore ", lcore, " is busy"));
  }
  launched_ = true;
  return absl::OkStatus();
}

bool LcoreLoop::View(const rte_mbuf& mbuf, pipeline::PacketView& view) {
  view.data = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  view.captured = mbuf.data_len;
  view.wire_length = mbuf.pkt_len;
  const bool stripped = (mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
  view.vlan = stripped ? mbuf.vlan_tci & 0x0fff : net::kNoVlan;
  if (mbuf.nb_segs == 1 || mbuf.pkt_len > scratch_.size()) [[likely]]
    return true;
  if (mbuf.pkt_len > scratch_.size() - scratch_used_) {
    scratch_used_ = 0;
    return false;
  }
  uint8_t* to = scratch_.data() + scratch_used_;
  view.data = static_cast<const uint8_t*>(rte_pktmbuf_read(&mbuf, 0, mbuf.pkt_len, to));
  view.captured = mbuf.pkt_len;
  scratch_used_ += mbuf.pkt_len;
  return true;
}

void LcoreLoop::Release(rte_mbuf** mbufs, uint32_t count) {
  rte_pktmbuf_free_bulk(mbufs, count);
}

bool LcoreLoop::Receive(uint16_t port, UnixNanos now) {
  const uint16_t count = rte_eth_rx_burst(port, queue_, mbufs_.data(), burst_);
  if (count == 0) return false;
  feed_.Take(mbufs_.data(), count, now, port, *this);
  return true;
}

void LcoreLoop::Run() {
  idler_.Begin();
  UnixNanos now = clock_.Now();
  int64_t tick = TickOf(now);
  for (const uint16_t port : ports_) Receive(port, now);
  polls_.store(true, std::memory_order_release);
  while (!stop_.load(std::memory_order_relaxed) &&
         !abandoned_.load(std::memory_order_relaxed)) {
    now = std::max(now, clock_.Now());  // which is followed by another thread
    if (const int64_t at = TickOf(now); at != tick) {
      feed_.Flush(*this);
      // What a full ring holds back waits in the tables for the next tick.
      worker_.EndTick(tick);
      tick = at;
    }
    bool received = false;
    for (const uint16_t port : ports_) received |= Receive(port, now);
    if (!received) feed_.Flush(*this);
    idler_.AfterRound(received);
  }
  feed_.Flush(*this);
  // The control core drains until everybody is done, so there will be room.
  while (!worker_.Finish(tick)) rte_pause();
  done_.store(true, std::memory_order_release);
}

}  // namespace mailtap::dataplane

// Packets as a port hands them over: mbufs, laid out as DPDK lays them out, too many for the
// caches.
#ifndef MAILTAP_BENCH_MBUF_FRAMES_H_
#define MAILTAP_BENCH_MBUF_FRAMES_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "lib/base/pool.h"
#include "lib/pipeline/feed.h"

namespace mailtap::bench {

// What a receive loop reads of an mbuf lies in its first line (rte_mbuf_core.h).
struct alignas(kCacheLine) Mbuf {
  uint8_t* buf_addr;
  uint16_t data_off;
  uint16_t port;
  uint32_t data_len;
  uint32_t pkt_len;
  UnixNanos time;
  uint8_t rest_of_lines[2 * kCacheLine - 32];
  uint8_t headroom[128];
  uint8_t data[2048];
};
static_assert(sizeof(Mbuf) == 2304);

class MbufFrames {
 public:
  static constexpr std::size_t kFrames = 200'000;
  static constexpr std::size_t kBurst = 32, kLargestBurst = 256;

  MbufFrames() : mbufs_(kFrames) {}
  // What `mailtap-gen --packets 200k ARGUMENTS` writes. Ends the program where that fails.
  explicit MbufFrames(const std::string& arguments);

  // Behind the last packet.
  void Add(const uint8_t* frame, uint32_t captured, uint32_t wire_length, UnixNanos time);
  Mbuf& operator[](std::size_t i) { return mbufs_[i]; }
  // How long the packets' stamps go on.
  UnixNanos span() const { return mbufs_[count_ - 1].time - mbufs_[0].time; }

  // Hands all frames over, burst by burst, as lib/dataplane's receive loop does: to
  // taker.Work(views), a few at a time, and taker.Settle() behind each burst. What of the
  // packets is read is for the taker. Packets that fill no burst are left out.
  template <typename Taker>
  void Feed(UnixNanos later, Taker& taker, std::size_t size = kBurst) {
    pipeline::Feed<Mbuf> feed(static_cast<uint32_t>(size));
    std::array<Mbuf*, kLargestBurst> burst;
    Handler<Taker> handler{taker};
    for (std::size_t start = 0; start + size <= count_; start += size) {
      for (std::size_t i = 0; i < size; ++i) burst[i] = &mbufs_[start + i];
      feed.Take(burst.data(), static_cast<uint32_t>(size), later, 0, handler);
    }
    feed.Flush(handler);
  }

 private:
  template <typename Taker>
  struct Handler {
    Taker& taker;

    bool View(const Mbuf& mbuf, pipeline::PacketView& view) {
      view.data = mbuf.buf_addr + mbuf.data_off;
      view.captured = mbuf.data_len;
      view.wire_length = mbuf.pkt_len;
      view.time += mbuf.time;
      return true;
    }
    void Work(absl::Span<const pipeline::PacketView> views) { taker.Work(views); }
    void Settle() { taker.Settle(); }
    void Release(Mbuf** /*mbufs*/, uint32_t /*count*/) {}
  };

  ZeroedArray<Mbuf> mbufs_;
  std::size_t count_ = 0;
};

}  // namespace mailtap::bench

#endif  // MAILTAP_BENCH_MBUF_FRAMES_H_

// Frames as far apart in memory as mbufs lie, and too many for the caches.
#ifndef MAILTAP_BENCH_COLD_FRAMES_H_
#define MAILTAP_BENCH_COLD_FRAMES_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/unit/net/packet_builder.h"

namespace mailtap::bench {

class ColdFrames {
 public:
  static constexpr std::size_t kFrames = 32'768;
  static constexpr std::size_t kSlot = 2'048;

  // Copies of `kinds` in turn, each of at most kSlot bytes.
  explicit ColdFrames(const std::vector<net::Bytes>& kinds) : bytes_(kFrames * kSlot) {
    lengths_.reserve(kFrames);
    for (std::size_t i = 0; i < kFrames; ++i) {
      const net::Bytes& frame = kinds[i % kinds.size()];
      std::memcpy(bytes_.data() + i * kSlot, frame.data(), frame.size());
      lengths_.push_back(static_cast<uint32_t>(frame.size()));
    }
  }

  // Calls visit(data, length) for each frame, having asked for the first two lines of the one
  // that is four further on, as the pipeline does.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    constexpr std::size_t kAhead = 4, kLine = 64;
    for (std::size_t i = 0; i < kFrames; ++i) {
      const uint8_t* ahead = bytes_.data() + (i + kAhead) % kFrames * kSlot;
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + kLine);
      visit(bytes_.data() + i * kSlot, lengths_[i]);
    }
  }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<uint32_t> lengths_;
};

}  // namespace mailtap::bench

#endif  // MAILTAP_BENCH_COLD_FRAMES_H_

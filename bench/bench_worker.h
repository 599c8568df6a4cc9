// A worker with its ring, fed with mbufs as a live one is.
#ifndef MAILTAP_BENCH_BENCH_WORKER_H_
#define MAILTAP_BENCH_BENCH_WORKER_H_

#include <sys/mman.h>

#include <cstdint>
#include <memory>

#include "bench/mbuf_frames.h"
#include "lib/pipeline/worker.h"

namespace mailtap::bench {

struct BenchWorker {
  // With all its memory touched, as `mailtap run` starts.
  explicit BenchWorker(const config::Config& config)
      : ring(64 << 20),
        worker(pipeline::Worker::Create(config, classify::PatternDatabase::Load().value(), ring)
                   .value()) {
    ::mlockall(MCL_CURRENT);
  }

  // What a live worker does with packets, ticks included. Records wait in the ring.
  void Work(absl::Span<const pipeline::PacketView> views) {
    const int64_t at = TickOf(views.front().time);
    if (tick != at && tick != 0) worker->EndTick(tick);
    tick = at;
    worker->Take(views);
  }
  void Settle() { worker->Settle(); }
  // All frames once, with their stamps moved on.
  void Take(MbufFrames& frames, std::size_t burst = MbufFrames::kBurst) {
    frames.Feed(later, *this, burst);
  }
  // Ends all sessions, as a capture given again would be all copies. The stamps go on.
  void Forget(MbufFrames& frames) {
    worker->Finish(tick);
    later += frames.span() + 60 * kNanosPerSecond;
  }
  void Drain() {
    ring.Drain([](const auto&) {});
  }

  exchange::RecordRing ring;
  std::unique_ptr<pipeline::Worker> worker;
  int64_t tick = 0;
  UnixNanos later = 0;
};

}  // namespace mailtap::bench

#endif  // MAILTAP_BENCH_BENCH_WORKER_H_

// The workers of a replay, each in a thread of its own; only a single one on a single CPU runs
// in the caller's. They wait for each other at every tick, so that the result does not depend
// on how many there are.
#ifndef MAILTAP_APP_MAILTAP_REPLAY_WORKERS_H_
#define MAILTAP_APP_MAILTAP_REPLAY_WORKERS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "app/mailtap/plain_capture.h"
#include "lib/config/config.h"
#include "lib/control/control.h"
#include "lib/exchange/known_servers.h"
#include "lib/export/sensor_status.h"
#include "lib/pipeline/worker.h"

namespace mailtap::app {

// All calls from one thread, which is also the control core's.
class ReplayWorkers {
 public:
  static absl::StatusOr<std::unique_ptr<ReplayWorkers>> Create(const config::Config& config,
                                                               int workers,
                                                               control::Control& control);
  ~ReplayWorkers();

  // Up to and with `tick` the workers run, but the control core hears nothing: it knows. Before
  // the first packet.
  void SkipUntil(int64_t tick) { skip_until_ = tick; }
  // Called after each EndTick() of the control core, with its tick and whether it is the last.
  void OnTick(std::function<void(int64_t, bool)> after) { after_tick_ = std::move(after); }

  // A packet of the tick under way. Its bytes are copied, or used where they lie in `piece`.
  void Process(const pipeline::PacketView& packet, CapturePiece* piece);

  // Ends `tick` at every worker, and at the control core after it has all their records.
  // `captures`: what was read of each so far; see CaptureSample.
  void EndTick(int64_t tick, const control::CaptureSample& captures);
  // Ends all sessions, then `tick`.
  void Finish(int64_t tick, const control::CaptureSample& captures);

  // The earliest tick at which a worker has something to do without packets, or INT64_MAX.
  int64_t NextEventTick() const;

  // Of each worker. Fragments that found no packet before the lanes are counted with the first.
  std::vector<exporting::WorkerStatus> Statuses(const config::Limits& limits) const;

 private:
  struct Lane;
  explicit ReplayWorkers(control::Control& control);
  void Give(const pipeline::PacketView& packet, uint64_t address_hash, CapturePiece* piece);
  void GiveWhole(const pipeline::PacketView& packet);
  void CloseTick(int64_t tick, bool finish, const control::CaptureSample& captures);
  bool DrainAll(int64_t tick);

  control::Control& control_;
  exchange::KnownServers known_servers_;
  int64_t skip_until_ = INT64_MIN;
  std::function<void(int64_t, bool)> after_tick_;
  // Fragments tell nothing of the connection inside a tunnel, so they are put together before
  // the lanes; null with one lane, whose worker does it.
  std::unique_ptr<pipeline::Reassembler> reassembler_;
  // Before the lanes, where there are several; of the cut ones see pipeline::WorkerCounters.
  uint64_t unplaced_fragments_ = 0, cut_fragments_ = 0;
  int64_t fragment_samples_left_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace mailtap::app

#endif  // MAILTAP_APP_MAILTAP_REPLAY_WORKERS_H_

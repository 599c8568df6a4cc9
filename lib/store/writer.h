// Stores beside the control core, so that a slow disk holds up nothing.
#ifndef MAILTAP_LIB_STORE_WRITER_H_
#define MAILTAP_LIB_STORE_WRITER_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "lib/store/database.h"
#include "lib/store/waiting_alerts.h"
#include "lib/store/waiting_hours.h"

namespace mailtap::store {

struct WriterStatus {
  uint64_t stored = 0;   // batches
  uint64_t errors = 0;   // attempts to store a batch, or to open the file, that failed
  uint64_t late = 0;     // batches with alerts that went out before they were stored
  uint64_t skipped = 0;  // checkpoints not taken when due, as the one before was not done
  uint64_t dropped_checkpoints = 0;  // for want of room in the queue
  uint64_t dropped_alerts = 0;       // the same, or too many waited for the disk, or at the end
  uint64_t queued = 0;               // batches waiting
  uint64_t hours_cut = 0;            // cut down to their short_json, as too much waited
};

struct WriterBounds {
  // How long what a batch is about waits for it to be stored.
  std::chrono::milliseconds patience{3'000};
  // What may wait behind the batch that is being stored; one that waits alone may be larger.
  std::size_t queue_bytes = 256 << 20;
};

// Two threads of its own with a queue in front: one stores, and the other sees to it that what
// the batches are about goes on in time, whatever holds up the first. Alerts that could not be
// stored go with the next batch, and the hours of a checkpoint with the next one: what comes
// later says nothing of them.
class Writer {
 public:
  explicit Writer(std::unique_ptr<Database> database, WriterBounds bounds = {});
  ~Writer();  // as Stop()

  // Whether the checkpoint that is `due` may be given now; it may be asked for again. Counted
  // as skipped, once, where not. One thread.
  bool ReadyForCheckpoint(int64_t due);
  // Queues a batch. While another process locks the file, it is tried again. Where the queue is
  // full, what is least valuable is dropped: waiting checkpoints, then the oldest alerts.
  //
  // `then` is called in the order of the batches, on a thread of the writer's: when the batch
  // is stored, or could not be (the disk is full), or after `patience`.
  void Submit(Batch batch, std::function<void()> then);
  // Stores what is queued, then the alerts that still wait, and ends the threads. Where the
  // file is locked, that is given up after one attempt. Idempotent.
  void Stop();

  // Any thread.
  WriterStatus status() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    Batch batch;
    uint64_t number = 0;  // batches are numbered from 1
    std::size_t bytes = 0;
  };
  struct Unreleased {
    std::function<void()> then;
    Clock::time_point due;
    bool has_alerts = false;
  };

  void StoreQueued();
  void StoreOne(Batch& batch);
  absl::Status Attempt(const Batch& batch);
  void StoreWhatIsLeft();
  void KeepAlerts(std::size_t count, Batch& batch);
  void KeepHours(Batch& batch);
  void Tell(const absl::Status& stored);
  void ReleaseSettled();
  bool DropLeastValuable();
  void Measure(Waiting& waiting);

  const WriterBounds bounds_;
  // The storing thread only, up to the mutex.
  const std::unique_ptr<Database> database_;
  bool failing_;  // the last attempt failed: logged already
  bool given_up_ = false;
  WaitingAlerts waiting_alerts_;
  std::optional<Blob> waiting_open_alerts_;  // as of the last of these
  WaitingHours waiting_hours_;

  // Guards all below. Never held while logging: a scrape would wait for whoever reads that.
  mutable std::mutex mutex_;
  std::condition_variable wake_storing_;
  std::condition_variable wake_releasing_;
  std::deque<Waiting> queue_;
  std::size_t queued_bytes_ = 0;
  std::deque<Unreleased> unreleased_;
  uint64_t submitted_ = 0;  // batches; the next three are numbers of batches too
  uint64_t settled_ = 0;    // stored up to this one, or given up
  uint64_t released_ = 0;
  bool stopping_ = false;
  bool storing_ended_ = false;
  uint64_t checkpoints_ = 0;          // in the queue, or being stored
  int64_t last_refused_ = INT64_MIN;  // which checkpoint was last due and not taken
  WriterStatus status_;
  std::thread storing_;
  std::thread releasing_;
};

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_WRITER_H_

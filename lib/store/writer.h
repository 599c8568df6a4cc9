// Stores beside the control core, so that a slow disk holds up nothing.
#ifndef MAILTAP_LIB_STORE_WRITER_H_
#define MAILTAP_LIB_STORE_WRITER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "lib/store/database.h"

namespace mailtap::store {

struct WriterStatus {
  uint64_t stored = 0;   // batches
  uint64_t errors = 0;   // batches that could not be stored
  uint64_t skipped = 0;  // checkpoints that were not taken because the one before was not done
  uint64_t queued = 0;   // batches waiting
};

// A thread of its own with a queue in front.
class Writer {
 public:
  explicit Writer(std::unique_ptr<Database> database);
  ~Writer();  // as Stop()

  // Whether a checkpoint may be given now; counted as skipped where not. One thread.
  bool ReadyForCheckpoint();
  // Queues a batch. `then` is called on the writer's thread when it is stored, or could not be,
  // in the order of the batches: what the batch is about goes on even when the disk is full.
  void Submit(Batch batch, std::function<void()> then);
  // Stores what is queued, and ends the thread. Idempotent.
  void Stop();

  // Any thread.
  WriterStatus status() const;

 private:
  void Run();

  const std::unique_ptr<Database> database_;  // the writer's thread only
  mutable std::mutex mutex_;                  // guards all below
  std::condition_variable wake_;
  std::deque<std::pair<Batch, std::function<void()>>> queue_;
  bool stopping_ = false;
  bool failing_ = false;      // the last batch could not be stored: logged already
  uint64_t checkpoints_ = 0;  // in the queue, or being stored
  WriterStatus status_;
  std::thread thread_;
};

}  // namespace mailtap::store

#endif  // MAILTAP_LIB_STORE_WRITER_H_

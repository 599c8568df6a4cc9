// Where the control core leaves its last snapshot for whoever wants to read it.
#ifndef MAILTAP_LIB_EXPORT_SNAPSHOT_BOARD_H_
#define MAILTAP_LIB_EXPORT_SNAPSHOT_BOARD_H_

#include <memory>
#include <mutex>
#include <utility>

#include "lib/control/snapshot.h"

namespace mailtap::exporting {

// Any thread. The lock is held for the copy of a pointer; the snapshot before is freed by
// whoever drops it last.
class SnapshotBoard {
 public:
  void Publish(std::shared_ptr<const control::Snapshot> snapshot) {
    const std::lock_guard lock(mutex_);
    last_.swap(snapshot);
  }
  // Null before the first Publish().
  std::shared_ptr<const control::Snapshot> Latest() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const control::Snapshot> last_;  // guarded by mutex_
};

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_SNAPSHOT_BOARD_H_

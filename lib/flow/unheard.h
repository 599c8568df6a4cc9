// Connections on odd ports that both ends have opened and on which nobody was heard yet. Their
// packets are looked at whatever they hold, since mirrors reorder: what comes first may not be
// what was said first. A small table in which a newer connection takes an older one's place.
#ifndef MAILTAP_LIB_FLOW_UNHEARD_H_
#define MAILTAP_LIB_FLOW_UNHEARD_H_

#include <cstdint>
#include <vector>

#include "lib/base/time.h"
#include "lib/flow/suspicion.h"

namespace mailtap::flow {

// A worker's. Each connection in it keeps its counter of `suspicion` raised. One handshake's
// slot (HandshakeTable::SlotOf) goes with all calls for a connection.
class UnheardTable {
 public:
  static constexpr uint32_t kSize = 2048;
  // Whoever is silent for longer speaks in order, or is not found.
  static constexpr int64_t kPatience = 10 * kNanosPerSecond;

  // `suspicion` outlives it.
  explicit UnheardTable(SuspicionArray& suspicion) : suspicion_(suspicion), entries_(kSize) {}

  void Add(uint32_t slot, uint64_t flow_hash, uint16_t rough_hash, UnixNanos time) {
    Entry& entry = At(slot);
    Drop(entry);
    entry = {.flow_hash = flow_hash, .time = time, .rough_hash = rough_hash};
    suspicion_.Raise(rough_hash);
  }
  bool Contains(uint32_t slot, uint64_t flow_hash) const {
    return entries_[slot % kSize].flow_hash == flow_hash;
  }
  // Whether the connection was there. It no longer is.
  bool Take(uint32_t slot, uint64_t flow_hash) {
    if (!Contains(slot, flow_hash)) return false;
    Drop(At(slot));
    return true;
  }
  void Expire(UnixNanos now) {
    for (Entry& entry : entries_) {
      if (now - entry.time >= kPatience) Drop(entry);
    }
  }

 private:
  struct Entry {
    uint64_t flow_hash = 0;  // 0: empty
    UnixNanos time = 0;
    uint16_t rough_hash = 0;
  };

  Entry& At(uint32_t slot) { return entries_[slot % kSize]; }
  void Drop(Entry& entry) {
    if (entry.flow_hash != 0) suspicion_.Lower(entry.rough_hash);
    entry = {};
  }

  SuspicionArray& suspicion_;
  std::vector<Entry> entries_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_UNHEARD_H_

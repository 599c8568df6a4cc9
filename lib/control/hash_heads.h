// From a hash to the first id of those with that hash: what a look-up in a large table starts
// with. Each entry is eight bytes beside its neighbours, so that one line of memory answers,
// and can be asked for ahead; a general map reads two, of which it can tell only one ahead.
#ifndef MAILTAP_LIB_CONTROL_HASH_HEADS_H_
#define MAILTAP_LIB_CONTROL_HASH_HEADS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "lib/base/large_vector.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

// Open addressing with linear probing, at most half full. One thread.
class HashHeads {
 public:
  HashHeads() : entries_(kSmallest) {}

  void Prefetch(uint32_t hash) const { __builtin_prefetch(&entries_[Home(hash)]); }
  // The id, or kNone.
  uint32_t Find(uint32_t hash) const { return entries_[Place(hash)].id; }
  // Sets the id, which is not kNone; returns the one before, or kNone.
  uint32_t Set(uint32_t hash, uint32_t id) {
    Entry& entry = entries_[Place(hash)];
    const uint32_t before = std::exchange(entry, Entry{hash, id}).id;
    if (before == kNone && ++used_ > entries_.size() / 2) Grow();
    return before;
  }
  // Nothing where it isn't there.
  void Erase(uint32_t hash) {
    std::size_t gap = Place(hash);
    if (entries_[gap].id == kNone) return;
    --used_;
    // Whoever stands behind and may stand in the gap moves up: searches end at gaps.
    for (std::size_t at = Next(gap); entries_[at].id != kNone; at = Next(at)) {
      if (Behind(Home(entries_[at].hash), at) < Behind(gap, at)) continue;
      entries_[gap] = entries_[at];
      gap = at;
    }
    entries_[gap] = {};
  }

 private:
  static constexpr std::size_t kSmallest = 16;
  struct Entry {
    uint32_t hash = 0;
    uint32_t id = kNone;
  };

  std::size_t Home(uint32_t hash) const { return hash & (entries_.size() - 1); }
  std::size_t Next(std::size_t at) const { return (at + 1) & (entries_.size() - 1); }
  // How many steps `at` is behind `from`.
  std::size_t Behind(std::size_t from, std::size_t at) const {
    return (at - from) & (entries_.size() - 1);
  }
  // Where the hash stands, or would.
  std::size_t Place(uint32_t hash) const {
    std::size_t at = Home(hash);
    while (entries_[at].id != kNone && entries_[at].hash != hash) at = Next(at);
    return at;
  }
  void Grow() {
    LargeVector<Entry> old(2 * entries_.size());
    std::swap(old, entries_);
    for (const Entry& entry : old) {
      if (entry.id != kNone) entries_[Place(entry.hash)] = entry;
    }
  }

  LargeVector<Entry> entries_;  // a power of two
  std::size_t used_ = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HASH_HEADS_H_

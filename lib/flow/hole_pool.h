// Gaps in sequence space: a bounded pool of nodes, each on two lists. One list belongs to a
// session's direction and is ordered by sequence number; the other is the pool's own, ordered
// by the tick that a hole was found in, so that the end of a tick finds those that fell due
// without looking at any other.
#ifndef MAILTAP_LIB_FLOW_HOLE_POOL_H_
#define MAILTAP_LIB_FLOW_HOLE_POOL_H_

#include <array>
#include <cstdint>

#include "lib/base/pool.h"
#include "lib/base/time.h"
#include "lib/flow/session.h"

namespace mailtap::flow {

struct Hole {
  UnixNanos created;
  uint32_t start;   // first missing sequence number
  uint32_t length;  // bytes
  uint32_t next;    // in its session's list
  uint32_t age_next;
  uint32_t age_prev;
  uint32_t owner;    // index of the cold record
  uint32_t claimed;  // of a jump: payload seen in it
  uint8_t end;       // End
  uint8_t steps;     // of a jump: how often more was claimed after the first time
  bool provisional;  // not a hole but a jump that nothing has confirmed yet
  // Of a jump:
  bool by_ack : 1;     // the other end's acknowledgments claim it
  bool late : 1;       // nothing had come for kClaimAge before it
  bool plausible : 1;  // so much may have been lost since
  bool witnessed : 1;  // the other end has acknowledged some of what would be lost
  bool doubted : 1;    // or nothing new
};
static_assert(sizeof(Hole) == 40);

class HolePool {
 public:
  // Allocates `capacity` nodes.
  explicit HolePool(uint32_t capacity);

  // A node behind the others of its tick, or kNone when the pool is empty. Stamps may run
  // backwards, by less than kTicks: when a hole falls due does not depend on which other
  // sessions share the pool.
  uint32_t Allocate(uint32_t owner, End end, UnixNanos now);
  // A node of the same owner and time as `index`, or kNone.
  uint32_t AllocateTwin(uint32_t index);
  // Takes the node off the age list. The caller has taken it off the session's list.
  void Free(uint32_t index);

  Hole& operator[](uint32_t index) { return holes_[index]; }
  const Hole& operator[](uint32_t index) const { return holes_[index]; }
  uint32_t oldest() const { return oldest_; }
  uint32_t used() const { return holes_.used(); }
  uint32_t capacity() const { return holes_.capacity(); }
  std::size_t bytes() const { return holes_.bytes(); }

 private:
  static constexpr int64_t kTicks = 64;  // more than a hole may wait, see config::Timeouts

  // The last node of a tick; kNone where the place is free.
  struct Last {
    int64_t tick = 0;
    uint32_t index = kNone;
  };

  Last& LastOf(int64_t tick) { return lasts_[static_cast<uint64_t>(tick) % kTicks]; }
  uint32_t AllocateAfter(uint32_t older, uint32_t owner, uint8_t end, UnixNanos created);

  Pool<Hole, &Hole::next> holes_;
  uint32_t oldest_ = kNone;
  std::array<Last, kTicks> lasts_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_HOLE_POOL_H_

// Tells a mirror's copy of a packet from a retransmission of its payload: a copy carries the
// same IPv4 id, or the same TCP timestamps. Remembers the last packets of all sessions by their
// place in the stream; the oldest of a few give way, so that copies count while they are near.
//
// One worker owns it; allocated by the constructor.
#ifndef MAILTAP_LIB_FLOW_COPY_TABLE_H_
#define MAILTAP_LIB_FLOW_COPY_TABLE_H_

#include <cstdint>

#include "lib/base/cache_line.h"
#include "lib/base/pool.h"
#include "lib/net/hash.h"

namespace mailtap::flow {

class CopyTable {
 public:
  // A copy may come a hundred packets of its two addresses later, and nearly any number of
  // others'. Twice as many sets cost a worker that sees mail alone a fiftieth of its speed.
  static constexpr uint32_t kSets = 1 << 14;
  static constexpr uint32_t kWays = 7;

  CopyTable() : sets_(kSets) {}

  // Where a payload is looked for: by its connection, whose direction `sender` (a port) tells,
  // and by its sequence numbers (and see net::kSpreadBits).
  static uint64_t PlaceOf(uint64_t address_hash, uint64_t flow_hash, uint16_t sender,
                          uint32_t seq, uint32_t length) {
    const uint64_t hash = net::Mix(flow_hash ^ uint64_t{seq} << 32,
                                   (uint64_t{sender} << 32 | length) ^ net::kHashSeed2);
    return (hash & ~net::kSpreadBits) | (address_hash & net::kSpreadBits);
  }
  void Prefetch(uint64_t place) const { __builtin_prefetch(&sets_[place % kSets]); }

  // Whether the last packet with this payload carried the same mark, and remembers this one's.
  // `mark` is 0 where the packet has none.
  bool Seen(uint64_t place, uint32_t mark) {
    Set& set = sets_[place % kSets];
    const auto check = static_cast<uint32_t>(place >> 32);
    // All are compared, without a branch for each.
    uint32_t found = kWays;
    for (uint32_t way = 0; way < kWays; ++way) found = set.check[way] == check ? way : found;
    if (found == kWays) [[likely]] {
      set.check[set.oldest] = check;
      set.mark[set.oldest] = mark;
      set.oldest = set.oldest + 1 == kWays ? 0 : set.oldest + 1;
      return false;
    }
    const bool same = mark != 0 && set.mark[found] == mark;
    set.mark[found] = mark;
    return same;
  }

 private:
  struct alignas(kCacheLine) Set {
    uint32_t check[kWays];
    uint32_t oldest;
    uint32_t mark[kWays];
  };
  static_assert(sizeof(Set) == kCacheLine);

  ZeroedArray<Set> sets_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_COPY_TABLE_H_

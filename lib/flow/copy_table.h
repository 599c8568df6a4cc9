// Tells a mirror's copy of a packet from a retransmission of its payload: a copy carries the
// same IPv4 id, or the same TCP timestamps. Remembers the last packets of all sessions by their
// place in the stream; a place taken by another is forgotten, so that copies count while they
// are near.
//
// One worker owns it; allocated by the constructor.
#ifndef MAILTAP_LIB_FLOW_COPY_TABLE_H_
#define MAILTAP_LIB_FLOW_COPY_TABLE_H_

#include <cstdint>
#include <vector>

#include "lib/net/hash.h"

namespace mailtap::flow {

class CopyTable {
 public:
  static constexpr uint32_t kEntries = 1 << 14;

  CopyTable() : entries_(kEntries) {}

  // Where a payload is looked for: by its connection, whose direction `sender` (a port) tells,
  // and by its sequence numbers.
  static uint64_t PlaceOf(uint64_t flow_hash, uint16_t sender, uint32_t seq, uint32_t length) {
    return net::Mix(flow_hash ^ uint64_t{seq} << 32,
                    (uint64_t{sender} << 32 | length) ^ net::kHashSeed2);
  }
  void Prefetch(uint64_t place) const { __builtin_prefetch(&entries_[place % kEntries]); }

  // Whether the last packet with this payload carried the same mark, and remembers this one's.
  // `mark` is 0 where the packet has none.
  bool Seen(uint64_t place, uint32_t mark) {
    Entry& entry = entries_[place % kEntries];
    const auto check = static_cast<uint32_t>(place >> 32);
    const bool same = mark != 0 && entry.check == check && entry.mark == mark;
    entry = {check, mark};
    return same;
  }

 private:
  struct Entry {
    uint32_t check = 0;
    uint32_t mark = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_COPY_TABLE_H_

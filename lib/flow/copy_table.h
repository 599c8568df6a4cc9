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

  // Whether the last packet with this payload carried the same mark, and remembers this one's.
  // `session` and `end` name its direction; `mark` is 0 where the packet has none.
  bool Seen(uint32_t session, int end, uint32_t seq, uint32_t length, uint32_t mark) {
    const uint64_t place =
        net::Mix((uint64_t{session} << 32 | seq) ^ net::kHashSeed1,
                 (uint64_t{length} << 1 | static_cast<uint64_t>(end)) ^ net::kHashSeed2);
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

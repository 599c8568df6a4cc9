// SYNs that have no session: on ports that are no mail ports, and on mail ports while these are
// flooded. A small table of two-entry slots, so that the first payload is looked at and its
// session's numbers start at the handshake. A newer SYN simply takes an older one's place.
#ifndef MAILTAP_LIB_FLOW_HANDSHAKE_TABLE_H_
#define MAILTAP_LIB_FLOW_HANDSHAKE_TABLE_H_

#include <bit>
#include <cstdint>

#include "lib/base/cache_line.h"
#include "lib/base/pool.h"
#include "lib/base/time.h"
#include "lib/net/hash.h"

namespace mailtap::flow {

struct Handshake {
  uint64_t flow_hash = 0;  // 0: empty
  uint32_t client_isn = 0;
  uint32_t server_isn = 0;
  uint16_t client_port = 0;
  bool has_server = false;  // the SYN-ACK was seen too
  bool dismissed = false;   // what was said first has been seen, and is no mail's
  uint8_t packets[2] = {};  // seen of the client and of the server, from their SYNs on
  UnixNanos time = 0;       // of the first of them

  // One more of the client (0) or the server (1).
  void CountPacket(int from) {
    if (packets[from] < UINT8_MAX) ++packets[from];
  }
};
static_assert(sizeof(Handshake) == 32);

class HandshakeTable {
 public:
  // Room for `capacity` handshakes, rounded up to a power of two.
  explicit HandshakeTable(uint32_t capacity)
      : pairs_(std::bit_ceil(capacity < 2 ? 2 : capacity) / 2), mask_(pairs_.size() - 1) {}

  // See net::kSpreadBits: which of two flows that meet at one slot wins must not depend on the
  // number of workers.
  uint32_t SlotOf(uint64_t address_hash, uint64_t flow_hash) const {
    const uint64_t spread = address_hash & net::kSpreadBits;
    return static_cast<uint32_t>(((flow_hash & ~net::kSpreadBits) | spread) & mask_);
  }
  void Prefetch(uint32_t slot) const { __builtin_prefetch(&pairs_[slot]); }

  // The entry of this flow, or null.
  Handshake* Find(uint32_t slot, uint64_t flow_hash) {
    for (Handshake& entry : pairs_[slot].entries) {
      if (entry.flow_hash == flow_hash) return &entry;
    }
    return nullptr;
  }
  // The flow's own entry or, in place of the older one of the slot's two, one that knows only
  // whose it is and was seen at no time yet.
  Handshake& FindOrTake(uint32_t slot, uint64_t flow_hash) {
    if (Handshake* own = Find(slot, flow_hash); own != nullptr) return *own;
    auto& [first, second] = pairs_[slot].entries;
    Handshake& place = first.time <= second.time ? first : second;
    place = {.flow_hash = flow_hash, .time = INT64_MAX};
    return place;
  }
  void Erase(Handshake* entry) { *entry = {}; }

 private:
  // One cache line. Two flows in the middle of their handshakes may share a slot.
  struct alignas(kCacheLine) Pair {
    Handshake entries[2];
  };

  ZeroedArray<Pair> pairs_;
  uint64_t mask_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_HANDSHAKE_TABLE_H_

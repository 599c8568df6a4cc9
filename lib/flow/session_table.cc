#include "lib/flow/session_table.h"

#include <algorithm>
#include <bit>

#include "lib/net/hash.h"

namespace mailtap::flow {
namespace {

// At most 80 % full, so that probes stay short.
uint32_t Slots(uint32_t capacity) { return std::bit_ceil(capacity + capacity / 4); }

bool SameFlow(const HotSession& hot, const SessionKey& key, End source_end) {
  return hot.port[source_end] == key.source_port &&
         hot.port[Other(source_end)] == key.destination_port &&
         hot.address[source_end] == key.source &&
         hot.address[Other(source_end)] == key.destination && hot.encap_tag == key.encap_tag;
}

}  // namespace

SessionTable::SessionTable(uint32_t capacity)
    : cold_(std::max(capacity, 8u)),
      hot_(Slots(cold_.capacity())),
      mask_(static_cast<uint32_t>(hot_.size()) - 1),
      shift_(64 - std::bit_width(mask_)) {}

uint64_t SessionTable::HashOf(const HotSession& hot) {
  return net::FlowHash(net::AddressHash(hot.address[0], hot.address[1]),
                       net::PortPair(hot.port[0], hot.port[1]), hot.encap_tag);
}

uint16_t SessionTable::RoughHashOf(const HotSession& hot) {
  return net::RoughHash(net::AddressSum(hot.address[0], hot.address[1]),
                        net::RawPorts(hot.port[0], hot.port[1]));
}

uint32_t SessionTable::Find(const SessionKey& key, uint64_t hash, End& end) const {
  for (uint32_t slot = Home(hash);; slot = (slot + 1) & mask_) {
    const HotSession& hot = hot_[slot];
    if (hot.state.occupied == 0) return kNone;
    if (SameFlow(hot, key, 0)) {
      end = 0;
      return slot;
    }
    if (SameFlow(hot, key, 1)) {
      end = 1;
      return slot;
    }
  }
}

uint32_t SessionTable::Insert(const SessionKey& key, uint64_t hash, UnixNanos now) {
  const uint32_t index = cold_.Take();
  if (index == kNone) return kNone;
  uint32_t slot = Home(hash);
  while (hot_[slot].state.occupied != 0) slot = (slot + 1) & mask_;

  HotSession& hot = hot_[slot];
  hot = HotSession{};
  hot.address[0] = key.source;
  hot.address[1] = key.destination;
  hot.port[0] = key.source_port;
  hot.port[1] = key.destination_port;
  hot.encap_tag = key.encap_tag;
  hot.cold = index;
  hot.state.occupied = 1;

  ColdSession& cold = cold_[index];
  cold = ColdSession{};
  cold.first_seen = cold.last_seen = now;
  cold.slot = slot;
  cold.holes[0] = cold.holes[1] = kNone;
  cold.dialogue = kNotBegun;
  cold.conversation = cold.name = kNone;
  cold.timer_next = cold.timer_prev = kNone;
  cold.timer_slot = kOffWheel;
  return slot;
}

void SessionTable::Remove(uint32_t slot) {
  cold_[hot_[slot].cold].slot = kNone;
  cold_.Give(hot_[slot].cold);
  // Close the gap: whatever may stand in the freed slot or nearer to its home moves up.
  uint32_t gap = slot;
  for (uint32_t next = (gap + 1) & mask_; hot_[next].state.occupied != 0;
       next = (next + 1) & mask_) {
    const uint32_t home = Home(HashOf(hot_[next]));
    if (((next - home) & mask_) < ((next - gap) & mask_)) continue;
    hot_[gap] = hot_[next];
    cold_[hot_[gap].cold].slot = gap;
    gap = next;
  }
  hot_[gap].state = SessionState{};
}

}  // namespace mailtap::flow

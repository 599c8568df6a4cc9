#include "lib/flow/session_table.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "lib/net/hash.h"

namespace mailtap::flow {
namespace {

// Transparent huge pages spare a TLB miss a packet.
void* AllocateLines(std::size_t bytes) {
  constexpr std::size_t kHugePage = 2 << 20;
  const std::size_t align = bytes >= kHugePage ? kHugePage : kCacheLine;
  void* p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (p == nullptr) throw std::bad_alloc();
  std::memset(p, 0, bytes);
  return p;
}

bool SameFlow(const HotSession& hot, const SessionKey& key, End source_end) {
  return hot.port[source_end] == key.source_port &&
         hot.port[Other(source_end)] == key.destination_port &&
         hot.address[source_end] == key.source &&
         hot.address[Other(source_end)] == key.destination && hot.encap_tag == key.encap_tag;
}

}  // namespace

void SessionTable::Free::operator()(void* p) const { std::free(p); }

SessionTable::SessionTable(uint32_t capacity) : capacity_(std::max(capacity, 8u)) {
  // At most 80 % full, so that probes stay short.
  const uint32_t slots = std::bit_ceil(capacity_ + capacity_ / 4);
  mask_ = slots - 1;
  shift_ = 64 - std::bit_width(mask_);
  bytes_ = slots * sizeof(HotSession) + capacity_ * sizeof(ColdSession);
  hot_.reset(static_cast<HotSession*>(AllocateLines(slots * sizeof(HotSession))));
  cold_.reset(static_cast<ColdSession*>(AllocateLines(capacity_ * sizeof(ColdSession))));
  free_colds_.reserve(capacity_);
  for (uint32_t i = capacity_; i-- > 0;) {
    cold_[i].slot = kNone;
    free_colds_.push_back(i);
  }
}

uint64_t SessionTable::HashOf(const HotSession& hot) {
  return net::FlowHash(net::AddressHash(hot.address[0], hot.address[1]), hot.port[0],
                       hot.port[1], hot.encap_tag);
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
  if (free_colds_.empty()) return kNone;
  uint32_t slot = Home(hash);
  while (hot_[slot].state.occupied != 0) slot = (slot + 1) & mask_;
  const uint32_t index = free_colds_.back();
  free_colds_.pop_back();
  ++size_;

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
  cold.dialogue = cold.conversation = cold.name = kNone;
  cold.timer_next = cold.timer_prev = kNone;
  cold.timer_slot = 0xffff;
  return slot;
}

void SessionTable::Remove(uint32_t slot) {
  free_colds_.push_back(hot_[slot].cold);
  cold_[hot_[slot].cold].slot = kNone;
  --size_;
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

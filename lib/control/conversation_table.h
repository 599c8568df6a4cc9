// Every conversation that is known, with what the policy says of it.
#ifndef MAILTAP_LIB_CONTROL_CONVERSATION_TABLE_H_
#define MAILTAP_LIB_CONTROL_CONVERSATION_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "lib/config/config.h"
#include "lib/control/tick_row.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// What each delta record and each end of a tick needs: one cache line.
struct alignas(64) Conversation {
  meter::ConversationKey key;
  uint32_t lanes[kRoleCount] = {kNone, kNone};  // by Role; kNone where that end is external
  uint32_t tick_row = kNone;                    // in the tick being gathered
  uint32_t relay = kNone;                       // index of the entry that approved it
  uint32_t last_tick = 0;                       // counted from the first tick
  uint16_t evidence_set = 0;                    // which evidence logs it goes into
  config::Verdict verdict = config::Verdict::kTransit;
  bool known = false;  // false: the place is free
};
static_assert(sizeof(Conversation) == 64);

// Conversations have dense numbers, which are used again after Remove(). Each is in a list of
// each of its internal ends. Control thread only.
class ConversationTable {
 public:
  ConversationTable() : numbers_(0, Hash{&conversations_}, Equal{&conversations_}) {}
  ConversationTable(const ConversationTable&) = delete;
  ConversationTable& operator=(const ConversationTable&) = delete;

  // Its number, or kNone.
  uint32_t Find(const meter::ConversationKey& key) const {
    const auto found = numbers_.find(key);
    return found == numbers_.end() ? kNone : *found;
  }
  // Brings near what Find() will need.
  void PrefetchKey(const meter::ConversationKey& key) const { numbers_.prefetch(key); }
  void Prefetch(uint32_t id) const { __builtin_prefetch(&conversations_[id]); }

  // Adds one that is not there yet. References from at() are invalid afterwards.
  uint32_t Add(const meter::ConversationKey& key);
  // Takes it out. It must be in no list any more.
  void Remove(uint32_t id);

  Conversation& at(uint32_t id) { return conversations_[id]; }
  const Conversation& at(uint32_t id) const { return conversations_[id]; }

  // Puts it at the front of the list that starts at `head`, of the host at its end `role`.
  void Link(uint32_t id, Role role, uint32_t& head);
  void Unlink(uint32_t id, Role role, uint32_t& head);
  // The next one in the list of that end's host, or kNone.
  uint32_t Next(uint32_t id, Role role) const {
    return places_[id].next[static_cast<int>(role)];
  }
  // The end's peer in the peer table, or kNone where no rule counts peers.
  uint32_t& peer(uint32_t id, Role role) { return places_[id].peer[static_cast<int>(role)]; }

  std::size_t size() const { return numbers_.size(); }
  // The `count` that have been idle for longest, of equals the smaller key first.
  std::vector<uint32_t> LongestIdle(std::size_t count) const;

 private:
  // What only new, old and alerting conversations need.
  struct Place {
    uint32_t next[kRoleCount] = {kNone, kNone};
    uint32_t previous[kRoleCount] = {kNone, kNone};
    uint32_t peer[kRoleCount] = {kNone, kNone};
  };
  struct Hash {
    using is_transparent = void;
    const std::vector<Conversation>* conversations;
    std::size_t operator()(const meter::ConversationKey& key) const {
      return absl::HashOf(key);
    }
    std::size_t operator()(uint32_t id) const { return absl::HashOf((*conversations)[id].key); }
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<Conversation>* conversations;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t id, const meter::ConversationKey& key) const {
      return (*conversations)[id].key == key;
    }
    bool operator()(const meter::ConversationKey& key, uint32_t id) const {
      return (*conversations)[id].key == key;
    }
  };

  std::vector<Conversation> conversations_;
  std::vector<Place> places_;  // of the same numbers
  std::vector<uint32_t> free_;
  absl::flat_hash_set<uint32_t, Hash, Equal> numbers_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CONVERSATION_TABLE_H_

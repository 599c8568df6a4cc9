// Every conversation that is known, with what the policy says of it.
#ifndef MAILTAP_LIB_CONTROL_CONVERSATION_TABLE_H_
#define MAILTAP_LIB_CONTROL_CONVERSATION_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "lib/base/large_vector.h"
#include "lib/config/config.h"
#include "lib/control/hash_heads.h"
#include "lib/control/host_key.h"
#include "lib/control/hour_book.h"
#include "lib/control/tick_row.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// What each delta record and each end of a tick needs: one cache line.
struct alignas(64) Conversation {
  meter::ConversationKey key;
  uint32_t lanes[kRoleCount] = {kNone, kNone};  // by Role; kNone where that end is external
  uint32_t tick_row = kNone;                    // in the tick being gathered
  uint32_t relay = kNone;                       // whom it counts for, see RelaySets
  uint32_t last_tick = 0;     // that it counted in, from the first tick; not kept of transit
  uint16_t evidence_set = 0;  // which evidence logs it goes into
  config::Verdict verdict = config::Verdict::kTransit;
  bool known : 1 = false;    // false: the place is free
  bool retired : 1 = false;  // see ConversationTable::Retire()
  // Bits per Direction: packets were seen going that way in the capture window's period under
  // way (as of last_tick), and in the one before.
  uint8_t seen : 2 = 0;
  uint8_t seen_before : 2 = 0;
  bool several_relays : 1 = false;  // see RelaySets
};
static_assert(sizeof(Conversation) == 64);

// Conversations have dense numbers, which are used again after Remove(). Each is in a list of
// each of its internal ends. Control thread only.
class ConversationTable {
 public:
  // What the calls below that take a hash expect for `key`. Differs from process to process.
  static uint32_t HashOf(const meter::ConversationKey& key) {
    return static_cast<uint32_t>(absl::HashOf(key) >> 32);
  }

  // Its number, or kNone.
  uint32_t Find(uint32_t hash, const meter::ConversationKey& key) const {
    return FindFrom(FindFirst(hash), key);
  }
  // The same in steps, as a look-up meets lines of memory that nobody has touched for a second:
  // who has many to do takes the first step for all of them, then the second, then the third.
  void PrefetchHash(uint32_t hash) const { heads_.Prefetch(hash); }
  uint32_t FindFirst(uint32_t hash) const {
    const uint32_t first = heads_.Find(hash);
    if (first != kNone) Prefetch(first);
    return first;
  }
  uint32_t FindFrom(uint32_t first, const meter::ConversationKey& key) const {
    while (first != kNone &&
           (conversations_[first].key != key || conversations_[first].retired)) {
      first = links_[first].next_of_hash;
    }
    return first;
  }
  // The one that counted what came for `key` in `tick`, as Conversation::last_tick counts: it
  // may be retired. Else the one that Find() gives.
  uint32_t FindAt(uint32_t hash, const meter::ConversationKey& key, uint32_t tick) const;
  void Prefetch(uint32_t id) const { __builtin_prefetch(&conversations_[id]); }
  void PrefetchPlace(uint32_t id) const { __builtin_prefetch(&places_[id]); }

  // Calls visit(id) for each of `key`, retired or not. `visit` may do nothing to the table.
  template <typename Visit>
  void ForEachOf(uint32_t hash, const meter::ConversationKey& key, Visit&& visit) const {
    for (uint32_t id = FindFirst(hash); id != kNone; id = links_[id].next_of_hash) {
      if (conversations_[id].key == key) visit(id);
    }
  }

  // Keeps a list for each server too, or no longer.
  void IndexServers(bool on);
  // Calls visit(id) for each that is not retired, of `server`; none while they aren't indexed.
  // `visit` may retire it, and do no more to the table.
  template <typename Visit>
  void ForEachAt(const HostKey& server, Visit&& visit) const {
    const auto first = first_of_server_.find(server);
    if (first == first_of_server_.end()) return;
    for (uint32_t id = first->second; id != kNone;) {
      const uint32_t next = links_[id].next_of_server;
      visit(id);
      id = next;
    }
  }

  // Adds one that is not there yet. References from at() are invalid afterwards.
  uint32_t Add(uint32_t hash, const meter::ConversationKey& key);
  // It is judged otherwise from now on: Find() no longer gives it, so that what comes goes to a
  // new one. What it did stays, as evidence under the old verdict.
  void Retire(uint32_t id);
  // Takes it out. It must be in no list any more.
  void Remove(uint32_t hash, uint32_t id);

  Conversation& at(uint32_t id) { return conversations_[id]; }
  const Conversation& at(uint32_t id) const { return conversations_[id]; }

  // Puts it at the front of the list that starts at `head`, of the host at its end `role`.
  void Link(uint32_t id, Role role, uint32_t& head);
  void Unlink(uint32_t id, Role role, uint32_t& head);
  // The next one in the list of that end's host, or kNone.
  uint32_t Next(uint32_t id, Role role) const {
    return links_[id].next[static_cast<int>(role)];
  }
  // The end's peer in the peer table, or kNone where no rule counts peers.
  uint32_t& peer(uint32_t id, Role role) { return places_[id].peer[static_cast<int>(role)]; }
  uint32_t peer(uint32_t id, Role role) const {
    return places_[id].peer[static_cast<int>(role)];
  }
  // What HourBook keeps with it.
  HourBook::Place& hour_place(uint32_t id) { return places_[id].hour; }

  // Calls visit(id) for each. `visit` may retire it, and do no more to the table.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (uint32_t id = 0; id < conversations_.size(); ++id) {
      if (conversations_[id].known) visit(id);
    }
  }

  std::size_t size() const { return conversations_.size() - free_.size(); }
  // The `count` that have been idle for longest, of equals the smaller key first.
  std::vector<uint32_t> LongestIdle(std::size_t count) const;

 private:
  void Unhash(uint32_t hash, uint32_t id);
  void AddToServer(uint32_t id);
  void TakeFromServer(uint32_t id);

  // What the end of a tick needs.
  struct Place {
    uint32_t peer[kRoleCount] = {kNone, kNone};
    HourBook::Place hour;
  };
  // What new, old and alerting conversations need.
  struct Links {
    uint32_t next[kRoleCount] = {kNone, kNone};
    uint32_t previous[kRoleCount] = {kNone, kNone};
    uint32_t next_of_hash = kNone;
    uint32_t next_of_server = kNone;
    uint32_t previous_of_server = kNone;
  };

  LargeVector<Conversation> conversations_;
  LargeVector<Place> places_;  // of the same numbers,
  LargeVector<Links> links_;   // and these too
  std::vector<uint32_t> free_;
  HashHeads heads_;  // of those with equal hashes the one that came last
  bool indexes_servers_ = false;
  absl::flat_hash_map<HostKey, uint32_t> first_of_server_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CONVERSATION_TABLE_H_

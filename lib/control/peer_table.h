// The peers of hosts, for counting different ones.
#ifndef MAILTAP_LIB_CONTROL_PEER_TABLE_H_
#define MAILTAP_LIB_CONTROL_PEER_TABLE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/base/large_vector.h"
#include "lib/base/mail.h"
#include "lib/control/places.h"
#include "lib/net/address.h"

namespace mailtap::control {

// One peer is (owner, the owner's role, the peer's address), whatever ports and services they
// use. The owner is a host, or an entity that adds up several. For each condition that counts
// peers (a "slot") it holds the bucket in which the peer was last counted. A peer lives as long
// as a conversation or a window row refers to it. Control thread only.
class PeerTable {
 public:
  static constexpr int64_t kNever = INT64_MIN;

  explicit PeerTable(uint16_t slots) : slots_(slots) {}

  // The owner's number for an entity of the windows; hosts are their own.
  static constexpr uint32_t OwnerOf(uint32_t entity) { return kEntity | entity; }
  static constexpr bool IsEntity(uint32_t owner) { return (owner & kEntity) != 0; }
  static constexpr uint32_t EntityOf(uint32_t owner) { return owner & ~kEntity; }

  // The peer's number, for one more conversation.
  uint32_t Acquire(uint32_t owner, Role role, const net::IpAddress& address) {
    const Key key{owner, role, address};
    const auto [at, added] = numbers_.try_emplace(key, 0);
    if (added) at->second = New(key);
    ++peers_[at->second].conversations;
    return at->second;
  }
  // The conversation is forgotten.
  void Release(uint32_t peer) {
    --peers_[peer].conversations;
    FreeIfUnused(peer);
  }

  // The bucket of the newest row of `peer` in the window of the rule with `slot`, or kNever.
  int64_t& LastBucket(uint32_t peer, uint16_t slot) { return marks_[First(peer) + slot]; }

  // Whether the peer counts in that window.
  bool Counts(uint32_t peer, uint16_t slot) const {
    return marks_[First(peer) + slot] != kNever;
  }

  // The slots are numbered anew: old slot i is now to[i], or gone, with no row left, where that
  // is kNoSlot.
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  void Renumber(const std::vector<uint16_t>& to, uint16_t slots) {
    const std::size_t stride = slots + std::size_t{1};
    LargeVector<int64_t> moved(peers_.size() * stride, kNever);
    for (uint32_t peer = 0; peer < peers_.size(); ++peer) {
      for (std::size_t old = 0; old < to.size(); ++old) {
        if (to[old] != kNoSlot) moved[peer * stride + to[old]] = marks_[First(peer) + old];
      }
      moved[peer * stride + slots] = Met(peer);
    }
    marks_ = std::move(moved);
    slots_ = slots;
  }
  // The tick in which the owner first dealt with the peer, kNever before it was set.
  int64_t& Met(uint32_t peer) { return marks_[First(peer) + slots_]; }
  int64_t Met(uint32_t peer) const { return marks_[First(peer) + slots_]; }

  // Brings near what LastBucket() and Met() need.
  void Prefetch(uint32_t peer) const { __builtin_prefetch(&marks_[First(peer)]); }

  // A window row refers to the peer, or no longer does.
  void AddRow(uint32_t peer) { ++peers_[peer].rows; }
  void RemoveRow(uint32_t peer) {
    --peers_[peer].rows;
    FreeIfUnused(peer);
  }

  // Calls visit(peer, owner, role, address) for each peer.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (const auto& [key, peer] : numbers_) visit(peer, key.owner, key.role, key.address);
  }
  std::size_t size() const { return numbers_.size(); }

 private:
  static constexpr uint32_t kEntity = 0x80000000u;

  struct Key {
    uint32_t owner;
    Role role;
    net::IpAddress address;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.owner, k.role, k.address);
    }
  };
  struct Peer {
    Key key;
    uint32_t conversations = 0;
    uint32_t rows = 0;
  };

  uint32_t New(const Key& key) {
    const uint32_t peer = TakePlace(peers_, free_);
    peers_[peer].key = key;
    marks_.resize(First(static_cast<uint32_t>(peers_.size())), kNever);
    Met(peer) = kNever;
    return peer;
  }
  std::size_t First(uint32_t peer) const { return peer * (slots_ + std::size_t{1}); }
  // Without rows all its slots say kNever, so the number is as good as new.
  void FreeIfUnused(uint32_t peer) {
    if (peers_[peer].conversations > 0 || peers_[peer].rows > 0) return;
    numbers_.erase(peers_[peer].key);
    free_.push_back(peer);
  }

  uint16_t slots_;
  LargeMap<Key, uint32_t> numbers_;
  LargeVector<Peer> peers_;
  LargeVector<int64_t> marks_;  // by peer: the last bucket of each slot, then when it was met
  std::vector<uint32_t> free_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_PEER_TABLE_H_

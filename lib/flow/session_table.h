// The table of mail sessions and candidates: open addressing with the hot lines in place, so
// that a packet reaches its session with one cache miss, at an address known from its hash.
//
// One worker owns it. Everything is allocated by the constructor.
#ifndef MAILTAP_LIB_FLOW_SESSION_TABLE_H_
#define MAILTAP_LIB_FLOW_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "lib/base/pool.h"
#include "lib/flow/session.h"

namespace mailtap::flow {

// What a packet says of its session, in the packet's own direction.
struct SessionKey {
  net::IpAddress source;
  net::IpAddress destination;
  uint16_t source_port = 0;  // host order
  uint16_t destination_port = 0;
  uint32_t encap_tag = 0;
};

class SessionTable {
 public:
  // Room for `capacity` sessions.
  explicit SessionTable(uint32_t capacity);

  // Brings the first lines that Find(hash) will read towards the cache.
  void Prefetch(uint64_t hash) const {
    const uint32_t home = Home(hash);
    __builtin_prefetch(&hot_[home]);
    __builtin_prefetch(&hot_[(home + 1) & mask_]);
  }

  // The cold record of the session that most likely is that of a flow with the hash and these
  // ports: with the table at most 80 % full, most lie at their first slot or the second. kNone
  // where neither is. To be called once the hot lines are there.
  uint32_t LikelyCold(uint64_t hash, uint16_t source_port, uint16_t destination_port) const {
    constexpr int kLooks = 2;
    uint32_t slot = Home(hash);
    for (int i = 0; i < kLooks; ++i, slot = (slot + 1) & mask_) {
      const HotSession& hot = hot_[slot];
      if (hot.state.occupied == 0) return kNone;
      const bool same = (hot.port[0] == source_port) & (hot.port[1] == destination_port);
      const bool turned = (hot.port[1] == source_port) & (hot.port[0] == destination_port);
      if (same | turned) return hot.cold;
    }
    return kNone;
  }
  void PrefetchCold(uint32_t index) const { __builtin_prefetch(&cold_[index]); }

  // The slot of the key's session, or kNone. `end` tells which end sent the packet.
  uint32_t Find(const SessionKey& key, uint64_t hash, End& end) const;

  // Adds a session that is not there yet; its end 0 is the packet's source. Returns its slot,
  // or kNone when the table is full. Both records are reset; the cold one is on no timer list.
  uint32_t Insert(const SessionKey& key, uint64_t hash, UnixNanos now);

  // Removes a session. Other sessions may change their slots (never their cold records).
  void Remove(uint32_t slot);

  HotSession& hot(uint32_t slot) { return hot_[slot]; }
  ColdSession& cold(const HotSession& hot) { return cold_[hot.cold]; }
  ColdSession& cold_at(uint32_t index) { return cold_[index]; }
  const ColdSession& cold_at(uint32_t index) const { return cold_[index]; }
  ColdSession* colds() { return cold_.data(); }
  HotSession& hot_of(uint32_t cold_index) { return hot_[cold_[cold_index].slot]; }

  uint32_t size() const { return cold_.used(); }
  uint32_t capacity() const { return cold_.capacity(); }
  // Cold records from this index on have never been used; of the others, those without a slot
  // are free.
  uint32_t touched() const { return cold_.touched(); }
  std::size_t bytes() const { return hot_.bytes() + cold_.bytes(); }

  // The hashes of a stored session.
  static uint64_t HashOf(const HotSession& hot);
  static uint16_t RoughHashOf(const HotSession& hot);

 private:
  uint32_t Home(uint64_t hash) const { return static_cast<uint32_t>(hash >> shift_); }

  Pool<ColdSession, &ColdSession::timer_next> cold_;
  ZeroedArray<HotSession> hot_;
  const uint32_t mask_;
  const int shift_;
};

}  // namespace mailtap::flow

#endif  // MAILTAP_LIB_FLOW_SESSION_TABLE_H_

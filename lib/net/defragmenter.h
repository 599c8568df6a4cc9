// Puts IP packets together from their fragments, in whatever order those come.
//
// Bounded in packets, in bytes and in time; never waits. A packet of which a piece is missing
// when its time is over, or when its place is needed, is given out as far as it reaches without
// a gap. Of bytes that come twice the first ones count. One thread; allocated at construction.
#ifndef MAILTAP_LIB_NET_DEFRAGMENTER_H_
#define MAILTAP_LIB_NET_DEFRAGMENTER_H_

#include <cstdint>
#include <vector>

#include "lib/base/pool.h"
#include "lib/base/time.h"
#include "lib/net/address.h"
#include "lib/net/decode.h"

namespace mailtap::net {

// A packet put together: its IP header, changed to that of a whole packet, and what is known of
// its payload without a gap.
struct Datagram {
  const uint8_t* ip = nullptr;  // valid until the next call
  uint32_t captured = 0;        // bytes at `ip`
  uint32_t length = 0;          // bytes that the packet had, as far as it is known
  EncapStack encap;             // what its fragments were wrapped in
  UnixNanos time = 0;           // of its last fragment
  // Fragments that went into it. 0 for a fragment's header alone, without its payload and as it
  // came: one of those that go into no packet.
  uint32_t pieces = 0;
};

class Defragmenter {
 public:
  // How long a packet waits for its missing pieces: less than a hole in the TCP stream does.
  static constexpr UnixNanos kPatience = 2 * kNanosPerSecond;
  // How long after a packet its fragments are taken for copies. A sender of 300,000 packets a
  // second comes round to the same number of 16 bits after this.
  static constexpr UnixNanos kLinger = kNanosPerSecond / 5;

  // At most `packets` packets at once, with `packets` * 4 KiB of payload in all. Layers of
  // `split_kinds` (see EncapTag) keep address spaces apart.
  explicit Defragmenter(uint32_t packets, uint32_t split_kinds = 0);

  // Takes a fragment that Decode described. Calls ready(const Datagram&) for the packet that it
  // completes, and before that for unfinished ones that end to make room. Of those that have no
  // start the header of a fragment is given.
  template <typename Ready>
  void Add(const Segment& segment, UnixNanos now, Ready&& ready) {
    if (!MakesSense(segment.fragment)) {
      ++unplaced_;
      ready({.ip = segment.ip,
             .captured = segment.fragment.header,
             .length = segment.fragment.header + segment.fragment.length,
             .encap = segment.encap,
             .time = now});
      return;
    }
    uint32_t index = Find(segment);
    if (index != kNone && entries_[index].done) {
      if (now - entries_[index].last <= kLinger) return;  // a late copy
      Remove(index);
      index = kNone;
    }
    if (index == kNone) {
      while (entries_.used() == entries_.capacity()) {
        End(done_.oldest != kNone ? done_.oldest : open_.oldest, ready);
      }
      index = Create(segment, now);
    }
    // This packet alone never needs more than there is.
    while (chunks_.capacity() - chunks_.used() <
           ChunksMissing(entries_[index], segment.fragment)) {
      End(open_.oldest != index ? open_.oldest : entries_[index].age_next, ready);
    }
    if (Insert(entries_[index], segment, now)) GiveOut(index, ready);
  }

  // Gives out what is left of packets whose time is over at `now`; at INT64_MAX all is over,
  // also what was added then.
  template <typename Ready>
  void Expire(UnixNanos now, Ready&& ready) {
    const auto over = [now](UnixNanos since, int64_t time) {
      return now == INT64_MAX || since + time <= now;
    };
    while (open_.oldest != kNone && over(entries_[open_.oldest].created, kPatience)) {
      End(open_.oldest, ready);
    }
    while (done_.oldest != kNone && over(entries_[done_.oldest].last, kLinger)) {
      End(done_.oldest, ready);
    }
  }

  // Fragments that went into no packet: those that make no sense, and those of packets whose
  // start never came.
  uint64_t unplaced() const { return unplaced_; }
  // The earliest time at which Expire gives out a packet, or INT64_MAX.
  UnixNanos NextExpiry() const {
    return open_.oldest == kNone ? INT64_MAX : entries_[open_.oldest].created + kPatience;
  }

 private:
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr uint32_t kMaxPayload = 65'536;
  static constexpr uint32_t kChunk = 2'048;
  static constexpr uint32_t kUnit = 8;  // fragments are cut at multiples of it
  // IPv6's header, and routing through a dozen segments (RFC 8754) or as much of other headers.
  static constexpr uint32_t kMaxHeader = 256;

  struct Entry {
    IpAddress source, destination;
    uint32_t id;
    uint32_t encap_tag;  // the addresses' space
    uint8_t protocol;
    bool v4;
    bool done;     // given out; kept for a while, so that late copies start nothing
    bool started;  // the first fragment is there
    UnixNanos created;
    UnixNanos last;
    uint32_t pieces;
    uint32_t received;        // payload bytes accounted for, each once
    uint32_t total;           // payload bytes of the whole packet, 0 while not known
    uint32_t captured_limit;  // payload from here on is not all there (snapped)
    uint32_t header_length;
    uint8_t header[kMaxHeader];  // of the first fragment, or while that is missing of another
    EncapStack encap;
    uint32_t chunks[kMaxPayload / kChunk];
    uint64_t units[kMaxPayload / kUnit / 64];  // received, a bit a unit
    uint32_t bucket_next;
    uint32_t age_next, age_prev;  // in open_ or done_
  };
  struct Chunk {
    uint32_t next;
    uint8_t bytes[kChunk];
  };
  // Entries in the order in which they came into the list.
  struct AgeList {
    uint32_t oldest = kNone;
    uint32_t youngest = kNone;
  };

  static bool MakesSense(const Fragment& fragment);
  uint32_t Find(const Segment& segment);
  uint32_t Create(const Segment& segment, UnixNanos now);
  static uint32_t ChunksMissing(const Entry& entry, const Fragment& fragment);
  // True when that completes the packet.
  bool Insert(Entry& entry, const Segment& segment, UnixNanos now);
  void CopyPayload(Entry& entry, const Fragment& fragment);
  static bool Received(const Entry& entry, uint32_t unit) {
    return (entry.units[unit / 64] >> (unit % 64) & 1) != 0;
  }
  // Payload bytes from the start on that are accounted for without a gap.
  static uint32_t Contiguous(const Entry& entry);
  Datagram Assemble(const Entry& entry);
  void ReleaseChunks(Entry& entry);
  void Remove(uint32_t index);
  void Append(AgeList& list, uint32_t index);
  void Unlink(AgeList& list, uint32_t index);
  uint32_t& Bucket(uint64_t address_hash, uint32_t id);

  template <typename Ready>
  void GiveOut(uint32_t index, Ready& ready) {
    Entry& entry = entries_[index];
    ready(Assemble(entry));
    ReleaseChunks(entry);
    Unlink(open_, index);
    entry.done = true;
    Append(done_, index);
  }
  template <typename Ready>
  void End(uint32_t index, Ready& ready) {
    Entry& entry = entries_[index];
    if (!entry.done) {
      if (entry.started) {
        GiveOut(index, ready);
      } else {
        unplaced_ += entry.pieces;
        ready({.ip = entry.header,
               .captured = entry.header_length,
               .length = entry.header_length + entry.received,
               .encap = entry.encap,
               .time = entry.last});
      }
    }
    Remove(index);
  }

  Pool<Entry, &Entry::bucket_next> entries_;
  Pool<Chunk, &Chunk::next> chunks_;
  const uint32_t split_kinds_;
  std::vector<uint32_t> buckets_;
  std::vector<uint8_t> assembly_;  // a packet being given out
  AgeList open_;                   // packets that wait for pieces
  AgeList done_;                   // those given out, without payload
  uint64_t unplaced_ = 0;
};

}  // namespace mailtap::net

#endif  // MAILTAP_LIB_NET_DEFRAGMENTER_H_

#include "lib/net/defragmenter.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/net/hash.h"

namespace mailtap::net {

Defragmenter::Defragmenter(uint32_t packets, uint32_t split_kinds)
    : entries_(std::max(packets, 1u)),
      chunks_(std::max(2 * entries_.capacity(), 2 * kMaxPayload / kChunk)),
      split_kinds_(split_kinds),
      buckets_(std::bit_ceil(entries_.capacity()), kNone),
      assembly_(kMaxHeader + kMaxPayload) {}

uint32_t& Defragmenter::Bucket(uint64_t address_hash, uint32_t id) {
  return buckets_[Mix(address_hash ^ kHashSeed1, id ^ kHashSeed2) & (buckets_.size() - 1)];
}

// RFC 791, 3.2 and RFC 8200, 4.5: only the last piece may end off a multiple of eight, and none
// reaches past 64 KiB.
bool Defragmenter::MakesSense(const Fragment& fragment) {
  const bool odd = fragment.more && fragment.length % kUnit != 0;
  return fragment.length != 0 && !odd && fragment.offset + fragment.length <= kMaxPayload;
}

// IPv6's identification is the addresses' alone: only its first fragment's protocol counts.
uint32_t Defragmenter::Find(const Segment& segment) {
  const IpAddress source = segment.source();
  const IpAddress destination = segment.destination();
  const uint32_t encap_tag = EncapTag(segment.encap, split_kinds_);
  uint32_t i = Bucket(AddressHash(source, destination), segment.fragment.id);
  for (; i != kNone; i = entries_[i].bucket_next) {
    const Entry& entry = entries_[i];
    if (entry.id == segment.fragment.id && entry.encap_tag == encap_tag &&
        entry.v4 == segment.v4 && (!entry.v4 || entry.protocol == segment.fragment.protocol) &&
        entry.source == source && entry.destination == destination) {
      break;
    }
  }
  return i;
}

uint32_t Defragmenter::Create(const Segment& segment, UnixNanos now) {
  const uint32_t index = entries_.Take();
  Entry& entry = entries_[index];
  entry = Entry{};
  entry.source = segment.source();
  entry.destination = segment.destination();
  entry.id = segment.fragment.id;
  entry.encap_tag = EncapTag(segment.encap, split_kinds_);
  entry.protocol = segment.fragment.protocol;
  entry.v4 = segment.v4;
  entry.created = now;
  entry.captured_limit = kMaxPayload;
  entry.encap = segment.encap;
  std::fill(std::begin(entry.chunks), std::end(entry.chunks), kNone);
  uint32_t& bucket = Bucket(AddressHash(entry.source, entry.destination), entry.id);
  entry.bucket_next = bucket;
  bucket = index;
  Append(open_, index);
  return index;
}

bool Defragmenter::Insert(Entry& entry, const Segment& segment, UnixNanos now) {
  const Fragment& fragment = segment.fragment;
  entry.last = now;
  ++entry.pieces;
  CopyPayload(entry, fragment);
  if (!fragment.more && entry.total == 0) entry.total = fragment.offset + fragment.length;
  const bool starts = fragment.offset == 0 && fragment.header <= kMaxHeader && !entry.started;
  if (starts || entry.pieces == 1) {
    entry.header_length = std::min(fragment.header, kMaxHeader);
    std::memcpy(entry.header, segment.ip, entry.header_length);
    entry.encap = segment.encap;
    entry.started = starts;
  }
  // Pieces past the end that the last one told may stand in for missing ones in the sum.
  return entry.total != 0 && entry.started && entry.received >= entry.total &&
         Contiguous(entry) == entry.total;
}

uint32_t Defragmenter::ChunksMissing(const Entry& entry, const Fragment& fragment) {
  const uint32_t end = (fragment.offset + fragment.length + kChunk - 1) / kChunk;
  uint32_t missing = 0;
  for (uint32_t i = fragment.offset / kChunk; i < end; ++i) missing += entry.chunks[i] == kNone;
  return missing;
}

// Takes the units that are new.
void Defragmenter::CopyPayload(Entry& entry, const Fragment& fragment) {
  const uint32_t end = fragment.offset + fragment.length;
  for (uint32_t at = fragment.offset; at < end; at += kUnit) {
    const uint32_t unit = at / kUnit;
    if (Received(entry, unit)) continue;
    uint32_t& chunk = entry.chunks[at / kChunk];
    if (chunk == kNone) chunk = chunks_.Take();
    const uint32_t size = std::min(kUnit, end - at);
    const uint32_t from = at - fragment.offset;
    const uint32_t present = from < fragment.captured ? fragment.captured - from : 0;
    std::memcpy(chunks_[chunk].bytes + at % kChunk, fragment.payload + from,
                std::min(size, present));
    if (present < size) entry.captured_limit = std::min(entry.captured_limit, at + present);
    entry.units[unit / 64] |= uint64_t{1} << (unit % 64);
    entry.received += size;
  }
}

uint32_t Defragmenter::Contiguous(const Entry& entry) {
  uint32_t unit = 0;
  while (unit < kMaxPayload / kUnit && Received(entry, unit)) ++unit;
  const uint32_t end = unit * kUnit;
  return entry.total != 0 ? std::min(end, entry.total) : end;
}

Datagram Defragmenter::Assemble(const Entry& entry) {
  const uint32_t length = Contiguous(entry);
  const uint32_t captured = std::min(length, entry.captured_limit);
  uint8_t* out = assembly_.data();
  std::memcpy(out, entry.header, entry.header_length);
  const uint32_t whole = entry.header_length + length;
  if (entry.v4) {
    // A total of 0 means "as much as there is", for packets that a header cannot describe.
    const uint32_t total = whole <= UINT16_MAX ? whole : 0;
    out[2] = static_cast<uint8_t>(total >> 8);
    out[3] = static_cast<uint8_t>(total);
    out[6] = out[7] = 0;
  } else {
    constexpr uint32_t kIpv6Header = 40;
    const uint32_t rest = whole - kIpv6Header;
    const uint32_t total = rest <= UINT16_MAX ? rest : 0;
    out[4] = static_cast<uint8_t>(total >> 8);
    out[5] = static_cast<uint8_t>(total);
    // The fragment header stays, without an offset and without more to come (RFC 6946).
    out[entry.header_length - 6] = out[entry.header_length - 5] = 0;
  }
  for (uint32_t at = 0; at < captured; at += kChunk) {
    std::memcpy(out + entry.header_length + at, chunks_[entry.chunks[at / kChunk]].bytes,
                std::min(kChunk, captured - at));
  }
  return {.ip = out,
          .captured = entry.header_length + captured,
          .length = whole,
          .encap = entry.encap,
          .time = entry.last,
          .pieces = entry.pieces};
}

void Defragmenter::ReleaseChunks(Entry& entry) {
  for (uint32_t& chunk : entry.chunks) {
    if (chunk == kNone) continue;
    chunks_.Give(chunk);
    chunk = kNone;
  }
}

void Defragmenter::Remove(uint32_t index) {
  Entry& entry = entries_[index];
  ReleaseChunks(entry);
  uint32_t* link = &Bucket(AddressHash(entry.source, entry.destination), entry.id);
  while (*link != index) link = &entries_[*link].bucket_next;
  *link = entry.bucket_next;
  Unlink(entry.done ? done_ : open_, index);
  entries_.Give(index);
}

void Defragmenter::Append(AgeList& list, uint32_t index) {
  Entry& entry = entries_[index];
  entry.age_next = kNone;
  entry.age_prev = list.youngest;
  (list.youngest != kNone ? entries_[list.youngest].age_next : list.oldest) = index;
  list.youngest = index;
}

void Defragmenter::Unlink(AgeList& list, uint32_t index) {
  const Entry& entry = entries_[index];
  (entry.age_prev != kNone ? entries_[entry.age_prev].age_next : list.oldest) = entry.age_next;
  (entry.age_next != kNone ? entries_[entry.age_next].age_prev : list.youngest) =
      entry.age_prev;
}

}  // namespace mailtap::net

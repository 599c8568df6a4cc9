#include "lib/net/defragmenter.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/net/hash.h"

namespace mailtap::net {

Defragmenter::Defragmenter(uint32_t packets)
    : entries_(std::max(packets, 1u)),
      chunks_(std::max<std::size_t>(2 * entries_.size(), 2 * kMaxPayload / kChunk)),
      buckets_(std::bit_ceil(entries_.size()), kNone),
      assembly_(kMaxHeader + kMaxPayload) {
  for (uint32_t i = static_cast<uint32_t>(entries_.size()); i-- > 0;) {
    entries_[i].bucket_next = free_entries_;
    free_entries_ = i;
  }
  for (uint32_t i = static_cast<uint32_t>(chunks_.size()); i-- > 0;) {
    chunks_[i].next = free_chunks_;
    free_chunks_ = i;
    ++free_chunk_count_;
  }
}

uint32_t& Defragmenter::Bucket(uint64_t address_hash, uint32_t id) {
  return buckets_[Mix(address_hash ^ kHashSeed1, id ^ kHashSeed2) & (buckets_.size() - 1)];
}

uint32_t Defragmenter::FindOrAdd(const Segment& segment, UnixNanos now) {
  const IpAddress source = segment.source();
  const IpAddress destination = segment.destination();
  uint32_t& bucket = Bucket(AddressHash(source, destination), segment.fragment.id);
  for (uint32_t i = bucket; i != kNone; i = entries_[i].bucket_next) {
    const Entry& entry = entries_[i];
    if (entry.id == segment.fragment.id && entry.protocol == segment.fragment.protocol &&
        entry.source == source && entry.destination == destination) {
      return i;
    }
  }
  const uint32_t index = free_entries_;
  if (index == kNone) return kNone;
  Entry& entry = entries_[index];
  free_entries_ = entry.bucket_next;
  entry = Entry{};
  entry.source = source;
  entry.destination = destination;
  entry.id = segment.fragment.id;
  entry.protocol = segment.fragment.protocol;
  entry.v4 = segment.v4;
  entry.created = now;
  entry.captured_limit = kMaxPayload;
  entry.encap = segment.encap;
  std::fill(std::begin(entry.chunks), std::end(entry.chunks), kNone);
  entry.bucket_next = bucket;
  bucket = index;
  entry.age_next = kNone;
  entry.age_prev = youngest_;
  (youngest_ != kNone ? entries_[youngest_].age_next : oldest_) = index;
  youngest_ = index;
  return index;
}

Defragmenter::Place Defragmenter::Insert(const Segment& segment, UnixNanos now) {
  const Fragment& fragment = segment.fragment;
  const uint32_t end = fragment.offset + fragment.length;
  // Only the last piece may end off a multiple of eight; none may reach past 64 KiB.
  const bool odd = fragment.more && fragment.length % kUnit != 0;
  if (fragment.length == 0 || odd || end > kMaxPayload) return {};
  const uint32_t index = FindOrAdd(segment, now);
  if (index == kNone) return {};
  Entry& entry = entries_[index];
  entry.last = now;
  ++entry.pieces;
  if (entry.done) return {.kept = true, .entry = index};
  if (!CopyPayload(entry, fragment)) return {.entry = index};
  if (!fragment.more) entry.total = end;
  if (fragment.offset == 0 && entry.header_length == 0 && fragment.header <= kMaxHeader) {
    std::memcpy(entry.header, segment.ip, fragment.header);
    entry.header_length = fragment.header;
    entry.encap = segment.encap;
  }
  const bool complete =
      entry.total != 0 && entry.header_length != 0 && entry.received >= entry.total;
  return {.kept = true, .complete = complete, .entry = index};
}

// Takes the units that are new. False when there is no chunk for them.
bool Defragmenter::CopyPayload(Entry& entry, const Fragment& fragment) {
  const uint32_t end = fragment.offset + fragment.length;
  for (uint32_t at = fragment.offset; at < end; at += kUnit) {
    const uint32_t unit = at / kUnit;
    if (Received(entry, unit)) continue;
    uint32_t& chunk = entry.chunks[at / kChunk];
    if (chunk == kNone) {
      if (free_chunks_ == kNone) return false;
      chunk = free_chunks_;
      free_chunks_ = chunks_[chunk].next;
      --free_chunk_count_;
    }
    const uint32_t size = std::min(kUnit, end - at);
    const uint32_t from = at - fragment.offset;
    const uint32_t present = from < fragment.captured ? fragment.captured - from : 0;
    std::memcpy(chunks_[chunk].bytes + at % kChunk, fragment.payload + from,
                std::min(size, present));
    if (present < size) entry.captured_limit = std::min(entry.captured_limit, at + present);
    entry.units[unit / 64] |= uint64_t{1} << (unit % 64);
    entry.received += size;
  }
  return true;
}

uint32_t Defragmenter::Contiguous(const Entry& entry) const {
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
    chunks_[chunk].next = free_chunks_;
    free_chunks_ = chunk;
    ++free_chunk_count_;
    chunk = kNone;
  }
}

void Defragmenter::Remove(uint32_t index) {
  Entry& entry = entries_[index];
  ReleaseChunks(entry);
  uint32_t* link = &Bucket(AddressHash(entry.source, entry.destination), entry.id);
  while (*link != index) link = &entries_[*link].bucket_next;
  *link = entry.bucket_next;
  (entry.age_prev != kNone ? entries_[entry.age_prev].age_next : oldest_) = entry.age_next;
  (entry.age_next != kNone ? entries_[entry.age_next].age_prev : youngest_) = entry.age_prev;
  entry.bucket_next = free_entries_;
  free_entries_ = index;
}

}  // namespace mailtap::net

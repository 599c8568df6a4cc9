#include "lib/pipeline/intern.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/net/hash.h"

namespace mailtap::pipeline {
namespace {

uint64_t HashBytes(absl::string_view bytes) {
  uint64_t hash = net::StartHash(bytes.size());
  for (const char c : bytes) hash = net::AddToHash(hash, static_cast<uint8_t>(c));
  return hash;
}

}  // namespace

NameTable::NameTable(uint32_t capacity)
    : entries_(std::max(capacity, 1u)), buckets_(std::bit_ceil(entries_.capacity()), kNone) {}

uint32_t& NameTable::Bucket(absl::string_view name) {
  return buckets_[HashBytes(name) & (buckets_.size() - 1)];
}

uint32_t NameTable::Acquire(absl::string_view name) {
  uint32_t& bucket = Bucket(name);
  for (uint32_t i = bucket; i != kNone; i = entries_[i].next) {
    if (Get(i) == name) {
      ++entries_[i].users;
      return i;
    }
  }
  const uint32_t number = entries_.Take();
  if (number == kNone) return kNone;
  Entry& entry = entries_[number];
  entry.users = 1;
  entry.length = static_cast<uint8_t>(name.size());
  std::memcpy(entry.text, name.data(), name.size());
  entry.next = bucket;
  bucket = number;
  return number;
}

void NameTable::Release(uint32_t number) {
  if (--entries_[number].users != 0) return;
  uint32_t* link = &Bucket(Get(number));
  while (*link != number) link = &entries_[*link].next;
  *link = entries_[number].next;
  entries_.Give(number);
}

EncapTable::EncapTable(uint32_t capacity)
    : capacity_(std::min(capacity, 65'535u)), slots_(std::bit_ceil(2 * capacity_ + 2)) {
  stacks_.reserve(capacity_ + 1);
  stacks_.emplace_back();
}

uint16_t EncapTable::Number(const net::EncapStack& stack, bool& full) {
  full = false;
  if (stack.depth == 0) return 0;
  uint64_t hash = net::StartHash(stack.depth);
  for (uint32_t i = 0; i < stack.depth; ++i) {
    const uint64_t layer =
        static_cast<uint64_t>(stack.layers[i].kind) << 32 | stack.layers[i].id;
    hash = net::AddToHash(hash, layer);
  }
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    if (stacks_[slots_[at]] == stack) return slots_[at];
  }
  full = stacks_.size() > capacity_;
  if (full) return 0;
  slots_[at] = static_cast<uint16_t>(stacks_.size());
  stacks_.push_back(stack);
  return slots_[at];
}

}  // namespace mailtap::pipeline

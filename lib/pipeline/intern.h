// Small tables of distinct values that sessions refer to by number: server names and
// encapsulation stacks. Few values are shared by many sessions, so a number costs a session
// less than a copy. One worker owns each; allocated by the constructor.
#ifndef MAILTAP_LIB_PIPELINE_INTERN_H_
#define MAILTAP_LIB_PIPELINE_INTERN_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/base/pool.h"
#include "lib/meter/records.h"
#include "lib/net/encap.h"

namespace mailtap::pipeline {

// Names with a count of their users; a name is forgotten with its last one.
class NameTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit NameTable(uint32_t capacity);

  // The number of `name` (at most NameRecord::kMaxLength bytes), for one more user; kNone when
  // the table is full.
  uint32_t Acquire(absl::string_view name);
  void Release(uint32_t number);
  absl::string_view Get(uint32_t number) const {
    return {entries_[number].text, entries_[number].length};
  }
  std::size_t bytes() const {
    return entries_.bytes() + buckets_.capacity() * sizeof(uint32_t);
  }

 private:
  struct Entry {
    uint32_t users = 0;
    uint32_t next = kNone;  // in its bucket, or in the free list
    uint8_t length = 0;
    char text[meter::NameRecord::kMaxLength];
  };
  uint32_t& Bucket(absl::string_view name);

  Pool<Entry, &Entry::next> entries_;
  std::vector<uint32_t> buckets_;
};

// Encapsulation stacks, kept for good: a network has few. Number 0 is the empty stack.
class EncapTable {
 public:
  // At most 65,535 stacks.
  explicit EncapTable(uint32_t capacity);

  // The number of `stack`; 0, and `full` set, when there is no room for a new one.
  uint16_t Number(const net::EncapStack& stack, bool& full);
  const net::EncapStack& Get(uint16_t number) const { return stacks_[number]; }
  // Stacks there are; their numbers go from 1 to this.
  uint32_t size() const { return static_cast<uint32_t>(stacks_.size()) - 1; }

 private:
  uint32_t capacity_;
  std::vector<net::EncapStack> stacks_;
  std::vector<uint16_t> slots_;  // open addressing; 0: empty
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_INTERN_H_

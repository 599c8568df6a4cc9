// A hash that is the same in every process, on every machine and in every version: ids are made
// of it. (absl::Hash is seeded anew in each process.)
#ifndef MAILTAP_LIB_CONTROL_STABLE_HASH_H_
#define MAILTAP_LIB_CONTROL_STABLE_HASH_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace mailtap::control {

// 64-bit FNV-1a (Fowler, Noll, Vo) with the finalizer of MurmurHash3, as FNV alone leaves the
// high bits of short, similar texts alike.
constexpr uint64_t StableHash(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return hash ^ hash >> 33;
}

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_STABLE_HASH_H_

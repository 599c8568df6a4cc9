// The names that servers, or their clients, claimed in conversations: believed only by relay
// entries that trust claims.
#ifndef MAILTAP_LIB_CONTROL_CLAIM_BOOK_H_
#define MAILTAP_LIB_CONTROL_CLAIM_BOOK_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "lib/base/archive.h"
#include "lib/control/trim.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Control thread only.
class ClaimBook {
 public:
  // `most`: conversations of which claims are kept; those whose last claim is the earliest go
  // first.
  explicit ClaimBook(std::size_t most) : most_(most) {}

  // A name is kept for its conversation once.
  void Add(const meter::NameRecord& name) {
    Claims& claims = claims_[name.key];
    claims.last = std::max(claims.last, name.time);
    const absl::string_view text(name.text, name.length);
    if (std::find(claims.names.begin(), claims.names.end(), text) != claims.names.end()) return;
    if (claims.names.size() == kMostNames) return;
    claims.names.emplace_back(text);
    fresh_.push_back(name.key);
  }

  // The conversation's names, in no order.
  const std::vector<std::string>& Of(const meter::ConversationKey& key) const {
    static const auto* const kNone = new std::vector<std::string>;
    const auto found = claims_.find(key);
    return found == claims_.end() ? *kNone : found->second.names;
  }

  // The conversations in which a new name was claimed since the last call, each once, sorted.
  std::vector<meter::ConversationKey> TakeFresh() {
    std::vector<meter::ConversationKey> keys = std::exchange(fresh_, {});
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
  }

  // All of them, between TakeFresh() and the next Add(); and the way back, into a book that is
  // new. Nothing is fresh then.
  void Save(ArchiveWriter& out) const {
    out.Put(uint64_t{claims_.size()});
    for (const auto& [key, claims] : claims_) {
      out.Put(key);
      out.Put(claims.last);
      out.Put(uint64_t{claims.names.size()});
      for (const std::string& name : claims.names) out.PutText(name);
    }
  }
  void Restore(ArchiveReader& in) {
    for (std::size_t n = in.GetCount(sizeof(meter::ConversationKey)); n > 0 && in.ok(); --n) {
      Claims& claims = claims_[in.Get<meter::ConversationKey>()];
      in.Get(claims.last);
      claims.names.resize(in.GetCount(sizeof(uint32_t)));
      for (std::string& name : claims.names) name = in.GetText();
    }
  }

  // Forgets what is over the bound. Returns how much.
  std::size_t Trim() {
    return TrimMap(claims_, most_, [](const Claims& claims) { return claims.last; });
  }

 private:
  static constexpr std::size_t kMostNames = 16;  // of a conversation

  struct Claims {
    UnixNanos last = 0;
    std::vector<std::string> names;
  };

  const std::size_t most_;
  absl::flat_hash_map<meter::ConversationKey, Claims> claims_;
  std::vector<meter::ConversationKey> fresh_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_CLAIM_BOOK_H_

// The relay entries that count a conversation: the one that approves it, or those on trial that
// would.
#ifndef MAILTAP_LIB_CONTROL_RELAY_SETS_H_
#define MAILTAP_LIB_CONTROL_RELAY_SETS_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "lib/control/conversation_table.h"

namespace mailtap::control {

// A conversation has room for one number. Of one entry it is the entry's index; of several,
// which entries on trial may be, that of a list that all conversations with these entries
// share. Lists stay until a reload begins with none. Control thread only.
class RelaySets {
 public:
  // `entries`: indices, ascending.
  void Set(Conversation& conversation, absl::Span<const uint32_t> entries) {
    conversation.several_relays = entries.size() > 1;
    if (entries.empty()) {
      conversation.relay = kNone;
    } else if (entries.size() == 1) {
      conversation.relay = entries.front();
    } else {
      const auto [at, added] = numbers_.try_emplace({entries.begin(), entries.end()},
                                                    static_cast<uint32_t>(sets_.size()));
      if (added) sets_.push_back(at->first);
      conversation.relay = at->second;
    }
  }
  // Until the next Set(), and as long as the conversation stays where it is.
  absl::Span<const uint32_t> Of(const Conversation& conversation) const {
    if (conversation.several_relays) return sets_[conversation.relay];
    return absl::MakeConstSpan(&conversation.relay, conversation.relay == kNone ? 0 : 1);
  }

 private:
  std::map<std::vector<uint32_t>, uint32_t> numbers_;
  std::vector<std::vector<uint32_t>> sets_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_SETS_H_

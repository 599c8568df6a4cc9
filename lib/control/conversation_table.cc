#include "lib/control/conversation_table.h"

#include <algorithm>

namespace mailtap::control {

uint32_t ConversationTable::Add(const meter::ConversationKey& key) {
  uint32_t id;
  if (free_.empty()) {
    id = static_cast<uint32_t>(conversations_.size());
    conversations_.emplace_back();
    places_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
    conversations_[id] = Conversation{};
    places_[id] = Place{};
  }
  conversations_[id].key = key;
  conversations_[id].known = true;
  numbers_.insert(id);
  return id;
}

void ConversationTable::Remove(uint32_t id) {
  numbers_.erase(id);
  conversations_[id].known = false;
  free_.push_back(id);
}

void ConversationTable::Link(uint32_t id, Role role, uint32_t& head) {
  const int end = static_cast<int>(role);
  places_[id].next[end] = head;
  places_[id].previous[end] = kNone;
  if (head != kNone) places_[head].previous[end] = id;
  head = id;
}

void ConversationTable::Unlink(uint32_t id, Role role, uint32_t& head) {
  const int end = static_cast<int>(role);
  const uint32_t next = places_[id].next[end];
  const uint32_t previous = places_[id].previous[end];
  if (next != kNone) places_[next].previous[end] = previous;
  if (previous != kNone) {
    places_[previous].next[end] = next;
  } else {
    head = next;
  }
}

std::vector<uint32_t> ConversationTable::LongestIdle(std::size_t count) const {
  std::vector<uint32_t> ids;
  ids.reserve(size());
  for (uint32_t id = 0; id < conversations_.size(); ++id) {
    if (conversations_[id].known) ids.push_back(id);
  }
  if (count >= ids.size()) return ids;
  std::nth_element(ids.begin(), ids.begin() + count, ids.end(), [&](uint32_t x, uint32_t y) {
    const Conversation& a = conversations_[x];
    const Conversation& b = conversations_[y];
    return a.last_tick != b.last_tick ? a.last_tick < b.last_tick : a.key < b.key;
  });
  ids.resize(count);
  return ids;
}

}  // namespace mailtap::control

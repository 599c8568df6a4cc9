#include "lib/control/conversation_table.h"

#include <algorithm>
#include <utility>

#include "lib/control/places.h"

namespace mailtap::control {

uint32_t ConversationTable::Add(uint32_t hash, const meter::ConversationKey& key) {
  const uint32_t id = TakePlace(conversations_, free_);
  places_.resize(conversations_.size());
  links_.resize(conversations_.size());
  places_[id] = Place{};
  links_[id] = Links{};
  conversations_[id].key = key;
  conversations_[id].known = true;
  links_[id].next_of_hash = heads_.Set(hash, id);
  if (indexes_servers_) AddToServer(id);
  return id;
}

uint32_t ConversationTable::FindAt(uint32_t hash, const meter::ConversationKey& key,
                                   uint32_t tick) const {
  const uint32_t first = FindFirst(hash);
  uint32_t found = kNone;
  // What is retired has counted nothing after its last tick, and each one after it only what
  // came then: of those that reach up to `tick` it is the earliest.
  for (uint32_t id = first; id != kNone; id = links_[id].next_of_hash) {
    const Conversation& c = conversations_[id];
    if (!c.retired || c.key != key || c.last_tick < tick) continue;
    if (found == kNone || c.last_tick < conversations_[found].last_tick) found = id;
  }
  return found != kNone ? found : FindFrom(first, key);
}

void ConversationTable::Retire(uint32_t id) {
  if (indexes_servers_) TakeFromServer(id);
  conversations_[id].retired = true;
}

void ConversationTable::Remove(uint32_t hash, uint32_t id) {
  if (indexes_servers_ && !conversations_[id].retired) TakeFromServer(id);
  Unhash(hash, id);
  conversations_[id].known = false;
  free_.push_back(id);
}

void ConversationTable::Unhash(uint32_t hash, uint32_t id) {
  const uint32_t first = heads_.Find(hash);
  const uint32_t next = links_[id].next_of_hash;
  if (first != id) {
    uint32_t before = first;
    while (links_[before].next_of_hash != id) before = links_[before].next_of_hash;
    links_[before].next_of_hash = next;
  } else if (next != kNone) {
    heads_.Set(hash, next);
  } else {
    heads_.Erase(hash);
  }
}

void ConversationTable::IndexServers(bool on) {
  if (on == indexes_servers_) return;
  indexes_servers_ = on;
  first_of_server_.clear();
  if (!on) return;
  ForEach([this](uint32_t id) {
    if (!conversations_[id].retired) AddToServer(id);
  });
}

void ConversationTable::AddToServer(uint32_t id) {
  const auto [first, added] =
      first_of_server_.try_emplace(ServerOf(conversations_[id].key), id);
  links_[id].previous_of_server = kNone;
  links_[id].next_of_server = added ? kNone : std::exchange(first->second, id);
  if (!added) links_[links_[id].next_of_server].previous_of_server = id;
}

void ConversationTable::TakeFromServer(uint32_t id) {
  const uint32_t next = links_[id].next_of_server;
  const uint32_t previous = links_[id].previous_of_server;
  if (next != kNone) links_[next].previous_of_server = previous;
  if (previous != kNone) {
    links_[previous].next_of_server = next;
    return;
  }
  const auto first = first_of_server_.find(ServerOf(conversations_[id].key));
  if (next != kNone) {
    first->second = next;
  } else {
    first_of_server_.erase(first);
  }
}

void ConversationTable::Link(uint32_t id, Role role, uint32_t& head) {
  const int end = static_cast<int>(role);
  links_[id].next[end] = head;
  links_[id].previous[end] = kNone;
  if (head != kNone) links_[head].previous[end] = id;
  head = id;
}

void ConversationTable::Unlink(uint32_t id, Role role, uint32_t& head) {
  const int end = static_cast<int>(role);
  const uint32_t next = links_[id].next[end];
  const uint32_t previous = links_[id].previous[end];
  if (next != kNone) links_[next].previous[end] = previous;
  if (previous != kNone) {
    links_[previous].next[end] = next;
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

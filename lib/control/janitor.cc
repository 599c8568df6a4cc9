#include "lib/control/janitor.h"

#include <algorithm>
#include <vector>

#include "lib/control/trim.h"

namespace mailtap::control {

void Janitor::Tidy(int64_t tick) {
  TidyLogs(state_.evidence, state_.bounds.evidence_rows);
  TidyLogs(state_.failures, state_.bounds.failure_rows);
  state_.forgotten += state_.windows.Trim(state_.bounds.window_rows);
  state_.forgotten += state_.names.Trim() + state_.claims.Trim();
  TidyRetired(tick);
  TidyConversations();
  TidyHosts();
}

template <typename Log>
void Janitor::TidyLogs(std::vector<Log>& logs, std::size_t most) {
  for (;;) {
    std::size_t rows = 0;
    Log* longest = nullptr;
    for (Log& log : logs) {
      rows += log.rows();
      if (!log.can_drop()) continue;
      if (longest == nullptr || log.rows() > longest->rows()) longest = &log;
    }
    if (rows <= most || longest == nullptr) return;
    state_.forgotten += longest->DropOldest();
  }
}

// No window reaches back further than a day and a bucket of it.
void Janitor::TidyRetired(int64_t tick) {
  constexpr int64_t kLongest = 86'400 + 86'400 / 60;
  while (!state_.retired.empty()) {
    const uint32_t id = state_.retired.front();
    const Conversation& conversation = state_.conversations.at(id);
    // Where a bound was reached, it has been forgotten already, and its number may be
    // another's.
    const bool stays = conversation.known && conversation.retired;
    if (stays && tick - state_.first_tick - conversation.last_tick <= kLongest) return;
    if (stays) TidyKey(id);
    state_.retired.pop_front();
  }
}

// What a host's mail was last stays known while nothing takes its place: a peer is no new one
// because the policy judges it otherwise by now.
void Janitor::TidyKey(uint32_t id) {
  const Conversation& conversation = state_.conversations.at(id);
  const uint32_t hash = ConversationTable::HashOf(conversation.key);
  std::vector<uint32_t> over;
  bool succeeded = false;
  state_.conversations.ForEachOf(hash, conversation.key, [&](uint32_t other) {
    if (other == id) return;
    const Conversation& o = state_.conversations.at(other);
    const bool earlier = o.retired && o.last_tick < conversation.last_tick;
    if (earlier) over.push_back(other);
    succeeded = succeeded || !earlier;
  });
  if (succeeded) over.push_back(id);
  for (const uint32_t old : over) Forget(old);
}

void Janitor::TidyConversations() {
  const std::size_t excess = Excess(state_.conversations.size(), state_.bounds.conversations);
  if (excess == 0) return;
  for (const uint32_t id : state_.conversations.LongestIdle(excess)) Forget(id);
  state_.forgotten += excess;
}

void Janitor::Forget(uint32_t id) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    const int end = static_cast<int>(role);
    const uint32_t lane = state_.conversations.at(id).lanes[end];
    if (lane == kNone) continue;
    Host& host = state_.hosts.at(state_.hosts.lane(lane).host);
    state_.conversations.Unlink(id, role, host.first_conversation[end]);
    const uint32_t peer = state_.conversations.peer(id, role);
    if (peer != kNone) state_.windows.peers().Release(peer);
  }
  for (EvidenceLog& log : state_.evidence) log.Forget(id);
  state_.conversations.Remove(ConversationTable::HashOf(state_.conversations.at(id).key), id);
}

bool Janitor::IsIdle(uint32_t id) const {
  const Host& host = state_.hosts.at(id);
  if (host.first_conversation[0] != kNone || host.first_conversation[1] != kNone) return false;
  if (state_.windows.LiveOf(id) > 0) return false;
  for (uint32_t e = host.first_entity; e != kNone; e = state_.windows.at(e).next_of_host) {
    if (state_.windows.at(e).alert != kNone) return false;
  }
  return true;
}

void Janitor::TidyHosts() {
  if (state_.hosts.size() <= hosts_allowed_) return;
  const std::size_t excess = Excess(state_.hosts.size(), state_.bounds.hosts);
  const std::vector<uint32_t> idle =
      state_.hosts.LongestIdle(excess, [this](uint32_t id) { return IsIdle(id); });
  for (const uint32_t id : idle) {
    uint32_t entity = state_.hosts.at(id).first_entity;
    while (entity != kNone) {
      const uint32_t next = state_.windows.at(entity).next_of_host;
      state_.windows.Remove(entity);
      entity = next;
    }
    state_.hosts.RemoveHost(id);
  }
  state_.forgotten += idle.size();
  // Hosts in use stay, whatever the bound; then it is no use to look for idle ones every tick.
  hosts_allowed_ = std::max(state_.bounds.hosts, state_.hosts.size() + state_.bounds.hosts / 8);
}

}  // namespace mailtap::control

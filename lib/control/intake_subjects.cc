// Whom records are about: conversations, hosts' lanes, and the entities of the rules that count
// them; and what becomes of them when they are judged anew.
#include <algorithm>
#include <cassert>
#include <utility>

#include "lib/control/intake.h"

namespace mailtap::control {

uint32_t Intake::NewConversation(uint32_t hash, const meter::ConversationKey& key,
                                 const Judgement& judgement) {
  const uint32_t id = state_.conversations.Add(hash, key);
  Conversation& conversation = state_.conversations.at(id);
  conversation.verdict = judgement.verdict;
  SetRelays(conversation, judgement);
  for (const Role role : {Role::kClient, Role::kServer}) {
    const int end = static_cast<int>(role);
    if (!judgement.internal[end]) continue;
    const uint32_t lane_id =
        LaneOf(EndOf(key, role), {role, key.service, judgement.verdict, key.tls});
    const Lane& lane = state_.hosts.lane(lane_id);
    conversation.lanes[end] = lane_id;
    state_.conversations.Link(id, role, state_.hosts.at(lane.host).first_conversation[end]);
    if (lane.counts_peers) SetPeer(id, role, lane);
  }
  conversation.evidence_set = EvidenceSetOf(conversation);
  return id;
}

void Intake::SetRelays(Conversation& conversation, const Judgement& judgement) {
  if (judgement.relay != kNoRelay) {
    state_.relay_sets.Set(conversation, absl::MakeConstSpan(&judgement.relay, 1));
  } else {
    state_.relay_sets.Set(conversation, judgement.observed);
  }
  for (const uint32_t relay : state_.relay_sets.Of(conversation)) {
    if (!state_.relays.AddClient(relay, ClientOf(conversation.key))) ++state_.forgotten;
  }
}

// The lane's rules count peers, or no longer do.
void Intake::SetPeer(uint32_t id, Role role, const Lane& lane) {
  PeerTable& peers = state_.windows.peers();
  uint32_t& peer = state_.conversations.peer(id, role);
  if (lane.counts_peers) {
    const meter::ConversationKey& key = state_.conversations.at(id).key;
    peer = peers.Acquire(lane.host, role, role == Role::kClient ? key.server : key.client);
  } else {
    peers.Release(peer);
    peer = kNone;
  }
}

uint32_t Intake::LaneOf(const HostKey& end, const RuleIndex::Kind& kind) {
  const uint32_t host = HostOf(end);
  const uint32_t known = state_.hosts.FindLane(host, kind);
  if (known != kNone) return known;
  const uint32_t id = state_.hosts.AddLane(host, kind);
  SetRules(id);
  return id;
}

uint32_t Intake::HostOf(const HostKey& key) {
  const uint32_t known = state_.hosts.Find(key);
  if (known != kNone) return known;
  return state_.hosts.Add(key, state_.rules.GroupSetOf(state_.policy.GroupsOf(key.address)));
}

void Intake::SetRules(uint32_t id) {
  Lane& lane = state_.hosts.lane(id);
  const RuleSet& set = state_.rules.RulesFor(state_.hosts.at(lane.host).group_set,
                                             {lane.role, lane.service, lane.verdict, lane.tls});
  lane.counts_peers = set.counts_peers;
  lane.entities.clear();
  Attach(lane, set);
  const auto others = std::stable_partition(
      lane.entities.begin(), lane.entities.end(), [this](const Counting& counting) {
        return config::CountsPeers(state_.rules.rules()[counting.rule].metric);
      });
  lane.peer_count = static_cast<uint16_t>(others - lane.entities.begin());
}

void Intake::Attach(Lane& lane, const RuleSet& set) {
  Host& host = state_.hosts.at(lane.host);
  entity_of_rule_.assign(state_.rules.rules().size(), kNone);
  for (uint32_t id = host.first_entity; id != kNone; id = state_.windows.at(id).next_of_host) {
    const Entity& entity = state_.windows.at(id);
    if (entity.role == lane.role) entity_of_rule_[entity.rule] = id;
  }
  for (const uint16_t rule : set.rules) {
    const PreparedRule& prepared = state_.rules.rules()[rule];
    if (prepared.scope == config::Scope::kSite) {
      AddChain(lane, SharedEntity(rule, 0, lane.role));
    } else if (prepared.scope == config::Scope::kGroup) {
      for (const uint32_t group : state_.rules.Groups(host.group_set)) {
        if (!prepared.ConcernsGroup(group)) continue;
        AddChain(lane, SharedEntity(rule, group, lane.role));
      }
    } else {
      uint32_t& id = entity_of_rule_[rule];
      if (id == kNone) {
        id = state_.windows.Create(rule, lane.host, lane.role);
        state_.windows.at(id).next_of_host = host.first_entity;
        host.first_entity = id;
      }
      AddChain(lane, id);
    }
  }
}

void Intake::AddChain(Lane& lane, uint32_t entity) {
  for (; entity != kNone; entity = state_.windows.at(entity).next_condition) {
    const Entity& condition = state_.windows.at(entity);
    lane.entities.push_back({entity, condition.lead, condition.rule});
  }
}

uint32_t Intake::EntityOf(uint16_t rule, uint32_t subject, Role role) {
  if (state_.rules.rules()[rule].scope != config::Scope::kHost) {
    return SharedEntity(rule, subject, role);
  }
  uint32_t& first = state_.hosts.at(subject).first_entity;
  for (uint32_t id = first; id != kNone; id = state_.windows.at(id).next_of_host) {
    const Entity& entity = state_.windows.at(id);
    if (entity.rule == rule && entity.role == role) return id;
  }
  const uint32_t id = state_.windows.Create(rule, subject, role);
  state_.windows.at(id).next_of_host = first;
  first = id;
  return id;
}

uint32_t Intake::SharedEntity(uint16_t rule, uint32_t subject, Role role) {
  const auto [at, added] = state_.shared_entities.try_emplace({rule, subject, role}, 0);
  if (added) at->second = state_.windows.Create(rule, subject, role);
  return at->second;
}

uint32_t Intake::Restore(const meter::ConversationKey& key, const Judgement& judgement,
                         uint32_t last_tick, bool retired) {
  const uint32_t hash = ConversationTable::HashOf(key);
  const uint32_t id = NewConversation(hash, key, judgement);
  state_.conversations.at(id).last_tick = last_tick;
  KnowPeers(id);
  if (retired) {
    Retire(id);
  } else {
    RejudgeFrom(state_.last_tick + 1, id);
  }
  return id;
}

void Intake::Retire(uint32_t id) {
  state_.conversations.Retire(id);
  state_.retired.push_back(id);
}

void Intake::Rejudge(const std::vector<uint32_t>& relay_to) {
  assert(pending_count_ == 0 && rows_.empty());
  evidence_set_numbers_.clear();
  evidence_sets_.clear();
  state_.hosts.ForEach([this](uint32_t id) {
    Host& host = state_.hosts.at(id);
    host.group_set = state_.rules.GroupSetOf(state_.policy.GroupsOf(host.key.address));
    for (uint32_t lane = host.first_lane; lane != kNone;) {
      SetRules(lane);
      lane = state_.hosts.lane(lane).next_of_host;
    }
  });
  const RelaySets before = std::exchange(state_.relay_sets, {});
  state_.conversations.ForEach([&](uint32_t id) { RejudgeConversation(id, before, relay_to); });
}

bool Intake::RejudgeFrom(int64_t tick, uint32_t id) {
  tick_ = tick;
  Conversation& conversation = state_.conversations.at(id);
  const Judgement before = JudgementOf(conversation);
  const Judgement now = Judge(conversation.key, tick_);
  if (before == now) return false;
  // Nothing has noted when transit was last counted. Until now, at the latest: so sessions that
  // ended before now are found to be of it.
  if (before.verdict == config::Verdict::kTransit) {
    conversation.last_tick = static_cast<uint32_t>(tick - 1 - state_.first_tick);
  }
  Retire(id);
  return true;
}

void Intake::RejudgeConversation(uint32_t id, const RelaySets& before,
                                 const std::vector<uint32_t>& relay_to) {
  Conversation& conversation = state_.conversations.at(id);
  ObservedRelays relays;
  for (const uint32_t relay : before.Of(conversation)) {
    if (relay_to[relay] != kNoRelay) relays.push_back(relay_to[relay]);
  }
  std::sort(relays.begin(), relays.end());
  state_.relay_sets.Set(conversation, relays);
  KnowPeers(id);
  if (conversation.retired) return;
  if (RejudgeFrom(state_.last_tick + 1, id)) return;
  conversation.evidence_set = EvidenceSetOf(conversation);
}

void Intake::KnowPeers(uint32_t id) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    const uint32_t lane_id = state_.conversations.at(id).lanes[static_cast<int>(role)];
    if (lane_id == kNone) continue;
    const Lane& lane = state_.hosts.lane(lane_id);
    if (lane.counts_peers != (state_.conversations.peer(id, role) != kNone)) {
      SetPeer(id, role, lane);
    }
    const uint32_t peer = state_.conversations.peer(id, role);
    if (peer == kNone) continue;
    int64_t& met = state_.windows.peers().Met(peer);
    if (met == PeerTable::kNever) met = state_.last_tick;
  }
}

uint16_t Intake::EvidenceSetOf(const Conversation& conversation) {
  std::vector<uint16_t> logs;
  for (const uint32_t lane : conversation.lanes) {
    if (lane == kNone) continue;
    for (const Counting& counting : state_.hosts.lane(lane).entities) {
      const uint16_t log = state_.rules.rules()[counting.rule].evidence_log;
      if (std::find(logs.begin(), logs.end(), log) == logs.end()) logs.push_back(log);
    }
  }
  std::sort(logs.begin(), logs.end());
  const auto [at, added] =
      evidence_set_numbers_.try_emplace(logs, static_cast<uint16_t>(evidence_sets_.size()));
  if (added) evidence_sets_.push_back(std::move(logs));
  return at->second;
}

}  // namespace mailtap::control

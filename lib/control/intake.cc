#include "lib/control/intake.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

// False for a record that only reports attempts which never got so far as to be established: a
// scan must not fill the tables.
bool IsTraffic(const meter::DeltaRecord& d) {
  return (d.sessions | d.messages | d.rejected) != 0 ||
         (d.bytes[kUp].volume() | d.bytes[kUp].packets | d.bytes[kUp].repeated |
          d.bytes[kDown].volume() | d.bytes[kDown].packets | d.bytes[kDown].repeated) != 0;
}

void AddTo(Totals& totals, const meter::DeltaRecord& delta) {
  for (int d = 0; d < kDirectionCount; ++d) totals.bytes[d] += delta.bytes[d];
  totals.sessions += delta.sessions;
  totals.failed_sessions += delta.failed_sessions;
  totals.messages += delta.messages;
  totals.rejected += delta.rejected;
}

}  // namespace

std::vector<uint32_t> Intake::NamedOf(const meter::ConversationKey& key, int64_t tick) const {
  const RelayMatcher& relays = state_.policy.relays();
  std::vector<uint32_t> named;
  if (relays.uses_names() && key.attribution == meter::Attribution::kFull) {
    state_.dns.AddEntries(ServerOf(key), tick, named);
    for (const std::string& claim : state_.claims.Of(key)) {
      const std::vector<uint32_t> entries = relays.NamedBy(claim, /*claimed=*/true);
      named.insert(named.end(), entries.begin(), entries.end());
    }
  }
  return named;
}

Judgement Intake::Judge(const meter::ConversationKey& key, int64_t tick) const {
  return state_.policy.Judge(key, NamedOf(key, tick), tick);
}

Judgement Intake::JudgementOf(const Conversation& conversation) {
  Judgement judgement;
  judgement.verdict = conversation.verdict;
  (IsApproved(conversation.verdict) ? judgement.relay : judgement.observed) =
      conversation.relay;
  for (int end = 0; end < kRoleCount; ++end) {
    judgement.internal[end] = conversation.lanes[end] != kNone;
  }
  return judgement;
}

Judgement Intake::JudgementOf(const meter::ConversationKey& key) const {
  if (key.attribution == meter::Attribution::kFull) {
    const uint32_t id = state_.conversations.Find(ConversationTable::HashOf(key), key);
    if (id != kNone) return JudgementOf(state_.conversations.at(id));
  }
  return Judge(key, tick_);
}

void Intake::Flush() {
  std::array<uint64_t, kBatch> hashes;
  for (std::size_t i = 0; i < pending_count_; ++i) {
    hashes[i] = ConversationTable::HashOf(pending_[i].key);
    state_.conversations.PrefetchHash(hashes[i]);
  }
  std::array<uint32_t, kBatch> firsts;
  for (std::size_t i = 0; i < pending_count_; ++i) {
    firsts[i] = state_.conversations.FindFirst(hashes[i]);
  }
  for (std::size_t i = 0; i < pending_count_; ++i) Gather(hashes[i], firsts[i], pending_[i]);
  pending_count_ = 0;
}

bool Intake::MayChange(const Conversation& conversation) const {
  const RelayMatcher& relays = state_.policy.relays();
  if (conversation.relay != kNoRelay && relays.MayEnd(conversation.relay)) return true;
  return relays.uses_names() && (conversation.verdict == Verdict::kUnapprovedExternal ||
                                 conversation.verdict == Verdict::kUnapprovedInternal);
}

void Intake::Gather(uint64_t hash, uint32_t first, const meter::DeltaRecord& delta) {
  state_.first_packet = std::min(state_.first_packet, delta.first_seen);
  if (delta.key.attribution != meter::Attribution::kFull) {
    const auto service = static_cast<int>(delta.key.service);
    AddTo(state_.totals[service][static_cast<int>(Verdict::kUnattributed)], delta);
    return;
  }
  uint32_t id = kNone;
  if (IsTraffic(delta)) {
    id = state_.conversations.FindFrom(first, delta.key);
    // It may have become known since `first` was looked up.
    if (id == kNone) id = state_.conversations.Find(hash, delta.key);
  }
  if (id == kNone || MayChange(state_.conversations.at(id))) {
    waiting_.push_back(delta);
  } else {
    Count(id, delta);
  }
}

void Intake::Settle(int64_t tick) {
  tick_ = tick;
  for (const meter::DeltaRecord& delta : waiting_) {
    if (!IsTraffic(delta)) {
      const auto service = static_cast<int>(delta.key.service);
      const Judgement judgement = JudgementOf(delta.key);
      AddTo(state_.totals[service][static_cast<int>(judgement.verdict)], delta);
      GatherFailed(delta, judgement);
      continue;
    }
    const uint64_t hash = ConversationTable::HashOf(delta.key);
    uint32_t id = state_.conversations.Find(hash, delta.key);
    if (id == kNone) {
      id = NewConversation(hash, delta.key, Judge(delta.key, tick_));
      NoteServer(delta);
    }
    Count(id, delta);
  }
  waiting_.clear();
}

void Intake::Count(uint32_t id, const meter::DeltaRecord& delta) {
  Conversation& conversation = state_.conversations.at(id);
  const auto service = static_cast<int>(delta.key.service);
  AddTo(state_.totals[service][static_cast<int>(conversation.verdict)], delta);
  if (conversation.relay != kNone) state_.relays.Count(conversation.relay, delta);
  if (conversation.verdict == Verdict::kTransit) return;
  if (delta.failed_sessions > 0) GatherFailed(delta, JudgementOf(conversation));
  if (conversation.tick_row == kNone) {
    conversation.tick_row = static_cast<uint32_t>(rows_.size());
    rows_.push_back({.conversation = id});
  }
  rows_[conversation.tick_row].Add(delta);
}

// Of a conversation that is new: what it tells of its server.
void Intake::NoteServer(const meter::DeltaRecord& delta) {
  const bool whole = delta.key.attribution == meter::Attribution::kFull;
  // A proxy that has carried mail carries other things too.
  if (whole && delta.proxied == 0 && !state_.config->IsMailPort(delta.key.server_port)) {
    state_.servers.Add(delta.key);
  }
}

uint32_t Intake::NewConversation(uint64_t hash, const meter::ConversationKey& key,
                                 const Judgement& judgement) {
  const uint32_t id = state_.conversations.Add(hash, key);
  Conversation& conversation = state_.conversations.at(id);
  conversation.verdict = judgement.verdict;
  conversation.relay = judgement.relay != kNoRelay ? judgement.relay : judgement.observed;
  if (conversation.relay != kNoRelay &&
      !state_.relays.AddClient(conversation.relay, ClientOf(key))) {
    ++state_.forgotten;
  }
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

void Intake::GatherFailed(const meter::DeltaRecord& delta, const Judgement& judgement) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    if (!judgement.internal[static_cast<int>(role)]) continue;
    const RuleIndex::Kind kind{role, delta.key.service, judgement.verdict, delta.key.tls};
    // A scan must not fill the tables unless somebody asked for it to be counted.
    if (!state_.rules.CountsFailed(kind)) continue;
    const uint32_t lane_id = LaneOf(EndOf(delta.key, role), kind);
    Lane& lane = state_.hosts.lane(lane_id);
    lane.failed += delta.failed_sessions;
    lane.failed_seen = std::max(lane.failed_seen, delta.last_seen);
    Touch(lane_id, lane);
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
    lane.entities.push_back(entity);
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
                         bool retired) {
  const uint64_t hash = ConversationTable::HashOf(key);
  const uint32_t id = NewConversation(hash, key, judgement);
  if (retired) {
    Retire(id);
  } else {
    RejudgeFrom(state_.last_tick + 1, id);
  }
  return id;
}

void Intake::Retire(uint32_t id) {
  const meter::ConversationKey& key = state_.conversations.at(id).key;
  state_.conversations.Retire(ConversationTable::HashOf(key), id);
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
  state_.conversations.ForEach([&](uint32_t id) { RejudgeConversation(id, relay_to); });
}

bool Intake::RejudgeFrom(int64_t tick, uint32_t id) {
  tick_ = tick;
  const Conversation& conversation = state_.conversations.at(id);
  const Judgement before = JudgementOf(conversation);
  const Judgement now = Judge(conversation.key, tick_);
  if (before == now) return false;
  Retire(id);
  return true;
}

void Intake::RejudgeConversation(uint32_t id, const std::vector<uint32_t>& relay_to) {
  Conversation& conversation = state_.conversations.at(id);
  if (conversation.retired) return;
  if (conversation.relay != kNoRelay) conversation.relay = relay_to[conversation.relay];
  if (RejudgeFrom(state_.last_tick + 1, id)) return;
  for (const Role role : {Role::kClient, Role::kServer}) {
    const uint32_t lane_id = conversation.lanes[static_cast<int>(role)];
    if (lane_id == kNone) continue;
    const Lane& lane = state_.hosts.lane(lane_id);
    if (lane.counts_peers == (state_.conversations.peer(id, role) != kNone)) continue;
    SetPeer(id, role, lane);
    // Whom it knew before peers were told apart is not new to it.
    const uint32_t peer = state_.conversations.peer(id, role);
    if (peer == kNone) continue;
    int64_t& met = state_.windows.peers().Met(peer);
    if (met == PeerTable::kNever) met = state_.last_tick;
  }
  conversation.evidence_set = EvidenceSetOf(conversation);
}

uint16_t Intake::EvidenceSetOf(const Conversation& conversation) {
  std::vector<uint16_t> logs;
  for (const uint32_t lane : conversation.lanes) {
    if (lane == kNone) continue;
    for (const uint32_t entity : state_.hosts.lane(lane).entities) {
      const uint16_t log = state_.windows.rule_of(state_.windows.at(entity)).evidence_log;
      if (std::find(logs.begin(), logs.end(), log) == logs.end()) logs.push_back(log);
    }
  }
  std::sort(logs.begin(), logs.end());
  const auto [at, added] =
      evidence_set_numbers_.try_emplace(logs, static_cast<uint16_t>(evidence_sets_.size()));
  if (added) evidence_sets_.push_back(std::move(logs));
  return at->second;
}

void Intake::Fold(int64_t tick) {
  state_.rules.StartTick(tick);
  const int64_t length = state_.config->metrics.capture_window_seconds;
  period_ = tick / length;
  period_start_ = period_ * length - state_.first_tick;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Prefetch(i);
    FoldRow(rows_[i], tick);
  }
  rows_.clear();

  constexpr std::size_t kLaneAhead = 16, kAhead = 8;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (i + kLaneAhead < lanes_.size()) state_.hosts.PrefetchLane(lanes_[i + kLaneAhead]);
    if (i + kAhead < lanes_.size()) {
      const Lane& soon = state_.hosts.lane(lanes_[i + kAhead]);
      state_.hosts.Prefetch(soon.host);
      for (const uint32_t entity : soon.entities) state_.windows.Prefetch(entity);
    }
    CountLane(state_.hosts.lane(lanes_[i]), tick);
  }
  lanes_.clear();
}

// Each line is asked for when the one that names it has had time to come.
void Intake::Prefetch(std::size_t row) const {
  constexpr std::size_t kConversationAhead = 24, kLaneAhead = 16, kEntityAhead = 8;
  if (row + kConversationAhead < rows_.size()) {
    const uint32_t id = rows_[row + kConversationAhead].conversation;
    state_.conversations.Prefetch(id);
    if (state_.rules.peer_slots() > 0) state_.conversations.PrefetchPlace(id);
    for (const EvidenceLog& log : state_.evidence) log.Prefetch(id);
  }
  if (row + kLaneAhead < rows_.size()) {
    const uint32_t id = rows_[row + kLaneAhead].conversation;
    const Conversation& conversation = state_.conversations.at(id);
    for (const uint32_t lane : conversation.lanes) {
      if (lane != kNone) state_.hosts.PrefetchLane(lane);
    }
    for (const uint16_t log : evidence_sets_[conversation.evidence_set]) {
      state_.evidence[log].PrefetchRow(id);
    }
  }
  if (state_.rules.peer_slots() > 0 && row + kEntityAhead < rows_.size()) {
    PrefetchPeers(rows_[row + kEntityAhead].conversation);
  }
}

void Intake::PrefetchPeers(uint32_t conversation) const {
  for (const Role role : {Role::kClient, Role::kServer}) {
    const uint32_t lane = state_.conversations.at(conversation).lanes[static_cast<int>(role)];
    if (lane == kNone || !state_.hosts.lane(lane).counts_peers) continue;
    state_.windows.peers().Prefetch(state_.conversations.peer(conversation, role));
    for (const uint32_t entity : state_.hosts.lane(lane).entities) {
      state_.windows.Prefetch(entity);
    }
  }
}

void Intake::FoldRow(const TickRow& row, int64_t tick) {
  Conversation& conversation = state_.conversations.at(row.conversation);
  conversation.tick_row = kNone;
  const Sight sight = SightOf(conversation, row);
  state_
      .totals[static_cast<int>(conversation.key.service)]
             [static_cast<int>(conversation.verdict)]
      .one_way += sight.one_way;
  conversation.last_tick = static_cast<uint32_t>(tick - state_.first_tick);
  state_.hours.Count(conversation.key, conversation.verdict,
                     conversation.lanes[static_cast<int>(Role::kServer)] != kNone, row);
  if (conversation.relay != kNone) {
    state_.relays.CountHour(conversation.relay, row.sessions, sight.volume);
  }
  for (const uint16_t log : evidence_sets_[conversation.evidence_set]) {
    state_.evidence[log].Add(row, tick);
  }
  for (const Role role : {Role::kClient, Role::kServer}) {
    const uint32_t lane = conversation.lanes[static_cast<int>(role)];
    if (lane == kNone) continue;
    FoldInto(lane, row, role, sight);
    if (state_.hosts.lane(lane).counts_peers) {
      CountPeers(state_.hosts.lane(lane), row, tick);
    }
  }
}

Sight Intake::SightOf(Conversation& conversation, const TickRow& row) const {
  const int64_t length = state_.config->metrics.capture_window_seconds;
  if (conversation.last_tick < period_start_) {
    const bool recent = conversation.last_tick >= period_start_ - length;
    conversation.seen_before = recent ? conversation.seen : 0;
    conversation.seen = 0;
  }
  conversation.seen |= row.seen;
  Sight sight;
  sight.volume = sight.followed = row.bytes[kUp] + row.bytes[kDown];
  sight.inferred = row.inferred;
  sight.repeated = row.repeated;
  sight.duplicate = row.duplicate;
  const auto ways = static_cast<uint8_t>(conversation.seen | conversation.seen_before);
  if (std::has_single_bit(ways)) sight.one_way = sight.volume;
  return sight;
}

void Intake::FoldInto(uint32_t lane_id, const TickRow& row, Role role, const Sight& sight) {
  Lane& lane = state_.hosts.lane(lane_id);
  const Direction out = role == Role::kClient ? kUp : kDown;
  lane.sent += row.bytes[out];
  lane.received += row.bytes[Opposite(out)];
  lane.sessions += row.sessions;
  lane.messages += row.messages;
  lane.rejected += row.rejected;
  lane.sight += sight;
  lane.last_seen = std::max(lane.last_seen, row.last_seen);
  Touch(lane_id, lane);
}

void Intake::Touch(uint32_t lane_id, Lane& lane) {
  if (lane.touched) return;
  lane.touched = true;
  lanes_.push_back(lane_id);
}

void Intake::CountPeers(const Lane& lane, const TickRow& row, int64_t tick) {
  PeerTable& peers = state_.windows.peers();
  const uint32_t peer = state_.conversations.peer(row.conversation, lane.role);
  int64_t& met = peers.Met(peer);
  if (met == PeerTable::kNever) met = tick;
  const bool is_new = met == tick;
  for (const uint32_t id : lane.entities) {
    const PreparedRule& rule = state_.windows.rule_of(state_.windows.at(id));
    if (!CountsPeers(rule.metric) || !state_.rules.Open(rule)) continue;
    // Who has just begun to look knows nobody: the first window only learns.
    const bool learnt = tick - state_.first_tick >= rule.shape.window_seconds;
    if (rule.metric == Metric::kNewPeers && (!is_new || !learnt)) continue;
    if (rule.scope == config::Scope::kHost) {
      state_.windows.AddPeer(id, tick, peer);
    } else {
      const meter::ConversationKey& key = state_.conversations.at(row.conversation).key;
      const uint32_t shared =
          peers.Acquire(PeerTable::OwnerOf(id), lane.role,
                        lane.role == Role::kClient ? key.server : key.client);
      state_.windows.AddPeer(id, tick, shared);
      peers.Release(shared);
    }
    NoteTraffic(id, row.last_seen);
  }
}

void Intake::CountLane(Lane& lane, int64_t tick) {
  state_.hosts.Count(lane, period_, HourBook::HourOf(tick));
  state_.hosts.at(lane.host).last_tick = static_cast<uint32_t>(tick - state_.first_tick);
  for (const uint32_t id : lane.entities) CountEntity(id, lane, tick);
  lane.sent = lane.received = 0;
  lane.sessions = lane.messages = lane.rejected = lane.failed = 0;
  lane.sight = {};
  lane.last_seen = lane.failed_seen = 0;
  lane.touched = false;
}

void Intake::CountEntity(uint32_t id, const Lane& lane, int64_t tick) {
  const PreparedRule& rule = state_.windows.rule_of(state_.windows.at(id));
  if (!state_.rules.Open(rule)) return;
  uint64_t a = 0, b = 0;
  switch (rule.metric) {
    case Metric::kSentBytes:
      a = lane.sent;
      break;
    case Metric::kReceivedBytes:
      a = lane.received;
      break;
    case Metric::kSessions:
      a = lane.sessions;
      break;
    case Metric::kMessages:
      a = lane.messages;
      break;
    case Metric::kRejected:
      a = lane.rejected;
      break;
    case Metric::kFailedSessions:
      a = lane.failed;
      break;
    case Metric::kDistinctPeers:
    case Metric::kNewPeers:
      return;  // were counted row by row
    case Metric::kSentReceivedRatio:
      a = lane.sent;
      b = lane.received;
      break;
  }
  if ((a | b) == 0) return;
  state_.windows.Add(id, tick, a, b);
  if (rule.by_baseline) {
    const Host& host = state_.hosts.at(lane.host);
    state_.baselines.Add(rule.rule->name, lane.role, host.key,
                         {state_.rules.Groups(host.group_set), state_.config->groups}, a);
  }
  NoteTraffic(id, rule.metric == Metric::kFailedSessions ? lane.failed_seen : lane.last_seen);
}

void Intake::NoteTraffic(uint32_t entity, UnixNanos last_seen) {
  const uint32_t lead_id = state_.windows.at(entity).lead;
  Entity& lead = state_.windows.at(lead_id);
  lead.last_seen = std::max(lead.last_seen, last_seen);
  if (lead.alert != kNone) {
    state_.alerts.NoteTraffic(lead.alert);
    state_.windows.MarkDue(lead_id);
  }
}

}  // namespace mailtap::control

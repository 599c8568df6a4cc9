#include "lib/control/intake.h"

#include <algorithm>

namespace mailtap::control {
namespace {

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

Judgement Intake::JudgementOf(const Conversation& conversation) const {
  Judgement judgement;
  judgement.verdict = conversation.verdict;
  if (IsApproved(conversation.verdict)) {
    judgement.relay = conversation.relay;
  } else {
    const absl::Span<const uint32_t> observed = state_.relay_sets.Of(conversation);
    judgement.observed.assign(observed.begin(), observed.end());
  }
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

Judgement Intake::JudgementAt(const meter::ConversationKey& key, int64_t tick) const {
  const uint32_t id = state_.conversations.FindAt(
      ConversationTable::HashOf(key), key,
      static_cast<uint32_t>(std::max<int64_t>(0, tick - state_.first_tick)));
  return id != kNone ? JudgementOf(state_.conversations.at(id)) : Judge(key, tick_);
}

void Intake::Flush() {
  std::array<uint32_t, kBatch> hashes;
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
  for (const uint32_t relay : state_.relay_sets.Of(conversation)) {
    if (relays.MayEnd(relay)) return true;
  }
  return relays.uses_names() && (conversation.verdict == Verdict::kUnapprovedExternal ||
                                 conversation.verdict == Verdict::kUnapprovedInternal);
}

void Intake::Gather(uint32_t hash, uint32_t first, const meter::DeltaRecord& delta) {
  state_.first_packet = std::min(state_.first_packet, delta.first_seen);
  uint32_t id = kNone;
  if (delta.key.attribution == meter::Attribution::kFull && IsTraffic(delta)) {
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
    if (delta.key.attribution != meter::Attribution::kFull) {
      const auto service = static_cast<int>(delta.key.service);
      AddTo(state_.totals[service][static_cast<int>(Verdict::kUnattributed)], delta);
      state_.hours.CountUnattributed(delta);
      continue;
    }
    if (!IsTraffic(delta)) {
      const auto service = static_cast<int>(delta.key.service);
      const Judgement judgement = JudgementOf(delta.key);
      AddTo(state_.totals[service][static_cast<int>(judgement.verdict)], delta);
      if (delta.failed_sessions > 0) GatherFailed(delta, judgement);
      continue;
    }
    const uint32_t hash = ConversationTable::HashOf(delta.key);
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
  for (const uint32_t relay : state_.relay_sets.Of(conversation)) {
    state_.relays.Count(relay, delta);
  }
  if (conversation.verdict == Verdict::kTransit) return;
  if (delta.failed_sessions > 0) GatherFailed(delta, JudgementOf(conversation));
  if (conversation.tick_row == kNone) {
    conversation.tick_row = static_cast<uint32_t>(rows_.size());
    rows_.emplace_back().conversation = id;
  }
  rows_[conversation.tick_row].Add(delta);
}

// Of a conversation that is new: what it tells of its server.
void Intake::NoteServer(const meter::DeltaRecord& delta) {
  const bool whole = delta.key.attribution == meter::Attribution::kFull;
  // A proxy that has carried mail carries other things too.
  if (whole && !delta.proxied && !state_.config->IsMailPort(delta.key.server_port)) {
    state_.servers.Add(delta.key);
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
    const auto keeps = [this](const Counting& counting) {
      return state_.rules.rules()[counting.rule].failure_log != PreparedRule::kNoLog;
    };
    const auto sums = lane.counting_sums();
    if (std::none_of(sums.begin(), sums.end(), keeps)) continue;
    const HostKey peer = EndOf(delta.key, Opposite(role));
    failures_.push_back({{EndOf(delta.key, role), role},
                         {peer.address, delta.key.server_port, delta.key.service,
                          judgement.verdict, delta.key.tls},
                         {delta.failed_sessions, delta.first_seen},
                         lane_id});
  }
}

}  // namespace mailtap::control

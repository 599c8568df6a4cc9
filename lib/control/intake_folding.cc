// The end of a tick: what was gathered goes into evidence, windows, baselines and totals.
#include <algorithm>
#include <tuple>

#include "lib/control/intake.h"

namespace mailtap::control {

using config::Metric;

// What a lane has gathered of one metric; `b` for ratios only.
struct Intake::Share {
  uint64_t a = 0;
  uint64_t b = 0;

  Share(const Lane& lane, Metric metric) {
    switch (metric) {
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
        break;  // were counted row by row
      case Metric::kSentReceivedRatio:
        a = lane.sent;
        b = lane.received;
        break;
    }
  }
};

// Calls visit(counting, share) for each entity that has something to count of the lane's sums.
template <typename Visit>
void Intake::ForEachShare(const Lane& lane, Visit&& visit) const {
  for (const Counting& counting : lane.counting_sums()) {
    const Share share(lane, state_.rules.rules()[counting.rule].metric);
    if ((share.a | share.b) != 0) visit(counting, share);
  }
}

void Intake::Fold(int64_t tick) {
  if (state_.rules.StartTick(tick)) {
    // Evidence has to tell what counted for a rule with hours from what came just before.
    for (EvidenceLog& log : state_.evidence) log.Split();
  }
  const int64_t length = state_.config->metrics.capture_window_seconds;
  period_ = tick / length;
  period_start_ = period_ * length - state_.first_tick;
  const std::vector<PreparedRule>& rules = state_.rules.rules();
  peer_bucket_begins_ = std::any_of(rules.begin(), rules.end(), [tick](const auto& rule) {
    return CountsPeers(rule.metric) &&
           rule.shape.BucketOf(tick) != rule.shape.BucketOf(tick - 1);
  });
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Prefetch(i);
    FoldRow(rows_[i], tick);
  }
  rows_.clear();
  FoldFailures(tick);

  constexpr std::size_t kLaneAhead = 16, kAhead = 8;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (i + kLaneAhead < lanes_.size()) state_.hosts.PrefetchLane(lanes_[i + kLaneAhead]);
    if (i + kAhead < lanes_.size()) {
      const Lane& soon = state_.hosts.lane(lanes_[i + kAhead]);
      state_.hosts.Prefetch(soon.host);
      for (const Counting& counting : soon.counting_peers()) {
        state_.windows.Prefetch(counting.lead);
      }
      ForEachShare(soon, [this](const Counting& counting, const Share&) {
        state_.windows.Prefetch(counting.entity);
        state_.windows.Prefetch(counting.lead);
      });
    }
    CountLane(state_.hosts.lane(lanes_[i]), tick);
  }
  lanes_.clear();
}

void Intake::FoldFailures(int64_t tick) {
  // Where there is no room for all, those with the most stay, whatever order they came in.
  std::sort(failures_.begin(), failures_.end(), [](const Failure& a, const Failure& b) {
    return std::tie(a.subject, b.sums.count, a.peer, a.sums.first_seen) <
           std::tie(b.subject, a.sums.count, b.peer, b.sums.first_seen);
  });
  for (const Failure& failure : failures_) {
    uint16_t last = PreparedRule::kNoLog;
    for (const Counting& counting : state_.hosts.lane(failure.lane).counting_sums()) {
      const PreparedRule& rule = state_.rules.rules()[counting.rule];
      // A rule by groups has an entity for each of the host's, and yet one log.
      if (rule.failure_log == PreparedRule::kNoLog || rule.failure_log == last) continue;
      last = rule.failure_log;
      if (!state_.rules.Open(rule)) continue;
      FailureLog& log = state_.failures[last];
      if (!log.Add(failure.subject, failure.peer, failure.sums, tick)) ++state_.forgotten;
    }
  }
  failures_.clear();
}

// Each line is asked for when the one that names it has had time to come.
void Intake::Prefetch(std::size_t row) const {
  constexpr std::size_t kConversationAhead = 24, kLaneAhead = 16, kEntityAhead = 8;
  if (row + kConversationAhead < rows_.size()) {
    const uint32_t id = rows_[row + kConversationAhead].conversation;
    state_.conversations.Prefetch(id);
    state_.conversations.PrefetchPlace(id);
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
  if (row + kEntityAhead < rows_.size()) {
    const uint32_t id = rows_[row + kEntityAhead].conversation;
    state_.hours.Prefetch(state_.conversations.hour_place(id));
    if (state_.rules.peer_slots() > 0) PrefetchPeers(id);
  }
}

void Intake::PrefetchPeers(uint32_t conversation) const {
  for (const Role role : {Role::kClient, Role::kServer}) {
    const uint32_t lane = state_.conversations.at(conversation).lanes[static_cast<int>(role)];
    if (lane == kNone || !state_.hosts.lane(lane).counts_peers) continue;
    state_.windows.peers().Prefetch(state_.conversations.peer(conversation, role));
    if (!peer_bucket_begins_) continue;  // see Windows::AddPeer()
    for (const Counting& counting : state_.hosts.lane(lane).counting_peers()) {
      state_.windows.Prefetch(counting.entity);
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
  static_assert(static_cast<int>(Role::kClient) == 0);
  state_.hours.Count(conversation.key, conversation.verdict,
                     {conversation.lanes[0] != kNone, conversation.lanes[1] != kNone}, row,
                     state_.conversations.hour_place(row.conversation));
  for (const uint32_t relay : state_.relay_sets.Of(conversation)) {
    state_.relays.CountHour(relay, row.sessions, sight.volume);
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
  sight.one_way = OneWay(ways, sight.volume, row.one_way);
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
  for (const auto& [id, lead, number] : lane.counting_peers()) {
    const PreparedRule& rule = state_.rules.rules()[number];
    if (!state_.rules.Open(rule)) continue;
    // Who has just begun to look knows nobody: the first window only learns.
    const bool learnt = tick - state_.first_tick >= rule.shape.window_seconds;
    if (rule.metric == Metric::kNewPeers && (!is_new || !learnt)) continue;
    if (rule.scope == config::Scope::kHost) {
      state_.windows.AddPeer(id, number, tick, peer);
    } else {
      const meter::ConversationKey& key = state_.conversations.at(row.conversation).key;
      const uint32_t shared =
          peers.Acquire(PeerTable::OwnerOf(id), lane.role,
                        lane.role == Role::kClient ? key.server : key.client);
      state_.windows.AddPeer(id, number, tick, shared);
      peers.Release(shared);
    }
    if (rule.metric == Metric::kNewPeers) NoteTraffic(lead, row.last_seen);
  }
}

void Intake::CountLane(Lane& lane, int64_t tick) {
  state_.hosts.Count(lane, period_, HourBook::HourOf(tick));
  state_.hosts.at(lane.host).last_tick = static_cast<uint32_t>(tick - state_.first_tick);
  if (lane.last_seen > 0) NotePeers(lane);
  ForEachShare(lane, [&](const Counting& counting, const Share& share) {
    CountShare(lane, counting, share, tick);
  });
  lane.sent = lane.received = 0;
  lane.sessions = lane.messages = lane.rejected = lane.failed = 0;
  lane.sight = {};
  lane.last_seen = lane.failed_seen = 0;
  lane.touched = false;
}

// Any row's peer counts for a rule on distinct ones, so the lane's last will do for all.
void Intake::NotePeers(const Lane& lane) {
  for (const Counting& counting : lane.counting_peers()) {
    const PreparedRule& rule = state_.rules.rules()[counting.rule];
    if (rule.metric == Metric::kDistinctPeers && state_.rules.Open(rule)) {
      NoteTraffic(counting.lead, lane.last_seen);
    }
  }
}

void Intake::CountShare(const Lane& lane, const Counting& counting, const Share& share,
                        int64_t tick) {
  const PreparedRule& rule = state_.rules.rules()[counting.rule];
  if (!state_.rules.Open(rule)) return;
  state_.windows.Add(counting.entity, tick, share.a, share.b);
  if (rule.by_baseline) {
    const Host& host = state_.hosts.at(lane.host);
    state_.baselines.Add(rule.usual, lane.role, host.key,
                         {state_.rules.Groups(host.group_set), state_.config->groups}, share.a);
  }
  NoteTraffic(counting.lead,
              rule.metric == Metric::kFailedSessions ? lane.failed_seen : lane.last_seen);
}

void Intake::NoteTraffic(uint32_t lead_id, UnixNanos last_seen) {
  Entity& lead = state_.windows.at(lead_id);
  lead.last_seen = std::max(lead.last_seen, last_seen);
  if (lead.alert != kNone) {
    state_.alerts.NoteTraffic(lead.alert);
    state_.windows.MarkDue(lead_id);
  }
}

}  // namespace mailtap::control

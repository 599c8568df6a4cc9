// Reads checkpoints.
#include <algorithm>
#include <vector>

#include "lib/control/checkpoint.h"
#include "lib/control/checkpoint_format.h"

namespace mailtap::control {
namespace {

class Restorer {
 public:
  Restorer(absl::string_view checkpoint, State& state, Intake& intake)
      : in_(checkpoint), state_(state), intake_(intake) {}

  // Up to the hosts: what open alerts refer to. False where the bytes are no checkpoint.
  bool RestoreHosts(bool same_capture, Approvals& approvals) {
    if (in_.Get<uint32_t>() != kCheckpointMagic || in_.Get<uint64_t>() != kCheckpointLayout)
      return false;
    in_.Get(state_.first_tick);
    in_.Get(state_.last_tick);
    in_.Get(state_.first_packet);
    in_.Get(state_.ticks);
    in_.Get(state_.forgotten);
    in_.Get(state_.totals);
    state_.encaps.Restore(in_);
    state_.names.Restore(in_);
    state_.dns.Restore(in_, state_.last_tick);
    state_.claims.Restore(in_);
    state_.servers.Restore(in_);
    approvals.Restore(in_);
    relay_to_ = state_.relays.Restore(in_);
    state_.hours.Restore(in_, same_capture);
    state_.baselines.Restore(in_, same_capture);
    state_.baselines.Keep(state_.rules.Usual());
    RestoreRules();
    for (std::size_t n = in_.GetCount(sizeof(HostKey)); n > 0 && in_.ok(); --n) RestoreHost();
    for (std::size_t n = in_.GetCount(sizeof(UnixNanos) + sizeof(double)); n > 0 && in_.ok();
         --n) {
      RestoreEntity();
    }
    return in_.ok();
  }

  bool RestoreRest(bool same_capture, BlindSpots& blind_spots) {
    for (std::size_t n = in_.GetCount(sizeof(meter::ConversationKey)); n > 0 && in_.ok(); --n) {
      RestoreConversation();
    }
    for (std::size_t n = in_.GetCount(sizeof(net::IpAddress)); n > 0 && in_.ok(); --n) {
      RestorePeer();
    }
    for (const SavedRule& rule : rules_) RestoreRows(rule);
    // Not before: what comes back into a window may be older than the hour.
    for (std::size_t i = 0; i < entities_.size(); ++i) {
      if (entities_[i] != kNone) state_.windows.SetPeak(entities_[i], peaks_of_entities_[i]);
    }
    for (const uint32_t peer : peers_) {
      if (peer != kNone) state_.windows.peers().Release(peer);
    }
    for (std::size_t n = in_.GetCount(2 * sizeof(int64_t)); n > 0 && in_.ok(); --n) {
      RestoreEvidence();
    }
    for (const SavedRule& rule : rules_) {
      if (rule.first && rule.metric == config::Metric::kFailedSessions) RestoreFailures(rule);
    }
    blind_spots.Restore(in_, same_capture);
    return in_.ok() && in_.at_end();
  }

 private:
  // A condition of a rule.
  struct SavedRule {
    uint16_t lead = Windows::kNoRule;  // in force; kNoRule: gone
    uint16_t to = Windows::kNoRule;
    uint16_t conditions = 1;  // of the rule
    config::Metric metric = config::Metric::kSentBytes;
    bool first = true;  // of the rule's
  };

  void RestoreRules() {
    for (std::size_t n = in_.GetCount(sizeof(uint64_t)); n > 0 && in_.ok(); --n) {
      const RuleShape shape = GetShape(in_);
      const uint16_t lead = state_.rules.Find(shape);
      for (std::size_t i = 0; i < shape.conditions.size(); ++i) {
        const bool gone = lead == Windows::kNoRule;
        rules_.push_back({lead, static_cast<uint16_t>(gone ? lead : lead + i),
                          static_cast<uint16_t>(shape.conditions.size()),
                          shape.conditions[i].first, i == 0});
      }
    }
  }

  void RestoreHost() {
    const uint32_t id = intake_.HostOf(in_.Get<HostKey>());
    Host& host = state_.hosts.at(id);
    in_.Get(host.totals);
    in_.Get(host.in_hour);
    in_.Get(host.hour);
    in_.Get(host.sight);
    in_.Get(host.last_tick);
    state_.hosts.Rank(id);
    hosts_.push_back(id);
  }

  void RestoreEntity() {
    const std::size_t rule = in_.Get<uint16_t>();
    const Subject subject = GetSubject(in_);
    if (!in_.ok() || rule >= rules_.size()) return in_.Fail();
    uint32_t entity = EntityOf(state_, intake_, rules_[rule].lead, subject);
    for (int i = 0; i < rules_[rule].conditions; ++i) {
      const auto last_seen = in_.Get<UnixNanos>();
      peaks_of_entities_.push_back(in_.Get<double>());
      entities_.push_back(entity);
      if (entity == kNone) continue;
      state_.windows.at(entity).last_seen = last_seen;
      entity = state_.windows.at(entity).next_condition;
    }
  }

  void RestorePeer() {
    const bool shared = in_.Get<bool>();
    const std::size_t at = in_.GetIndex(shared ? entities_.size() : hosts_.size());
    const auto role = in_.Get<Role>();
    const auto address = in_.Get<net::IpAddress>();
    const auto met = in_.Get<int64_t>();
    if (!in_.ok()) return;
    peers_.push_back(kNone);
    if (shared && entities_[at] == kNone) return;
    PeerTable& peers = state_.windows.peers();
    peers_.back() =
        peers.Acquire(shared ? PeerTable::OwnerOf(entities_[at]) : hosts_[at], role, address);
    if (met != PeerTable::kNever) peers.Met(peers_.back()) = met;
  }

  void RestoreConversation() {
    const auto key = in_.Get<meter::ConversationKey>();
    Judgement judgement;
    in_.Get(judgement.verdict);
    RestoreRelays(judgement);
    in_.Get(judgement.internal[0]);
    in_.Get(judgement.internal[1]);
    const auto last_tick = in_.Get<uint32_t>();
    const auto seen = in_.Get<uint8_t>();
    const bool retired = in_.Get<bool>();
    if (!in_.ok()) return;
    const uint32_t id = intake_.Restore(key, judgement, last_tick, retired);
    Conversation& conversation = state_.conversations.at(id);
    conversation.seen = seen & 3;
    conversation.seen_before = seen >> 2 & 3;
    conversations_.push_back(id);
  }

  // The entries that count a conversation, as RelaySets, without those that are gone.
  void RestoreRelays(Judgement& judgement) {
    const bool approved = IsApproved(judgement.verdict);
    for (uint32_t n = in_.Get<uint32_t>(); n > 0 && in_.ok(); --n) {
      const uint32_t now = relay_to_[in_.GetIndex(relay_to_.size())];
      if (now == kNoRelay) continue;
      if (approved) {
        judgement.relay = now;
      } else {
        judgement.observed.push_back(now);
      }
    }
    std::sort(judgement.observed.begin(), judgement.observed.end());
  }

  void RestoreRows(const SavedRule& rule) {
    const bool counts_peers = config::CountsPeers(rule.metric);
    for (std::size_t n = in_.GetCount(2 * sizeof(int64_t)); n > 0 && in_.ok(); --n) {
      const auto bucket = in_.Get<int64_t>();
      const std::size_t at = in_.GetIndex(entities_.size());
      uint64_t a = 0, b = 0;
      std::size_t peer = 0;
      if (counts_peers) {
        peer = in_.GetIndex(peers_.size());
      } else {
        in_.Get(a);
        in_.Get(b);
      }
      if (!in_.ok() || rule.to == Windows::kNoRule || entities_[at] == kNone) continue;
      const int64_t tick = bucket * state_.rules.rules()[rule.to].shape.width;
      if (!counts_peers) {
        state_.windows.Add(entities_[at], tick, a, b);
      } else if (peers_[peer] != kNone) {
        state_.windows.AddPeer(entities_[at], rule.to, tick, peers_[peer]);
      }
    }
  }

  void RestoreEvidence() {
    const auto width = in_.Get<int64_t>();
    EvidenceLog* log = nullptr;
    for (EvidenceLog& one : state_.evidence) {
      if (one.shape().width == width) log = &one;
    }
    int64_t last = INT64_MIN;
    for (std::size_t n = in_.GetCount(sizeof(TickRow)); n > 0 && in_.ok(); --n) {
      const auto tick = in_.Get<int64_t>();
      auto row = in_.Get<TickRow>();
      if (row.conversation >= conversations_.size()) return in_.Fail();
      row.conversation = conversations_[row.conversation];
      if (log == nullptr) continue;
      // Each tick stands for a part of a bucket.
      if (tick != last) log->Split();
      last = tick;
      log->Add(row, tick);
    }
  }

  void RestoreFailures(const SavedRule& rule) {
    for (std::size_t n = in_.GetCount(sizeof(HostKey)); n > 0 && in_.ok(); --n) {
      const auto tick = in_.Get<int64_t>();
      FailureLog::Subject subject;
      in_.Get(subject.host);
      in_.Get(subject.role);
      FailureLog::Peer peer;
      in_.Get(peer.address);
      in_.Get(peer.port);
      in_.Get(peer.service);
      in_.Get(peer.verdict);
      in_.Get(peer.tls);
      FailureLog::Sums sums;
      in_.Get(sums.count);
      in_.Get(sums.first_seen);
      if (!in_.ok() || rule.to == Windows::kNoRule) continue;
      state_.failures[state_.rules.rules()[rule.to].failure_log].Add(subject, peer, sums, tick);
    }
  }

  ArchiveReader in_;
  State& state_;
  Intake& intake_;
  std::vector<uint32_t> relay_to_;
  // As they were numbered when they were saved; kNone: gone.
  std::vector<SavedRule> rules_;
  std::vector<uint32_t> hosts_, entities_, peers_;
  std::vector<double> peaks_of_entities_;
  std::vector<uint32_t> conversations_;
};

}  // namespace

absl::Status RestoreCheckpoint(absl::string_view checkpoint, absl::string_view alerts,
                               bool same_capture, const CheckpointTarget& target) {
  const absl::Status refused =
      absl::DataLossError("the checkpoint is damaged, or of another version of mailtap");
  const auto checkpoint_bytes = Unsealed(checkpoint), alert_bytes = Unsealed(alerts);
  if (!checkpoint_bytes || !alert_bytes) return refused;
  Restorer restorer(*checkpoint_bytes, target.state, target.intake);
  ArchiveReader open(*alert_bytes);
  // Alerts before windows: a window is judged only if its entity's alert is known to be open.
  if (restorer.RestoreHosts(same_capture, target.approvals) &&
      RestoreOpenAlerts(open, target) &&
      restorer.RestoreRest(same_capture, target.blind_spots)) {
    return absl::OkStatus();
  }
  return refused;
}

}  // namespace mailtap::control

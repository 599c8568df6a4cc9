// From delta records to windows: gathers a tick's records by conversation, then counts them.
#ifndef MAILTAP_LIB_CONTROL_INTAKE_H_
#define MAILTAP_LIB_CONTROL_INTAKE_H_

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/base/large_vector.h"
#include "lib/control/failure_log.h"
#include "lib/control/state.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

// Control thread only.
class Intake {
 public:
  explicit Intake(State& state) : state_(state) {}

  // Gathers a record. Totals and relay use grow at the latest with the next Flush().
  void Apply(const meter::DeltaRecord& delta) {
    pending_[pending_count_] = delta;
    if (++pending_count_ == pending_.size()) Flush();
  }
  void Flush();

  // Gathers what waited until all names of `tick` are known, and judges it.
  void Settle(int64_t tick);

  // Counts all that was gathered as traffic of `tick`, of which the windows have been expired.
  void Fold(int64_t tick);

  // Retires the conversation where the policy says otherwise from `tick` on. Returns whether.
  bool RejudgeFrom(int64_t tick, uint32_t id);

  // The policy or the rules are others than before: hosts and lanes are told the rules that
  // count them now, and conversations of which the judgement has changed are retired. What was
  // counted stays. Between Fold() and the next Apply(). Takes some microseconds a host, and
  // less than one a conversation. `relay_to`: what RelayLedger::Reload() returned.
  void Rejudge(const std::vector<uint32_t>& relay_to);

  // As another process left it: a conversation and how it was judged. It is retired where the
  // policy judges otherwise now.
  uint32_t Restore(const meter::ConversationKey& key, const Judgement& judgement,
                   uint32_t last_tick, bool retired);
  // The entity of a rule, given by its first condition, and a host, group or the site; made
  // where it is not there yet.
  uint32_t EntityOf(uint16_t rule, uint32_t subject, Role role);
  uint32_t HostOf(const HostKey& key);

  // What the policy says at `tick` of a conversation; and the relay entries that its server's
  // names fit, as RelayMatcher wants them.
  Judgement Judge(const meter::ConversationKey& key, int64_t tick) const;
  std::vector<uint32_t> NamedOf(const meter::ConversationKey& key, int64_t tick) const;
  // What the policy says of a conversation, from memory where it is known.
  Judgement JudgementOf(const meter::ConversationKey& key) const;
  // What it said when the conversation's traffic of `tick` was counted, where that is known.
  Judgement JudgementAt(const meter::ConversationKey& key, int64_t tick) const;

 private:
  // `first`: what ConversationTable::FindFirst() said of the hash.
  void Gather(uint32_t hash, uint32_t first, const meter::DeltaRecord& delta);
  // Whether what the conversation is may have changed by the end of the tick being gathered: by
  // a name learnt in it, or by what ended in idle time before it.
  bool MayChange(const Conversation& conversation) const;
  void Count(uint32_t id, const meter::DeltaRecord& delta);
  // What the policy has said of a known one.
  Judgement JudgementOf(const Conversation& conversation) const;
  void NoteServer(const meter::DeltaRecord& delta);
  uint32_t NewConversation(uint32_t hash, const meter::ConversationKey& key,
                           const Judgement& judgement);
  // Who counts a conversation that is new.
  void SetRelays(Conversation& conversation, const Judgement& judgement);
  // Counts attempts that came to nothing, for the rules that want them.
  void GatherFailed(const meter::DeltaRecord& delta, const Judgement& judgement);
  // The lane of an internal host.
  uint32_t LaneOf(const HostKey& end, const RuleIndex::Kind& kind);
  void SetPeer(uint32_t id, Role role, const Lane& lane);
  // Of a conversation from before the rules in force: whom a host dealt with then is not new to
  // it, whether or not peers were counted.
  void KnowPeers(uint32_t id);
  void SetRules(uint32_t lane);
  void Retire(uint32_t conversation);
  // `before`: the entries by their numbers in the configuration before.
  void RejudgeConversation(uint32_t id, const RelaySets& before,
                           const std::vector<uint32_t>& relay_to);
  // Gives a lane the entities that count it, making those that aren't there yet.
  void Attach(Lane& lane, const RuleSet& set);
  void AddChain(Lane& lane, uint32_t entity);
  // The entity of a group, or of all hosts.
  uint32_t SharedEntity(uint16_t rule, uint32_t subject, Role role);
  void Touch(uint32_t lane_id, Lane& lane);
  uint16_t EvidenceSetOf(const Conversation& conversation);

  void FoldRow(const TickRow& row, int64_t tick);
  // What the row's conversation adds to what is known of the capture.
  Sight SightOf(Conversation& conversation, const TickRow& row) const;
  void FoldInto(uint32_t lane_id, const TickRow& row, Role role, const Sight& sight);
  void FoldFailures(int64_t tick);
  void CountPeers(const Lane& lane, const TickRow& row, int64_t tick);
  void CountLane(Lane& lane, int64_t tick);
  struct Share;
  template <typename Visit>
  void ForEachShare(const Lane& lane, Visit&& visit) const;
  void NotePeers(const Lane& lane);
  void CountShare(const Lane& lane, const Counting& counting, const Share& share, int64_t tick);
  // Traffic, the last of it then, has counted for the rule whose first entity is `lead_id`.
  void NoteTraffic(uint32_t lead_id, UnixNanos last_seen);
  void Prefetch(std::size_t row) const;
  void PrefetchPeers(uint32_t conversation) const;

  State& state_;
  // Records wait here so that their look-ups can be started together.
  static constexpr std::size_t kBatch = 64;
  std::array<meter::DeltaRecord, kBatch> pending_;
  std::size_t pending_count_ = 0;
  // Records of conversations that are not known yet, or that may change: what they are must not
  // depend on whether they came before the tick's names or after.
  LargeVector<meter::DeltaRecord> waiting_;
  int64_t tick_ = 0;                      // by which the policy is asked
  std::vector<uint32_t> entity_of_rule_;  // for Attach()
  LargeVector<TickRow> rows_;             // of the tick, one a conversation
  LargeVector<uint32_t> lanes_;           // touched in the tick
  struct Failure {
    FailureLog::Subject subject;
    FailureLog::Peer peer;
    FailureLog::Sums sums;
    uint32_t lane;
  };
  std::vector<Failure> failures_;  // of the tick, for the rules that keep evidence of them
  // The tick's period of metrics.capture_window, and its first tick as Conversation::last_tick
  // counts.
  int64_t period_ = 0;
  int64_t period_start_ = 0;
  bool peer_bucket_begins_ = false;  // with the tick, for a rule that counts peers
  // Lists of evidence logs, each different one once.
  std::map<std::vector<uint16_t>, uint16_t> evidence_set_numbers_;
  std::vector<std::vector<uint16_t>> evidence_sets_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_INTAKE_H_

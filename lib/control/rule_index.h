// The configuration's rules, prepared for looking up: which rules count a conversation for a
// host, and which bucket widths their windows need.
#ifndef MAILTAP_LIB_CONTROL_RULE_INDEX_H_
#define MAILTAP_LIB_CONTROL_RULE_INDEX_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "lib/config/config.h"
#include "lib/control/schedule.h"
#include "lib/control/window_shape.h"

namespace mailtap::control {

// A rule with several conditions is prepared once for each, one after the other.
struct PreparedRule {
  static constexpr uint16_t kAlways = 0xffff;
  static constexpr uint16_t kNoLog = 0xffff;

  const config::Rule* rule;  // lives as long as the configuration, as the next
  const config::Condition* condition;
  config::Metric metric;  // of the condition, as the next
  double raise;
  double clear;
  WindowShape shape;
  config::Scope scope;
  uint16_t number;        // of the rule in the configuration
  uint16_t lead;          // of its first condition
  uint16_t evidence_log;  // rules of equal bucket width share one; that of the first condition
  uint16_t failure_log;   // of a first condition on failed sessions; else kNoLog
  uint16_t peer_slot;     // counts those that count peers; meaningless for others
  bool by_baseline;       // of the first condition: `raise` is only the least
  uint16_t schedule;      // when it counts; kAlways: without an end
  uint8_t services;       // a bit per enumerator
  uint8_t verdicts;
  uint8_t roles;
  uint8_t tls;
  std::vector<uint32_t> groups;  // sorted indices; empty: every internal host
  // By baseline: by what these are kept, the name and all that says what is counted.
  std::string usual;

  bool Counts(Service service, config::Verdict verdict, Tls state) const {
    return (services >> static_cast<int>(service) & 1) != 0 &&
           (verdicts >> static_cast<int>(verdict) & 1) != 0 &&
           (tls >> static_cast<int>(state) & 1) != 0;
  }
  // Whether it concerns a host in `groups`, or, if so, of which of them it is judged by group.
  bool Concerns(const std::vector<uint32_t>& groups) const;
  bool ConcernsGroup(uint32_t group) const;
};

// What a rule counts, of whom and over which times: while that and its name stay the same, what
// was counted goes on to count.
struct RuleShape {
  std::string name;
  config::Scope scope = config::Scope::kHost;
  std::vector<std::pair<config::Metric, int64_t>> conditions;  // with windows in seconds

  friend bool operator==(const RuleShape&, const RuleShape&) = default;
};

// The rules that count one kind of traffic of one kind of host.
struct RuleSet {
  std::vector<uint16_t> rules;  // of the first conditions, ascending
  bool counts_peers = false;    // peers are told apart
};

// Control thread only.
class RuleIndex {
 public:
  explicit RuleIndex(const config::Config& config);

  const std::vector<PreparedRule>& rules() const { return rules_; }
  // Of a rule, given by its first condition; and the way back, or kNoRule.
  static constexpr uint16_t kNoRule = UINT16_MAX;
  RuleShape ShapeOf(uint16_t lead) const;
  uint16_t Find(const RuleShape& shape) const;
  // Of each rule by baseline: PreparedRule::usual.
  std::vector<std::string> Usual() const;
  // Of each evidence log: the bucket width, and the longest window that reads it.
  const std::vector<WindowShape>& evidence_shapes() const { return evidence_shapes_; }
  // Of each failure log, as PreparedRule::failure_log counts them: its rule's window.
  const std::vector<WindowShape>& failure_shapes() const { return failure_shapes_; }
  // How many conditions count peers.
  uint16_t peer_slots() const { return peer_slots_; }

  const absl::TimeZone& timezone() const { return zone_; }

  // Which schedules hold for traffic of `tick`; before Open(). Returns whether that may differ
  // from the last call's.
  bool StartTick(int64_t tick);
  // Whether the rule counts traffic of that tick.
  bool Open(const PreparedRule& rule) const {
    return rule.schedule == PreparedRule::kAlways || open_[rule.schedule];
  }
  // The same for any tick.
  bool Open(const PreparedRule& rule, int64_t tick) const {
    return rule.schedule == PreparedRule::kAlways ||
           schedules_[rule.schedule].Holds(tick, zone_);
  }

  // A number for each different list of groups; `groups` as Policy::GroupsOf gives it.
  uint32_t GroupSetOf(const std::vector<uint32_t>& groups);
  // The list again. Valid as long as this object.
  const std::vector<uint32_t>& Groups(uint32_t group_set) const {
    return group_sets_[group_set];
  }

  // What a lane of a host carries.
  struct Kind {
    Role role;
    Service service;
    config::Verdict verdict;
    Tls tls;
  };
  // The rules for such traffic of a host of `group_set`. The reference stays valid as long as
  // this object.
  const RuleSet& RulesFor(uint32_t group_set, const Kind& kind);
  // Whether any rule, of whatever hosts, counts connections that came to nothing.
  bool CountsFailed(const Kind& kind) const;

 private:
  void Prepare(const config::Config& config, uint16_t number);
  uint16_t EvidenceLogOf(const WindowShape& shape);
  uint16_t ScheduleOf(const config::Rule& rule);

  std::vector<PreparedRule> rules_;
  std::vector<WindowShape> evidence_shapes_;
  std::vector<WindowShape> failure_shapes_;
  uint16_t peer_slots_ = 0;
  bool new_peers_ = false;           // some rule counts them
  std::vector<uint16_t> of_failed_;  // rules that count failed sessions
  absl::TimeZone zone_;
  std::vector<Schedule> schedules_;  // each different one once
  std::vector<bool> open_;           // by schedule, in the tick under way
  bool started_ = false;             // some tick is under way
  std::map<std::vector<uint32_t>, uint32_t> group_set_numbers_;
  std::deque<std::vector<uint32_t>> group_sets_;
  absl::flat_hash_map<uint64_t, const RuleSet*> known_;
  std::deque<RuleSet> rule_sets_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RULE_INDEX_H_

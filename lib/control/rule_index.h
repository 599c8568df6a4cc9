// The configuration's rules, prepared for looking up: which rules count a conversation for a
// host, and which bucket widths their windows need.
#ifndef MAILTAP_LIB_CONTROL_RULE_INDEX_H_
#define MAILTAP_LIB_CONTROL_RULE_INDEX_H_

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/config/config.h"
#include "lib/control/window_shape.h"

namespace mailtap::control {

struct PreparedRule {
  const config::Rule* rule;  // lives as long as the configuration
  config::Metric metric;     // of the rule, as the next
  double raise;
  WindowShape shape;
  uint16_t evidence_log;  // rules of equal bucket width share one
  uint16_t peer_slot;     // counts the distinct_peers rules; meaningless for others
  uint8_t services;       // a bit per enumerator
  uint8_t verdicts;
  uint8_t roles;
  std::vector<uint32_t> groups;  // sorted indices; empty: every internal host

  bool Counts(Service service, config::Verdict verdict) const {
    return (services >> static_cast<int>(service) & 1) != 0 &&
           (verdicts >> static_cast<int>(verdict) & 1) != 0;
  }
};

// The rules that count one kind of traffic of one kind of host.
struct RuleSet {
  std::vector<uint16_t> rules;  // indices, ascending
  bool counts_peers = false;    // one of them is a distinct_peers rule
};

// Control thread only.
class RuleIndex {
 public:
  explicit RuleIndex(const config::Config& config);

  const std::vector<PreparedRule>& rules() const { return rules_; }
  // Of each evidence log: the bucket width, and the longest window that reads it.
  const std::vector<WindowShape>& evidence_shapes() const { return evidence_shapes_; }
  // How many rules count distinct peers.
  uint16_t peer_slots() const { return peer_slots_; }

  // A number for each different list of groups; `groups` as Policy::GroupsOf gives it.
  uint32_t GroupSetOf(const std::vector<uint32_t>& groups);
  // The list again. Valid as long as this object.
  const std::vector<uint32_t>& Groups(uint32_t group_set) const {
    return group_sets_[group_set];
  }

  // The rules for traffic of `service` with `verdict` of a host of `group_set` in `role`. The
  // reference stays valid as long as this object.
  const RuleSet& RulesFor(uint32_t group_set, Role role, Service service,
                          config::Verdict verdict);

 private:
  bool Concerns(const PreparedRule& rule, const std::vector<uint32_t>& groups) const;
  uint16_t EvidenceLogOf(const WindowShape& shape);

  std::vector<PreparedRule> rules_;
  std::vector<WindowShape> evidence_shapes_;
  uint16_t peer_slots_ = 0;
  std::map<std::vector<uint32_t>, uint32_t> group_set_numbers_;
  std::deque<std::vector<uint32_t>> group_sets_;
  absl::flat_hash_map<uint64_t, const RuleSet*> known_;
  std::deque<RuleSet> rule_sets_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RULE_INDEX_H_

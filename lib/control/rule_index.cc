#include "lib/control/rule_index.h"

#include <algorithm>

namespace mailtap::control {
namespace {

using config::Verdict;

// A bit for each of `values`; `otherwise` where none is given.
template <typename Enum>
uint8_t Mask(const std::vector<Enum>& values, uint8_t otherwise) {
  if (values.empty()) return otherwise;
  uint8_t mask = 0;
  for (const Enum value : values) mask |= static_cast<uint8_t>(1u << static_cast<int>(value));
  return mask;
}

constexpr uint8_t kUnapproved = 1u << static_cast<int>(Verdict::kUnapprovedExternal) |
                                1u << static_cast<int>(Verdict::kUnapprovedInternal);

std::vector<uint32_t> GroupIndices(const config::Config& config, const config::Rule& rule) {
  std::vector<uint32_t> indices;
  for (uint32_t i = 0; i < config.groups.size(); ++i) {
    if (std::find(rule.groups.begin(), rule.groups.end(), config.groups[i].name) !=
        rule.groups.end()) {
      indices.push_back(i);
    }
  }
  return indices;
}

}  // namespace

RuleIndex::RuleIndex(const config::Config& config) {
  for (const config::Rule& rule : config.rules) {
    PreparedRule prepared{&rule,
                          rule.metric,
                          rule.raise,
                          WindowShape::Of(rule.window_seconds),
                          0,
                          0,
                          Mask(rule.services, 0xff),
                          Mask(rule.verdicts, kUnapproved),
                          Mask(rule.roles, 0xff),
                          GroupIndices(config, rule)};
    prepared.evidence_log = EvidenceLogOf(prepared.shape);
    if (rule.metric == config::Metric::kDistinctPeers) prepared.peer_slot = peer_slots_++;
    rules_.push_back(std::move(prepared));
  }
}

uint16_t RuleIndex::EvidenceLogOf(const WindowShape& shape) {
  for (uint16_t i = 0; i < evidence_shapes_.size(); ++i) {
    WindowShape& known = evidence_shapes_[i];
    if (known.width != shape.width) continue;
    known.window_seconds = std::max(known.window_seconds, shape.window_seconds);
    return i;
  }
  evidence_shapes_.push_back(shape);
  return static_cast<uint16_t>(evidence_shapes_.size() - 1);
}

uint32_t RuleIndex::GroupSetOf(const std::vector<uint32_t>& groups) {
  const auto [at, added] =
      group_set_numbers_.try_emplace(groups, static_cast<uint32_t>(group_sets_.size()));
  if (added) group_sets_.push_back(groups);
  return at->second;
}

const RuleSet& RuleIndex::RulesFor(uint32_t group_set, Role role, Service service,
                                   Verdict verdict) {
  const uint64_t kind = uint64_t{group_set} << 24 | static_cast<uint64_t>(role) << 16 |
                        static_cast<uint64_t>(service) << 8 | static_cast<uint64_t>(verdict);
  const auto [at, added] = known_.try_emplace(kind, nullptr);
  if (added) {
    RuleSet& set = rule_sets_.emplace_back();
    at->second = &set;
    for (uint16_t i = 0; i < rules_.size(); ++i) {
      const PreparedRule& rule = rules_[i];
      if ((rule.roles >> static_cast<int>(role) & 1) == 0 || !rule.Counts(service, verdict) ||
          !Concerns(rule, group_sets_[group_set])) {
        continue;
      }
      set.rules.push_back(i);
      set.counts_peers |= rule.rule->metric == config::Metric::kDistinctPeers;
    }
  }
  return *at->second;
}

bool RuleIndex::Concerns(const PreparedRule& rule, const std::vector<uint32_t>& groups) const {
  // A rule that names groups of which none exists concerns nobody, not everybody.
  if (rule.rule->groups.empty()) return true;
  return std::any_of(groups.begin(), groups.end(), [&](uint32_t group) {
    return std::binary_search(rule.groups.begin(), rule.groups.end(), group);
  });
}

}  // namespace mailtap::control

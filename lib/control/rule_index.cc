#include "lib/control/rule_index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

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

// Amounts of one metric, or of some mail, are no measure of others'.
std::string UsualOf(const PreparedRule& prepared) {
  const config::Rule& rule = *prepared.rule;
  const auto all = [](int count) { return (1u << count) - 1; };
  const unsigned weekdays = Mask(rule.weekdays, 0xff) & all(config::kWeekdayCount);
  return absl::StrCat(
      rule.name, "\n", Name(prepared.metric), " ", prepared.services & all(kServiceCount), " ",
      prepared.verdicts & all(config::kVerdictCount), " ", prepared.tls & all(kTlsCount), " ",
      rule.hours.from, "-", rule.hours.to, " ", weekdays);
}

}  // namespace

bool PreparedRule::Concerns(const std::vector<uint32_t>& of_host) const {
  // A rule that names groups of which none exists concerns nobody, not everybody.
  if (rule->groups.empty()) return scope != config::Scope::kGroup || !of_host.empty();
  return std::any_of(of_host.begin(), of_host.end(),
                     [&](uint32_t group) { return ConcernsGroup(group); });
}

bool PreparedRule::ConcernsGroup(uint32_t group) const {
  return rule->groups.empty() || std::binary_search(groups.begin(), groups.end(), group);
}

RuleIndex::RuleIndex(const config::Config& config) {
  absl::LoadTimeZone(config.sensor.timezone, &zone_);  // UTC where it isn't known
  for (std::size_t i = 0; i < config.rules.size(); ++i) {
    Prepare(config, static_cast<uint16_t>(i));
  }
}

void RuleIndex::Prepare(const config::Config& config, uint16_t number) {
  const config::Rule& rule = config.rules[number];
  const auto lead = static_cast<uint16_t>(rules_.size());
  std::vector<const config::Condition*> conditions = {&rule};
  for (const config::Condition& further : rule.conditions) conditions.push_back(&further);
  for (const config::Condition* condition : conditions) {
    PreparedRule prepared{.rule = &rule,
                          .condition = condition,
                          .metric = condition->metric,
                          .raise = condition->raise,
                          .clear = condition->clear,
                          .shape = WindowShape::Of(condition->window_seconds),
                          .scope = rule.scope,
                          .number = number,
                          .lead = lead,
                          .evidence_log = 0,
                          .failure_log = PreparedRule::kNoLog,
                          .peer_slot = 0,
                          .by_baseline = condition == &rule && rule.by_baseline(),
                          .schedule = ScheduleOf(rule),
                          .services = Mask(rule.services, 0xff),
                          .verdicts = Mask(rule.verdicts, kUnapproved),
                          .roles = Mask(rule.roles, 0xff),
                          .tls = Mask(rule.tls, 0xff),
                          .groups = GroupIndices(config, rule),
                          .usual = ""};
    if (prepared.by_baseline) prepared.usual = UsualOf(prepared);
    const auto index = static_cast<uint16_t>(rules_.size());
    prepared.evidence_log =
        index == lead ? EvidenceLogOf(prepared.shape) : rules_[lead].evidence_log;
    if (CountsPeers(prepared.metric)) prepared.peer_slot = peer_slots_++;
    new_peers_ |= prepared.metric == config::Metric::kNewPeers;
    if (prepared.metric == config::Metric::kFailedSessions) {
      of_failed_.push_back(index);
      if (index == lead) {
        prepared.failure_log = static_cast<uint16_t>(failure_shapes_.size());
        failure_shapes_.push_back(prepared.shape);
      }
    }
    rules_.push_back(std::move(prepared));
  }
}

uint16_t RuleIndex::ScheduleOf(const config::Rule& rule) {
  if (rule.always()) return PreparedRule::kAlways;
  const Schedule schedule(rule);
  const auto known = std::find(schedules_.begin(), schedules_.end(), schedule);
  if (known != schedules_.end()) return static_cast<uint16_t>(known - schedules_.begin());
  schedules_.push_back(schedule);
  open_.push_back(false);
  return static_cast<uint16_t>(schedules_.size() - 1);
}

bool RuleIndex::StartTick(int64_t tick) {
  bool changed = !started_ && !schedules_.empty();
  started_ = true;
  for (std::size_t i = 0; i < schedules_.size(); ++i) {
    const bool open = schedules_[i].Holds(tick, zone_);
    changed |= open != open_[i];
    open_[i] = open;
  }
  return changed;
}

bool RuleIndex::CountsFailed(const Kind& kind) const {
  return std::any_of(of_failed_.begin(), of_failed_.end(), [&](uint16_t index) {
    const PreparedRule& rule = rules_[index];
    return (rule.roles >> static_cast<int>(kind.role) & 1) != 0 &&
           rule.Counts(kind.service, kind.verdict, kind.tls);
  });
}

RuleShape RuleIndex::ShapeOf(uint16_t lead) const {
  RuleShape shape{rules_[lead].rule->name, rules_[lead].scope, {}};
  for (std::size_t i = lead; i < rules_.size() && rules_[i].lead == lead; ++i) {
    shape.conditions.emplace_back(rules_[i].metric, rules_[i].shape.window_seconds);
  }
  return shape;
}

std::vector<std::string> RuleIndex::Usual() const {
  std::vector<std::string> all;
  for (const PreparedRule& rule : rules_) {
    if (rule.by_baseline) all.push_back(rule.usual);
  }
  return all;
}

uint16_t RuleIndex::Find(const RuleShape& shape) const {
  for (uint16_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].lead != i || rules_[i].rule->name != shape.name) continue;
    return ShapeOf(i) == shape ? i : kNoRule;
  }
  return kNoRule;
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

const RuleSet& RuleIndex::RulesFor(uint32_t group_set, const Kind& kind) {
  const uint64_t number = uint64_t{group_set} << 32 | static_cast<uint64_t>(kind.tls) << 24 |
                          static_cast<uint64_t>(kind.role) << 16 |
                          static_cast<uint64_t>(kind.service) << 8 |
                          static_cast<uint64_t>(kind.verdict);
  const auto [at, added] = known_.try_emplace(number, nullptr);
  if (added) {
    RuleSet& set = rule_sets_.emplace_back();
    at->second = &set;
    set.counts_peers = new_peers_;
    for (uint16_t i = 0; i < rules_.size(); ++i) {
      const PreparedRule& rule = rules_[i];
      if ((rule.roles >> static_cast<int>(kind.role) & 1) == 0 ||
          !rule.Counts(kind.service, kind.verdict, kind.tls) ||
          !rule.Concerns(group_sets_[group_set])) {
        continue;
      }
      if (rule.lead == i) set.rules.push_back(i);
      set.counts_peers |= CountsPeers(rule.metric);
    }
  }
  return *at->second;
}

}  // namespace mailtap::control

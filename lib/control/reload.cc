// Another configuration comes into force while everything that was counted stays.
#include <algorithm>
#include <utility>

#include "lib/control/engine.h"

namespace mailtap::control {
namespace {

constexpr uint16_t kNoRule = Windows::kNoRule;

std::vector<uint16_t> NewRules(const RuleIndex& before, const RuleIndex& after) {
  std::vector<uint16_t> to;
  for (uint16_t i = 0; i < before.rules().size(); ++i) {
    const PreparedRule& old = before.rules()[i];
    const uint16_t lead = after.Find(before.ShapeOf(old.lead));
    to.push_back(lead == kNoRule ? kNoRule : static_cast<uint16_t>(lead + i - old.lead));
  }
  return to;
}

// By name, as after a restart: whoever else is in the file makes no group another.
std::vector<uint32_t> NewGroups(const config::Config& before, const config::Config& after) {
  std::vector<uint32_t> to;
  for (const config::Group& group : before.groups) {
    const auto found =
        std::find_if(after.groups.begin(), after.groups.end(),
                     [&](const auto& other) { return other.name == group.name; });
    to.push_back(found == after.groups.end()
                     ? kNone
                     : static_cast<uint32_t>(found - after.groups.begin()));
  }
  return to;
}

// The same for the slots of rules that count peers.
std::vector<uint16_t> NewSlots(const RuleIndex& before, const RuleIndex& after,
                               const std::vector<uint16_t>& to) {
  std::vector<uint16_t> slots(before.peer_slots(), PeerTable::kNoSlot);
  for (std::size_t i = 0; i < to.size(); ++i) {
    const PreparedRule& old = before.rules()[i];
    if (to[i] != kNoRule && CountsPeers(old.metric)) {
      slots[old.peer_slot] = after.rules()[to[i]].peer_slot;
    }
  }
  return slots;
}

// Logs of a width that is still wanted go on.
std::vector<EvidenceLog> NewEvidence(std::vector<EvidenceLog> before,
                                     const std::vector<WindowShape>& shapes) {
  std::vector<EvidenceLog> logs;
  for (const WindowShape& shape : shapes) {
    const auto known = std::find_if(before.begin(), before.end(), [&](const EvidenceLog& log) {
      return log.shape().width == shape.width;
    });
    if (known == before.end()) {
      logs.emplace_back(shape);
    } else {
      logs.push_back(std::move(*known));
      logs.back().SetLongest(shape.window_seconds);
    }
  }
  return logs;
}

// Logs of rules that go on do so.
std::vector<FailureLog> NewFailures(std::vector<FailureLog> before, const RuleIndex& old,
                                    const std::vector<uint16_t>& to, const State& state) {
  std::vector<FailureLog> logs = state.NewFailures();
  for (std::size_t i = 0; i < to.size(); ++i) {
    const uint16_t log = old.rules()[i].failure_log;
    if (to[i] == kNoRule || log == PreparedRule::kNoLog) continue;
    logs[state.rules.rules()[to[i]].failure_log] = std::move(before[log]);
  }
  return logs;
}

}  // namespace

void Engine::Reload(std::shared_ptr<const config::Config> next) {
  intake_.Flush();
  RuleIndex rules(*next);
  const Renumbering to{NewRules(state_.rules, rules), NewGroups(*state_.config, *next)};
  judge_.ClearAll(to, next->version);
  DropGone(to);
  const std::vector<uint16_t> slots = NewSlots(state_.rules, rules, to.rules);

  // Nothing refers to the old rules but the configuration that holds them.
  const std::shared_ptr<const config::Config> before =
      std::exchange(state_.config, std::move(next));
  const config::Config& config = *state_.config;
  state_.policy = Policy(config);
  const RuleIndex old = std::exchange(state_.rules, std::move(rules));
  state_.windows.Renumber(to.rules, slots, state_.rules.peer_slots());
  state_.evidence =
      NewEvidence(std::exchange(state_.evidence, {}), state_.rules.evidence_shapes());
  state_.failures = NewFailures(std::exchange(state_.failures, {}), old, to.rules, state_);
  const std::vector<uint32_t> relay_to = state_.relays.Reload(config.relays);
  state_.alerts.Reload(State::TermsOf(config), config.alerts.update_seconds);
  state_.suppressions.Reload(config);
  const bool sight_anew =
      config.metrics.capture_window_seconds != before->metrics.capture_window_seconds;
  state_.baselines.set_least_weeks(static_cast<int>(config.baselines.weeks));
  state_.baselines.Keep(state_.rules.Usual());
  if (sight_anew) {
    state_.hosts.ForEach([&](uint32_t id) { state_.hosts.at(id).sight = {}; });
  }
  RenumberEntities(to);
  if (config.learning.on() != before->learning.on()) {
    state_.windows.KeepPeaks(config.learning.on());
    state_.hours.KeepActs(config.learning.on());
  }
  state_.dns.Reload(static_cast<std::size_t>(config.dns.names), config.dns.grace_seconds);
  state_.conversations.IndexServers(state_.policy.relays().uses_names());
  approvals_.Reload();
  intake_.Rejudge(relay_to);
  blind_spots_.Reload();
}

// Empties the windows of rules and groups that are gone, and takes out their entities.
void Engine::DropGone(const Renumbering& to) {
  const bool groups_go = std::count(to.groups.begin(), to.groups.end(), kNone) > 0;
  for (uint16_t rule = 0; rule < to.rules.size(); ++rule) {
    if (to.rules[rule] == kNoRule) {
      state_.windows.Drop(rule);
    } else if (groups_go && state_.rules.rules()[rule].scope == config::Scope::kGroup) {
      state_.windows.Drop(
          rule, [&](const Entity& entity) { return to.groups[entity.host] == kNone; });
    }
  }
  state_.hosts.ForEach([&](uint32_t id) {
    uint32_t* link = &state_.hosts.at(id).first_entity;
    while (*link != kNone) {
      Entity& entity = state_.windows.at(*link);
      if (!to.RuleGoes(entity)) {
        link = &entity.next_of_host;
      } else {
        const uint32_t dropped = std::exchange(*link, entity.next_of_host);
        state_.windows.Remove(dropped);
      }
    }
  });
  absl::erase_if(state_.shared_entities, [&](const auto& entry) {
    const Entity& entity = state_.windows.at(entry.second);
    const bool gone = to.Goes(entity, state_.windows.rule_of(entity).scope);
    if (gone) state_.windows.Remove(entry.second);
    return gone;
  });
}

void Engine::RenumberEntities(const Renumbering& to) {
  state_.ForEachLead([&](uint32_t lead) {
    for (uint32_t e = lead; e != kNone; e = state_.windows.at(e).next_condition) {
      Entity& entity = state_.windows.at(e);
      entity.rule = to.rules[entity.rule];
      const bool of_group = state_.windows.rule_of(entity).scope == config::Scope::kGroup;
      if (of_group) entity.host = to.groups[entity.host];
    }
  });
  RenumberShared();
  state_.ForEachLead([&](uint32_t lead) {
    for (uint32_t e = lead; e != kNone; e = state_.windows.at(e).next_condition) {
      state_.windows.Refresh(e);
    }
  });
}

void Engine::RenumberShared() {
  const auto before = std::exchange(state_.shared_entities, {});
  for (const auto& [key, id] : before) {
    const Entity& entity = state_.windows.at(id);
    state_.shared_entities[{entity.rule, entity.host, entity.role}] = id;
  }
}

}  // namespace mailtap::control

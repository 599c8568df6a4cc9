// Another configuration comes into force while everything that was counted stays.
#include <algorithm>
#include <utility>

#include "lib/control/engine.h"

namespace mailtap::control {
namespace {

constexpr uint16_t kNoRule = Windows::kNoRule;

// For each rule of `before` its number in `after`; kNoRule where it is gone, or counts
// something else or over another time, so that what it has counted says nothing any more.
std::vector<uint16_t> NewNumbers(const RuleIndex& before, const RuleIndex& after) {
  std::vector<uint16_t> to;
  for (const PreparedRule& old : before.rules()) {
    const auto same = [&](const PreparedRule& rule) {
      return rule.rule->name == old.rule->name && rule.metric == old.metric &&
             rule.shape.window_seconds == old.shape.window_seconds;
    };
    const auto found = std::find_if(after.rules().begin(), after.rules().end(), same);
    to.push_back(found == after.rules().end()
                     ? kNoRule
                     : static_cast<uint16_t>(found - after.rules().begin()));
  }
  return to;
}

// The same for the slots of rules that count peers.
std::vector<uint16_t> NewSlots(const RuleIndex& before, const RuleIndex& after,
                               const std::vector<uint16_t>& to) {
  std::vector<uint16_t> slots(before.peer_slots(), PeerTable::kNoSlot);
  for (std::size_t i = 0; i < to.size(); ++i) {
    const PreparedRule& old = before.rules()[i];
    if (to[i] != kNoRule && old.metric == config::Metric::kDistinctPeers) {
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

}  // namespace

void Engine::Reload(std::shared_ptr<const config::Config> next) {
  intake_.Flush();
  RuleIndex rules(*next);
  const std::vector<uint16_t> to = NewNumbers(state_.rules, rules);
  std::vector<bool> gone(to.size());
  std::transform(to.begin(), to.end(), gone.begin(), [](uint16_t n) { return n == kNoRule; });
  judge_.ClearAll(gone, next->version);
  DropRules(to);
  const std::vector<uint16_t> slots = NewSlots(state_.rules, rules, to);

  // Nothing refers to the old rules but the configuration that holds them.
  const std::shared_ptr<const config::Config> before =
      std::exchange(state_.config, std::move(next));
  const config::Config& config = *state_.config;
  state_.policy = Policy(config);
  state_.rules = std::move(rules);
  state_.windows.Renumber(to, slots, state_.rules.peer_slots());
  state_.evidence =
      NewEvidence(std::exchange(state_.evidence, {}), state_.rules.evidence_shapes());
  const std::vector<uint32_t> relay_to = state_.relays.Reload(config.relays);
  state_.alerts.Reload(State::TermsOf(config), config.alerts.update_seconds);
  const bool sight_anew =
      config.metrics.capture_window_seconds != before->metrics.capture_window_seconds;
  state_.hosts.ForEach([&](uint32_t id) {
    Host& host = state_.hosts.at(id);
    if (sight_anew) host.sight = {};
    for (uint32_t e = host.first_entity; e != kNone; e = state_.windows.at(e).next_of_host) {
      state_.windows.at(e).rule = to[state_.windows.at(e).rule];
      state_.windows.Refresh(e);
    }
  });
  intake_.Rejudge(relay_to);
  blind_spots_.Reload();
}

// Empties the windows of rules that are gone, and takes out their entities.
void Engine::DropRules(const std::vector<uint16_t>& to) {
  for (uint16_t rule = 0; rule < to.size(); ++rule) {
    if (to[rule] == kNoRule) state_.windows.Drop(rule);
  }
  state_.hosts.ForEach([&](uint32_t id) {
    uint32_t* link = &state_.hosts.at(id).first_entity;
    while (*link != kNone) {
      Entity& entity = state_.windows.at(*link);
      if (to[entity.rule] != kNoRule) {
        link = &entity.next_of_host;
      } else {
        const uint32_t dropped = std::exchange(*link, entity.next_of_host);
        state_.windows.Remove(dropped);
      }
    }
  });
}

}  // namespace mailtap::control

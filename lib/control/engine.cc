#include "lib/control/engine.h"

#include <algorithm>
#include <cassert>
#include <chrono>

namespace mailtap::control {

void Engine::EndTick(int64_t tick) {
  assert(tick > state_.last_tick);
  const auto start = std::chrono::steady_clock::now();
  RunTick(tick);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  last_tick_seconds_ = took.count();
  total_tick_seconds_ += took.count();
}

void Engine::RunTick(int64_t tick) {
  intake_.Flush();
  state_.first_tick = std::min(state_.first_tick, tick);
  // What happened in the idle time before this tick: only buckets that leave and timers that
  // end can change anything, so only their ticks are looked at.
  for (;;) {
    const int64_t next = std::min(state_.windows.NextExpiry(), state_.alerts.NextTimer());
    if (next >= tick) break;
    judge_.EndTick(next);
  }
  state_.windows.Expire(tick);
  intake_.Fold(tick);
  sessions_.PutOut();
  judge_.EndTick(tick);
  for (EvidenceLog& log : state_.evidence) log.Expire(tick);
  janitor_.Tidy();
  state_.last_tick = tick;
  ++state_.ticks;
}

int64_t Engine::NextEventTick() const {
  int64_t next = state_.alerts.NextTimer();
  for (uint16_t i = 0; i < state_.rules.rules().size(); ++i) {
    // A bucket that leaves lowers sums. That alone raises a ratio, and changes any alert.
    const bool ratio =
        state_.rules.rules()[i].rule->metric == config::Metric::kSentReceivedRatio;
    if (ratio || state_.alerts.active(i) > 0) {
      next = std::min(next, state_.windows.NextExpiry(i));
    }
  }
  return next;
}

std::shared_ptr<const Snapshot> Engine::MakeSnapshot() const {
  auto snapshot = std::make_shared<Snapshot>();
  const std::size_t most =
      static_cast<std::size_t>(std::max<int64_t>(0, state_.config->metrics.top_hosts));
  if (state_.ticks > 0) snapshot->time = StartOfTick(state_.last_tick + 1);
  if (state_.first_packet != INT64_MAX) {
    snapshot->first_packet_tick = StartOfTick(TickOf(state_.first_packet));
  }
  snapshot->ticks = state_.ticks;
  snapshot->last_tick_seconds = last_tick_seconds_;
  snapshot->total_tick_seconds = total_tick_seconds_;
  snapshot->totals = state_.totals;
  snapshot->hosts_known = state_.hosts.size();
  snapshot->conversations_known = state_.conversations.size();
  snapshot->peers_forgotten = state_.forgotten;
  for (const uint32_t id : state_.windows.Top(most)) {
    const Entity& entity = state_.windows.at(id);
    const config::Rule& rule = *state_.windows.rule_of(entity).rule;
    snapshot->host_gauges.push_back({rule.name, state_.hosts.at(entity.host).totals.host,
                                     entity.role, state_.windows.Value(entity), rule.raise,
                                     entity.alert != kNone});
  }
  snapshot->hosts_tracked = state_.windows.hosts_live();
  snapshot->top_hosts = state_.hosts.Top(most);
  snapshot->relays = state_.relays.use();
  snapshot->alerts = state_.alerts.counts();
  snapshot->config_version = state_.config->version;
  return snapshot;
}

}  // namespace mailtap::control

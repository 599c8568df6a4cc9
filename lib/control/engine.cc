#include "lib/control/engine.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

#include "absl/container/flat_hash_set.h"

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
  state_.baselines.Resume(tick);
  // What happened in the idle time before this tick: only buckets that leave and timers that
  // end can change anything, so only their ticks are looked at.
  for (;;) {
    const int64_t next =
        std::min({state_.windows.NextExpiry(), state_.alerts.NextTimer(), judge_.NextEvent(),
                  blind_spots_.NextEvent(), approvals_.NextEvent()});
    if (next >= tick) break;
    judge_.StartTick(next);
    JudgeAll(next);
  }
  judge_.StartTick(tick);
  StartHour(tick);
  approvals_.Settle(tick);
  intake_.Settle(tick);
  state_.windows.Expire(tick);
  intake_.Fold(tick);
  state_.hours.Count(blind_spots_.Count(tick));
  sessions_.PutOut(tick);
  JudgeAll(tick);
  for (EvidenceLog& log : state_.evidence) log.Expire(tick);
  for (FailureLog& log : state_.failures) log.Expire(tick);
  state_.forgotten += state_.servers.EndTick(tick);
  janitor_.Tidy(tick);
  state_.last_tick = tick;
  ++state_.ticks;
}

void Engine::StartHour(int64_t tick) {
  constexpr std::size_t kMostKept = 2'200;  // three months
  state_.hours.StartTick(tick, [this] {
    hours_.push_back(SummarizeHour(state_));
    // Where nobody takes them, the earliest go.
    if (hours_.size() > kMostKept) hours_.erase(hours_.begin());
    state_.relays.BeginHour();
    state_.windows.BeginPeaks();
  });
}

std::vector<Hour> Engine::TakeHours() {
  std::vector<Hour> hours = std::exchange(hours_, {});
  if (state_.hours.hour() != HourBook::kNoHour) hours.push_back(SummarizeHour(state_));
  return hours;
}

void Engine::JudgeAll(int64_t tick) {
  judge_.EndTick(tick);
  blind_spots_.EndTick(tick);
  approvals_.EndTick(tick);
}

int64_t Engine::NextEventTick() const {
  int64_t next = std::min({state_.alerts.NextTimer(), judge_.NextEvent(),
                           blind_spots_.NextEvent(), approvals_.NextEvent()});
  for (uint16_t i = 0; i < state_.rules.rules().size(); ++i) {
    // A bucket that leaves lowers sums. That alone raises a ratio, and changes any alert.
    const PreparedRule& rule = state_.rules.rules()[i];
    const bool ratio = rule.metric == config::Metric::kSentReceivedRatio;
    if (ratio || state_.alerts.watched(rule.number) > 0) {
      next = std::min(next, state_.windows.NextExpiry(i));
    }
  }
  return next;
}

std::shared_ptr<const Snapshot> Engine::MakeSnapshot(bool every_relay) const {
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
  snapshot->peers_forgotten = state_.forgotten + state_.baselines.refused();
  AddHostGauges(most, *snapshot);
  snapshot->hosts_tracked = state_.windows.hosts_live();
  for (const uint32_t id : state_.hosts.Top(most)) snapshot->top_hosts.push_back(TotalsOf(id));
  snapshot->relays = state_.relays.Top(
      every_relay ? SIZE_MAX : static_cast<std::size_t>(state_.config->metrics.top_relays));
  snapshot->relays_known = state_.relays.use().size();
  snapshot->alerts = state_.alerts.counts();
  snapshot->alerts.insert(snapshot->alerts.end(), blind_spots_.counts().begin(),
                          blind_spots_.counts().end());
  if (state_.policy.NextEnd(INT64_MIN) != INT64_MAX || approvals_.count().raised > 0) {
    snapshot->alerts.push_back(approvals_.count());
  }
  snapshot->names_known = state_.dns.size();
  snapshot->answers_learnt = approvals_.answers_learnt();
  snapshot->answers_ignored = approvals_.answers_ignored();
  snapshot->capture = blind_spots_.Recent();
  snapshot->capture_in_all = blind_spots_.InAll();
  snapshot->samples = state_.samples.samples();
  snapshot->config_version = state_.config->version;
  return snapshot;
}

void Engine::AddHostGauges(std::size_t most, Snapshot& snapshot) const {
  const int64_t period = state_.last_tick / state_.config->metrics.capture_window_seconds;
  absl::flat_hash_set<uint32_t> shown;
  for (const uint32_t id : state_.windows.Top(most)) {
    const Entity& entity = state_.windows.at(id);
    const PreparedRule& rule = state_.windows.rule_of(entity);
    const Host& host = state_.hosts.at(entity.host);
    const net::EncapStack encap = state_.encaps.Of(host.key.encap_tag);
    snapshot.host_gauges.push_back({rule.rule->name, host.key.address, encap, entity.role,
                                    state_.windows.Value(entity), judge_.BarOf(entity).raise,
                                    state_.alerts.raised(entity.alert)});
    if (!shown.insert(entity.host).second) continue;
    snapshot.host_sights.push_back(
        {host.key.address, encap, host.sight.At(period).confidence()});
  }
}

HostTotals Engine::TotalsOf(uint32_t id) const {
  const Host& host = state_.hosts.at(id);
  return {{host.totals}, host.key.address, state_.encaps.Of(host.key.encap_tag)};
}

std::vector<HostTotals> Engine::RankedHosts() const {
  std::vector<HostTotals> ranked;
  for (const uint32_t id : state_.hosts.Ranked()) ranked.push_back(TotalsOf(id));
  return ranked;
}

}  // namespace mailtap::control

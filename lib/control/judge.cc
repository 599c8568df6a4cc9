#include "lib/control/judge.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "lib/control/alert_id.h"
#include "lib/control/evidence.h"
#include "lib/control/summary.h"

namespace mailtap::control {

namespace {

// What an hour's amount has to reach beyond `raise`, given what is usual in it. The amounts of
// a host that does the same each week may not differ at all: some change is usual nevertheless.
double ConspicuousFrom(const config::Rule& rule, const Baseline& usual) {
  constexpr double kLeastDeviation = 0.05;  // of what is expected
  const double by_multiple = rule.multiple * usual.expected;
  const double deviation = std::max(usual.deviation, kLeastDeviation * usual.expected);
  const double by_deviations =
      rule.deviations > 0 ? usual.expected + rule.deviations * deviation : 0;
  return std::max(by_multiple, by_deviations);
}

}  // namespace

void Judge::StartTick(int64_t tick) {
  if (!state_.baselines.StartTick(tick)) return;
  for (const uint32_t id : waiting_) {
    // Its place may have been given to another one since.
    if (state_.windows.at(id).lead == id) state_.windows.MarkDue(id);
  }
  waiting_.clear();
}

std::optional<Judge::Usual> Judge::UsualOf(const Entity& entity) const {
  const Host& host = state_.hosts.at(entity.host);
  const PreparedRule& prepared = state_.windows.rule_of(entity);
  const config::Rule& rule = *prepared.rule;
  const GroupList groups{state_.rules.Groups(host.group_set), state_.config->groups};
  const auto of = [&](int64_t hours_ago) {
    return state_.baselines.Of(prepared.usual, entity.role, host.key, groups, hours_ago);
  };
  const std::optional<Baseline> now = of(0), before = of(1);
  if (!now || !before) return std::nullopt;
  // The window reaches into the hour before too. Of a host that mails in bursts it may hold all
  // that is usual in either: one of the two has to stand out while the other is as ever.
  Usual usual{*now, ConspicuousFrom(rule, *now) + before->expected};
  const double by_before = ConspicuousFrom(rule, *before) + now->expected;
  if (by_before > usual.raise) usual = {*before, by_before};
  usual.raise = std::max(rule.raise, usual.raise);
  return usual;
}

Judge::Bar Judge::BarOf(const Entity& entity) const {
  const PreparedRule& rule = state_.windows.rule_of(entity);
  Bar bar{std::nullopt, rule.raise, rule.clear};
  if (!rule.by_baseline) return bar;
  const bool lasts = state_.alerts.lasts(entity.alert);
  if (lasts) {
    bar.baseline = state_.alerts.open(entity.alert).baseline;
    if (bar.baseline) bar.raise = state_.alerts.open(entity.alert).raise;
  } else if (const std::optional<Usual> usual = UsualOf(entity)) {
    bar.baseline = usual->baseline;
    bar.raise = usual->raise;
  }
  bar.clear = bar.raise * rule.clear / rule.raise;
  return bar;
}

Standing Judge::AgainstBaseline(uint32_t id, const Entity& entity, Standing standing,
                                int64_t tick) {
  const PreparedRule& rule = state_.windows.rule_of(entity);
  const double value = state_.windows.Value(entity);
  if (state_.alerts.lasts(entity.alert)) {
    const double raise = state_.alerts.open(entity.alert).raise;
    standing.held = standing.held && value >= raise * rule.clear / rule.raise;
    if (state_.alerts.raised(entity.alert)) {
      state_.windows.Rank(id, raise);
      return standing;
    }
  }
  if (value < rule.raise) return standing;
  const std::optional<Usual> usual = UsualOf(entity);
  const double raise = usual ? usual->raise : std::numeric_limits<double>::infinity();
  state_.windows.Rank(id, raise);
  if (!standing.raised || value >= raise) return standing;
  if (waiting_.empty()) next_hour_ = state_.baselines.NextHour(tick);
  waiting_.insert(id);
  standing.raised = false;
  return standing;
}

void Judge::EndTick(int64_t tick) {
  state_.windows.Expire(tick);
  for (const uint32_t id : state_.alerts.TakeDue(tick)) state_.windows.MarkDue(id);
  std::vector<Change> changes;
  state_.windows.VisitDue([&](uint32_t id, Entity& entity) {
    const PreparedRule& rule = state_.windows.rule_of(entity);
    Standing standing = state_.windows.StandingOf(entity);
    if (rule.by_baseline) standing = AgainstBaseline(id, entity, standing, tick);
    if (standing.raised || entity.alert != kNone) {
      const uint32_t covered_by = SuppressionOf(entity, tick);
      if (covered_by != Suppressions::kNone) {
        standing.suppressed_until = state_.suppressions.entry(covered_by).ends;
      }
    }
    if (const auto state = state_.alerts.Judge(id, rule.number, entity.alert, standing, tick)) {
      changes.push_back({id, *state});
    }
  });
  Sort(changes);
  for (const Change& change : changes) PutOut(change, tick);
}

void Judge::PutOut(const Change& change, int64_t tick) {
  Entity& entity = state_.windows.at(change.entity);
  if (change.state == AlertState::kSuppressed) return Suppress(change, tick);
  Alert alert = Compose(change, tick);
  const bool suppressed =
      change.state == AlertState::kCleared && state_.alerts.suppressed(entity.alert);
  if (suppressed) {
    alert.summary =
        SummarizeSuppression(alert, state_.suppressions.entry(SuppressionOf(entity, tick)));
  }
  output_.OnAlert(alert);
  if (suppressed) {
    Suppress({change.entity, AlertState::kSuppressed}, tick);
  } else if (change.state == AlertState::kCleared) {
    state_.alerts.Close(entity.alert);
  }
}

void Judge::Suppress(const Change& change, int64_t tick) {
  const uint32_t index = SuppressionOf(state_.windows.at(change.entity), tick);
  Alert alert = Compose(change, tick);
  alert.suppression = state_.suppressions.entry(index).name;
  state_.suppressions.Count(index, alert.time);
  output_.OnSuppressed(alert);
}

uint32_t Judge::SuppressionOf(const Entity& entity, int64_t tick) const {
  const PreparedRule& rule = state_.windows.rule_of(entity);
  if (state_.suppressions.empty() || rule.scope != config::Scope::kHost) {
    return Suppressions::kNone;
  }
  return state_.suppressions.Find(rule.number, state_.hosts.at(entity.host).key.address, tick);
}

void Judge::Sort(std::vector<Change>& changes) const {
  std::sort(changes.begin(), changes.end(), [&](const Change& a, const Change& b) {
    return state_.windows.Before(a.entity, b.entity);
  });
}

void Judge::ClearAll(const Renumbering& to, const std::string& version) {
  waiting_.clear();  // those that go on are judged anew
  std::vector<Change> changes;
  state_.ForEachLead([&](uint32_t id) {
    Entity& entity = state_.windows.at(id);
    if (entity.alert == kNone || !to.Goes(entity, state_.windows.rule_of(entity).scope)) return;
    if (state_.alerts.raised(entity.alert)) {
      changes.push_back({id, AlertState::kCleared});
    } else {
      state_.alerts.Drop(state_.windows.rule_of(entity).number, entity.alert);
    }
  });
  Sort(changes);
  for (const Change& change : changes) {
    Alert alert = Compose(change, state_.last_tick);
    alert.config_version = version;
    Entity& entity = state_.windows.at(change.entity);
    alert.summary = to.RuleGoes(entity) ? SummarizeReload(alert) : SummarizeGroupGone(alert);
    output_.OnAlert(alert);
    state_.alerts.Clear(state_.windows.rule_of(entity).number);
    state_.alerts.Close(entity.alert);
  }
}

// Whose traffic it is, as the rule's scope has it.
void Judge::Address(const Entity& entity, Alert& alert) const {
  alert.scope = state_.windows.rule_of(entity).scope;
  alert.role = entity.role;
  if (alert.scope == config::Scope::kGroup) {
    alert.asset = state_.config->groups[entity.host].name;
  } else if (alert.scope == config::Scope::kHost) {
    const Host& host = state_.hosts.at(entity.host);
    alert.host = host.key.address;
    alert.encap = state_.encaps.Of(host.key.encap_tag);
    const std::vector<uint32_t>& groups = state_.rules.Groups(host.group_set);
    if (!groups.empty()) alert.asset = state_.config->groups[groups.front()].name;
    const config::Asset* asset = state_.policy.AssetOf(host.key.address);
    if (asset == nullptr) return;
    if (!asset->name.empty()) alert.asset = asset->name;
    alert.owner = asset->owner;
    alert.shared = asset->shared();
  }
}

void Judge::AddExpected(const PreparedRule& rule, int64_t tick, Alert& alert) const {
  constexpr std::size_t kMost = 5, kMostServers = 4;
  if (rule.scope != config::Scope::kHost) return;
  for (const uint32_t index :
       state_.policy.expected_relays().Of(alert.host, alert.role, alert.service, tick, kMost)) {
    const config::Relay& relay = state_.config->relays[index];
    ExpectedRelay& expected = alert.expected_relays.emplace_back();
    expected.name = relay.name;
    expected.owner = relay.owner;
    expected.ports = relay.ports;
    for (const net::Prefix& prefix : relay.destinations) {
      if (expected.servers.size() == kMostServers) break;
      expected.servers.push_back(net::ToString(prefix));
    }
    for (const std::string& name : relay.names) {
      if (expected.servers.size() == kMostServers) break;
      expected.servers.push_back(name);
    }
  }
}

void Judge::AddConditions(const Entity& lead, Alert& alert) const {
  const auto add = [&](const Entity& entity) {
    const config::Condition& condition = *state_.windows.rule_of(entity).condition;
    alert.conditions.push_back(
        {condition.metric, state_.windows.Value(entity),
         alert.state == AlertState::kCleared ? condition.clear : condition.raise,
         condition.window_seconds});
  };
  for (uint32_t id = lead.next_condition; id != kNone;
       id = state_.windows.at(id).next_condition) {
    add(state_.windows.at(id));
  }
}

Alert Judge::Compose(const Change& change, int64_t tick) {
  Entity& entity = state_.windows.at(change.entity);
  const PreparedRule& rule = state_.windows.rule_of(entity);
  const Evidence evidence = GatherEvidence(
      {state_.conversations, state_.hosts, state_.evidence, state_.failures, state_.names,
       state_.dns, state_.rules, state_.windows.peers()},
      entity, rule, tick,
      static_cast<std::size_t>(std::max<int64_t>(0, state_.config->alerts.top_peers)));

  Alert alert;
  alert.state = change.state;
  alert.time = StartOfTick(tick + 1);
  alert.rule = rule.rule->name;
  alert.severity = rule.rule->severity;
  Address(entity, alert);
  alert.metric = rule.metric;
  alert.value = state_.windows.Value(entity);
  OpenAlert& open = state_.alerts.open(entity.alert);
  const bool begins =
      change.state == AlertState::kRaised || change.state == AlertState::kSuppressed;
  if (begins) {
    const std::optional<Usual> usual = rule.by_baseline ? UsualOf(entity) : std::nullopt;
    open.baseline = usual ? std::optional(usual->baseline) : std::nullopt;
    open.raise = usual ? usual->raise : rule.raise;
  }
  alert.highest = change.state == AlertState::kSuppressed ? alert.value : open.highest;
  alert.baseline = open.baseline;
  // What is usual goes on to bound the alert that it raised; a rule's own bounds may be
  // reloaded.
  const double raise = open.baseline ? open.raise : rule.raise;
  const double clear = open.baseline ? open.raise * rule.clear / rule.raise : rule.clear;
  alert.threshold = change.state == AlertState::kCleared ? clear : raise;
  alert.window_seconds = rule.shape.window_seconds;
  AddConditions(entity, alert);
  alert.last_seen = entity.last_seen;
  alert.top_peers = evidence.top_peers;
  alert.confidence = evidence.confidence;
  alert.config_version = state_.config->version;

  if (begins) {
    open.id = AlertId(state_.config->sensor.name, alert);
    // Without evidence, because a bound was reached, at least the last of it is known.
    open.first_seen = evidence.empty ? entity.last_seen : evidence.first_seen;
    open.verdict = rule.rule->verdicts.empty() ? open.verdict : rule.rule->verdicts.front();
    open.service = rule.rule->services.empty() ? open.service : rule.rule->services.front();
  }
  if (evidence.has_share) {
    open.verdict = evidence.verdict;
    open.service = evidence.service;
  }
  alert.id = open.id;
  alert.first_seen = open.first_seen;
  alert.verdict = open.verdict;
  alert.service = open.service;
  AddExpected(rule, tick, alert);
  alert.summary =
      Summarize(alert, {evidence.peers, evidence.hosts, evidence.verdicts, evidence.services},
                rule.rule->hold_seconds);
  return alert;
}

}  // namespace mailtap::control

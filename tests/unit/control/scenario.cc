#include "tests/unit/control/scenario.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/control/testing.h"

namespace mailtap::control {
namespace {

using config::Metric;
using config::Verdict;

const char* const kInternal[] = {"10.1.0.1", "10.1.0.2", "10.2.0.1", "fd00::1", "10.3.0.9"};
const char* const kExternal[] = {"198.51.100.1", "198.51.100.2", "203.0.113.7", "2001:db8::25"};

template <typename Enum>
std::vector<Enum> RandomSubset(Random& random, int count) {
  std::vector<Enum> subset;
  if (Pick(random, 0, 1) == 0) return subset;
  for (int i = 0; i < count; ++i) {
    if (Pick(random, 0, 1) == 0) subset.push_back(static_cast<Enum>(i));
  }
  return subset;
}

// A threshold that a handful of records reaches.
double RandomThreshold(Random& random, Metric metric) {
  switch (metric) {
    case Metric::kSentBytes:
    case Metric::kReceivedBytes:
      return static_cast<double>(Pick(random, 1, 5000));
    case Metric::kSessions:
    case Metric::kMessages:
    case Metric::kRejected:
      return static_cast<double>(Pick(random, 1, 12));
    case Metric::kDistinctPeers:
      return static_cast<double>(Pick(random, 1, 4));
    case Metric::kNewPeers:
    case Metric::kFailedSessions:
      return static_cast<double>(Pick(random, 1, 3));
    case Metric::kSentReceivedRatio:
      return static_cast<double>(Pick(random, 1, 40)) / 8;
  }
  return 1;
}

void RandomCondition(Random& random, int64_t longest_window, config::Condition& condition) {
  condition.metric = static_cast<Metric>(Pick(random, 0, config::kMetricCount - 1));
  condition.window_seconds = Pick(random, 10, longest_window);
  condition.raise = RandomThreshold(random, condition.metric);
  condition.clear = condition.raise * static_cast<double>(Pick(random, 1, 4)) / 4;
  if (condition.metric == Metric::kSentReceivedRatio && Pick(random, 0, 1) == 0) {
    condition.minimum = Pick(random, 1, 1500);
  }
}

// A part of the day that starts or ends while the scenario runs.
config::Hours RandomHours(Random& random, int64_t first_tick, int64_t longest_window) {
  const auto most = static_cast<int>(longest_window / 60) + 2;
  const auto now = static_cast<int>(first_tick % 86'400 / 60);
  const auto from = now + static_cast<int>(Pick(random, -most, most));
  const auto to = from + static_cast<int>(Pick(random, 1, most));
  constexpr int kDay = config::Hours::kDayMinutes;
  const config::Hours hours{(from % kDay + kDay) % kDay, (to % kDay + kDay) % kDay};
  return hours.from == hours.to ? config::Hours{} : hours;
}

config::Rule RandomRule(Random& random, int number, int64_t longest_window,
                        int64_t first_tick) {
  config::Rule rule;
  rule.name = absl::StrCat("rule", number);
  RandomCondition(random, longest_window, rule);
  rule.hold_seconds = Pick(random, 0, 2) == 0 ? 0 : Pick(random, 1, longest_window);
  rule.severity = static_cast<config::Severity>(Pick(random, 0, config::kSeverityCount - 1));
  rule.services = RandomSubset<Service>(random, kServiceCount);
  rule.roles = RandomSubset<Role>(random, kRoleCount);
  rule.verdicts = RandomSubset<Verdict>(random, config::kVerdictCount - 1);
  if (Pick(random, 0, 3) == 0) rule.tls = RandomSubset<Tls>(random, kTlsCount);
  if (Pick(random, 0, 2) == 0) rule.groups = {Pick(random, 0, 1) == 0 ? "desks" : "racks"};
  bool remembers = rule.metric == Metric::kNewPeers;
  for (int64_t i = Pick(random, -3, 2); i > 0; --i) {
    RandomCondition(random, longest_window, rule.conditions.emplace_back());
    remembers |= rule.conditions.back().metric == Metric::kNewPeers;
  }
  if (!remembers && Pick(random, 0, 3) == 0) {
    rule.scope = static_cast<config::Scope>(Pick(random, 1, 2));
  }
  if (Pick(random, 0, 3) == 0) rule.sustained_seconds = Pick(random, 1, longest_window / 2);
  if (Pick(random, 0, 3) == 0) rule.updates = Pick(random, 0, 2);
  if (Pick(random, 0, 4) == 0) rule.hours = RandomHours(random, first_tick, longest_window);
  if (Pick(random, 0, 5) == 0) {
    rule.weekdays = RandomSubset<config::Weekday>(random, config::kWeekdayCount);
  }
  return rule;
}

meter::DeltaRecord RandomDelta(Random& random, int64_t tick) {
  const auto address = [&](bool internal) {
    return internal ? kInternal[Pick(random, 0, 4)] : kExternal[Pick(random, 0, 3)];
  };
  const int64_t ends = Pick(random, 0, 19);  // mostly from inside to outside
  const bool client_inside = ends < 16, server_inside = ends >= 12 && ends < 19;
  constexpr uint16_t kPorts[] = {25, 587, 143, 110};
  meter::DeltaRecord delta =
      Delta(address(client_inside), address(server_inside), tick,
            static_cast<uint64_t>(Pick(random, 0, 2) * Pick(random, 0, 600)),
            static_cast<uint64_t>(Pick(random, 0, 2) * Pick(random, 0, 300)),
            kPorts[Pick(random, 0, 3)], static_cast<Service>(Pick(random, 0, 2)));
  for (meter::DirectionBytes& direction : delta.bytes) {
    if (Pick(random, 0, 3) == 0)
      direction.inferred = static_cast<uint64_t>(Pick(random, 1, 200));
    if (Pick(random, 0, 3) == 0)
      direction.repeated = static_cast<uint64_t>(Pick(random, 1, 200));
    if (Pick(random, 0, 3) == 0) direction.packets = 0;
  }
  // Something has to mark it as traffic.
  if (delta.bytes[kUp].packets + delta.bytes[kDown].packets == 0) delta.bytes[kUp].packets = 1;
  delta.sessions = static_cast<uint32_t>(Pick(random, 0, 2));
  delta.messages = static_cast<uint32_t>(Pick(random, 0, 3));
  delta.rejected = static_cast<uint32_t>(Pick(random, 0, 3) * Pick(random, 0, 1));
  delta.key.tls = Pick(random, 0, 2) == 0 ? Tls::kStarttls : Tls::kNone;
  if (Pick(random, 0, 5) == 0) {
    delta.failed_sessions = static_cast<uint32_t>(Pick(random, 1, 2));
    if (Pick(random, 0, 2) > 0) {  // nothing but that
      delta.sessions = delta.messages = delta.rejected = 0;
      for (meter::DirectionBytes& direction : delta.bytes) direction = {};
    }
  }
  delta.first_seen += Pick(random, 0, 400'000'000);
  delta.last_seen += Pick(random, 400'000'000, 900'000'000);
  return delta;
}

}  // namespace

int64_t Pick(Random& random, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(random() % static_cast<uint64_t>(most - least + 1));
}

Scenario RandomScenario(uint64_t seed, int64_t longest_window) {
  Random random(seed);
  Scenario scenario;
  config::Config& config = scenario.config;
  config = BaseConfig();
  config.groups = {{"desks", {Net("10.1.0.0/16"), Net("fd00::/64")}},
                   {"racks", {Net("10.2.0.0/16"), Net("10.1.0.2")}}};
  config::Relay relay;
  relay.name = "gateway";
  relay.destinations = {Net("203.0.113.0/24"), Net("10.3.0.0/16")};
  relay.services = {Service::kSmtp};
  // Two on trial that take much of the same mail.
  config::Relay trial = Relay("trial"), desks = Relay("desks on trial");
  desks.sources = {Net("10.1.0.0/16")};
  trial.mode = desks.mode = config::RelayMode::kObserve;
  config.relays = {trial, relay, desks};
  config.alerts.update_seconds = Pick(random, 1, longest_window);
  config.alerts.top_peers = Pick(random, 1, 5);
  config.metrics.top_hosts = 1000;
  scenario.first_tick = kT0 + Pick(random, 0, 10'000);
  const int64_t rules = Pick(random, 1, 6);
  for (int i = 0; i < rules; ++i) {
    config.rules.push_back(RandomRule(random, i, longest_window, scenario.first_tick));
  }

  int64_t tick = scenario.first_tick;
  const int64_t bursts = Pick(random, 5, 60);
  for (int64_t i = 0; i < bursts; ++i) {
    const int64_t records = Pick(random, 1, 6);
    for (int64_t r = 0; r < records; ++r) {
      scenario.ticks[tick].push_back(RandomDelta(random, tick));
    }
    // Mostly close, at times longer than the windows.
    tick += Pick(random, 0, 5) == 0 ? Pick(random, 1, longest_window * 3 / 2)
                                    : Pick(random, 1, longest_window / 8 + 2);
  }
  scenario.last_tick = tick + longest_window * 4;
  return scenario;
}

}  // namespace mailtap::control

// The control core's judgement told a second time, as simply as can be: every delta is kept for
// ever, every second is looked at, every sum is added up anew. Shares nothing with lib/control
// but the structs that come out.
#ifndef MAILTAP_TESTS_UNIT_CONTROL_ORACLE_H_
#define MAILTAP_TESTS_UNIT_CONTROL_ORACLE_H_

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/alert.h"
#include "lib/meter/records.h"

namespace mailtap::control {

class Oracle {
 public:
  explicit Oracle(const config::Config& config) : config_(config) {}

  // `deltas`: what comes in `tick`. Ticks have to grow, and for alerts to be right, by one.
  void Tick(int64_t tick, const std::vector<meter::DeltaRecord>& deltas);

  // Of rules that judge hosts one by one, and their first conditions.
  struct Gauge {
    int rule;
    net::IpAddress host;
    Role role;
    double value;
    bool alerting;
  };
  // Of the last tick, as Snapshot::host_gauges orders them.
  std::vector<Gauge> Gauges() const;
  std::size_t HostsTracked() const;
  // How many (second, rule, host, role) were judged.
  uint64_t cases() const { return cases_; }

  std::vector<Alert> alerts;  // so far; without id, asset, names and summary

 private:
  // One delta as one of its ends sees it.
  struct View {
    int64_t tick;
    meter::DeltaRecord delta;
    net::IpAddress host;
    Role role;
    config::Verdict verdict;
    uint64_t sent, received;
    net::IpAddress peer;
    bool traffic;  // not only failed attempts
    bool is_new;   // the host met the peer in this tick
  };
  // A rule, whom it judges (a group's index and no address, or -1 and a host's, or neither for
  // the site), in which role.
  using EntityKey = std::tuple<int, int, net::IpAddress, Role>;
  struct EntityState {
    std::vector<std::size_t> views;  // that its rule counts
    std::vector<double> values;      // by condition
    bool tracked = false;
    bool open = false;
    bool news = false;
    int64_t above_since = -1;
    int64_t below_since = -1;
    int64_t last_report = 0;
    int64_t updates = 0;
    double told = 0;     // the highest value that was reported
    double highest = 0;  // and that it had since the raise
    UnixNanos first_seen = 0;
    UnixNanos last_seen = 0;
    config::Verdict verdict{};
    Service service{};
  };

  config::Verdict VerdictOf(const meter::ConversationKey& key) const;
  bool Internal(const net::IpAddress& address) const;
  bool Counts(const config::Rule& rule, const View& view) const;
  std::vector<int> GroupsOf(const net::IpAddress& host) const;
  std::vector<EntityKey> EntitiesOf(int rule, const View& view) const;
  void See(const View& view);
  void Measure(int64_t tick, const EntityKey& key, EntityState& entity);
  void Judge(int64_t tick, const EntityKey& key, EntityState& entity);
  void Report(AlertState state, int64_t tick, const EntityKey& key, EntityState& entity);
  void AddEvidence(const std::vector<const View*>& held, const config::Rule& rule,
                   EntityState& entity, Alert& alert) const;
  void AddSight(const std::vector<const View*>& held, Alert& alert) const;
  std::vector<const View*> InWindow(int64_t tick, const config::Condition& condition,
                                    const std::vector<std::size_t>& views) const;
  std::vector<const View*> EvidenceOf(int64_t tick, const config::Rule& rule,
                                      const EntityState& entity) const;
  uint64_t Amount(const View& view, const config::Condition& condition) const;

  const config::Config config_;
  std::vector<View> views_;
  std::map<EntityKey, EntityState> entities_;
  std::map<std::tuple<net::IpAddress, Role, net::IpAddress>, int64_t> met_;
  int64_t first_tick_ = INT64_MAX;
  uint64_t cases_ = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_TESTS_UNIT_CONTROL_ORACLE_H_

// All that the control core knows: the tables that its parts share.
#ifndef MAILTAP_LIB_CONTROL_STATE_H_
#define MAILTAP_LIB_CONTROL_STATE_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/config/config.h"
#include "lib/control/alert_book.h"
#include "lib/control/baselines.h"
#include "lib/control/bounds.h"
#include "lib/control/claim_book.h"
#include "lib/control/conversation_table.h"
#include "lib/control/dns_book.h"
#include "lib/control/encap_book.h"
#include "lib/control/evidence_log.h"
#include "lib/control/failure_log.h"
#include "lib/control/host_table.h"
#include "lib/control/hour_book.h"
#include "lib/control/name_book.h"
#include "lib/control/policy.h"
#include "lib/control/relay_ledger.h"
#include "lib/control/relay_sets.h"
#include "lib/control/rule_index.h"
#include "lib/control/sample_book.h"
#include "lib/control/server_book.h"
#include "lib/control/snapshot.h"
#include "lib/control/suppressions.h"
#include "lib/control/windows.h"

namespace mailtap::control {

// Control thread only. Not movable: parts refer to each other.
struct State {
  State(std::shared_ptr<const config::Config> c, const Bounds& b)
      : config(std::move(c)),
        bounds(b),
        policy(*config),
        rules(*config),
        windows(rules, hosts),
        evidence(rules.evidence_shapes().begin(), rules.evidence_shapes().end()),
        failures(NewFailures()),
        names(bounds),
        dns(static_cast<std::size_t>(config->dns.names), config->dns.grace_seconds,
            [this](absl::string_view name) { return policy.relays().NamedBy(name, false); }),
        claims(bounds.server_names),
        relays(config->relays, bounds.relay_clients),
        baselines(rules.timezone(), static_cast<int>(config->baselines.weeks),
                  bounds.baseline_slots),
        alerts(TermsOf(*config), config->alerts.update_seconds),
        suppressions(*config),
        encaps(bounds.encapsulations),
        samples(static_cast<std::size_t>(config->diagnostics.samples)) {
    conversations.IndexServers(policy.relays().uses_names());
    baselines.Keep(rules.Usual());
    windows.KeepPeaks(config->learning.on());
    hours.KeepActs(config->learning.on());
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::shared_ptr<const config::Config> config;  // another after a reload
  const Bounds bounds;

  Policy policy;
  RuleIndex rules;

  ConversationTable conversations;
  RelaySets relay_sets;  // of the conversations
  HostTable hosts;
  Windows windows;
  // The first conditions' entities of rules that judge a group or the site, by rule, subject
  // and role; those of hosts are in the hosts' lists.
  absl::flat_hash_map<std::tuple<uint16_t, uint32_t, Role>, uint32_t> shared_entities;
  std::vector<EvidenceLog> evidence;  // as PreparedRule::evidence_log counts them
  std::vector<FailureLog> failures;   // as PreparedRule::failure_log does
  NameBook names;
  DnsBook dns;
  ClaimBook claims;
  RelayLedger relays;
  Baselines baselines;
  AlertBook alerts;  // of rules
  Suppressions suppressions;
  std::deque<uint32_t> retired;  // conversations, in the order in which they became so
  EncapBook encaps;
  SampleBook samples;
  HourBook hours;
  ServerBook servers;
  std::array<std::array<Totals, config::kVerdictCount>, kServiceCount> totals = {};

  int64_t first_tick = INT64_MAX;      // the first that ended
  int64_t last_tick = INT64_MIN;       // the last that ended
  UnixNanos first_packet = INT64_MAX;  // the earliest stamp in any record
  uint64_t ticks = 0;                  // EndTick() calls
  uint64_t forgotten = 0;              // see Snapshot::peers_forgotten

  // Calls visit(entity) for each first condition's entity.
  template <typename Visit>
  void ForEachLead(Visit&& visit) const {
    hosts.ForEach([&](uint32_t host) {
      uint32_t id = hosts.at(host).first_entity;
      for (; id != kNone; id = windows.at(id).next_of_host) visit(id);
    });
    for (const auto& [key, id] : shared_entities) visit(id);
  }

  // Logs for the rules in force, of which nothing has been counted.
  std::vector<FailureLog> NewFailures() const {
    std::vector<FailureLog> logs;
    for (const WindowShape& shape : rules.failure_shapes()) {
      logs.emplace_back(shape, bounds.failure_rows);
    }
    return logs;
  }

  // What raises and clears the alerts of the rules, in their order.
  static std::vector<AlertTerms> TermsOf(const config::Config& config) {
    std::vector<AlertTerms> terms;
    for (const config::Rule& rule : config.rules) {
      terms.push_back({rule.name, rule.severity, rule.raise, rule.clear, rule.hold_seconds,
                       rule.sustained_seconds, rule.updates});
    }
    return terms;
  }
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_STATE_H_

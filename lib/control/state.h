// All that the control core knows: the tables that its parts share.
#ifndef MAILTAP_LIB_CONTROL_STATE_H_
#define MAILTAP_LIB_CONTROL_STATE_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/alert_book.h"
#include "lib/control/bounds.h"
#include "lib/control/conversation_table.h"
#include "lib/control/encap_book.h"
#include "lib/control/evidence_log.h"
#include "lib/control/host_table.h"
#include "lib/control/name_book.h"
#include "lib/control/policy.h"
#include "lib/control/relay_ledger.h"
#include "lib/control/rule_index.h"
#include "lib/control/sample_book.h"
#include "lib/control/snapshot.h"
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
        names(bounds),
        relays(config->relays, bounds.relay_clients),
        alerts(TermsOf(*config), config->alerts.update_seconds),
        encaps(bounds.encapsulations),
        samples(static_cast<std::size_t>(config->diagnostics.samples)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::shared_ptr<const config::Config> config;  // another after a reload
  const Bounds bounds;

  Policy policy;
  RuleIndex rules;

  ConversationTable conversations;
  HostTable hosts;
  Windows windows;
  std::vector<EvidenceLog> evidence;  // as PreparedRule::evidence_log counts them
  NameBook names;
  RelayLedger relays;
  AlertBook alerts;              // of rules
  std::deque<uint32_t> retired;  // conversations, in the order in which they became so
  EncapBook encaps;
  SampleBook samples;
  std::vector<meter::ConversationKey> new_odd_ports;  // conversations new in this tick
  std::array<std::array<Totals, config::kVerdictCount>, kServiceCount> totals = {};

  int64_t first_tick = INT64_MAX;      // the first that ended
  int64_t last_tick = INT64_MIN;       // the last that ended
  UnixNanos first_packet = INT64_MAX;  // the earliest stamp in any record
  uint64_t ticks = 0;                  // EndTick() calls
  uint64_t forgotten = 0;              // see Snapshot::peers_forgotten

  // What raises and clears the alerts of the rules, in their order.
  static std::vector<AlertTerms> TermsOf(const config::Config& config) {
    std::vector<AlertTerms> terms;
    for (const config::Rule& rule : config.rules) {
      terms.push_back({rule.name, rule.severity, rule.raise, rule.clear, rule.hold_seconds});
    }
    return terms;
  }
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_STATE_H_

#include "lib/export/growth.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace mailtap::exporting {
namespace {

// What was smaller before has begun again meanwhile, by a reload.
void Subtract(uint64_t& now, uint64_t start) {
  if (now >= start) now -= start;
}

void Subtract(control::Totals& now, const control::Totals& start) {
  using control::Totals;
  for (int d = 0; d < kDirectionCount; ++d) {
    Subtract(now.bytes[d].observed, start.bytes[d].observed);
    Subtract(now.bytes[d].inferred, start.bytes[d].inferred);
    Subtract(now.bytes[d].repeated, start.bytes[d].repeated);
    Subtract(now.bytes[d].duplicate, start.bytes[d].duplicate);
    Subtract(now.bytes[d].packets, start.bytes[d].packets);
    Subtract(now.text_bytes[d], start.text_bytes[d]);
  }
  for (uint64_t Totals::*field :
       {&Totals::sessions, &Totals::failed_sessions, &Totals::messages, &Totals::rejected,
        &Totals::one_way, &Totals::rejected_transient, &Totals::rejected_permanent,
        &Totals::recipients, &Totals::retrievals, &Totals::hidden_sessions}) {
    Subtract(now.*field, start.*field);
  }
}

}  // namespace

control::Snapshot GrowthSince(const control::Snapshot& start, const control::Snapshot& now) {
  control::Snapshot grown = now;
  for (std::size_t s = 0; s < grown.totals.size(); ++s) {
    for (std::size_t v = 0; v < grown.totals[s].size(); ++v) {
      Subtract(grown.totals[s][v], start.totals[s][v]);
    }
  }
  for (control::AlertCount& count : grown.alerts) {
    const auto before = std::find_if(
        start.alerts.begin(), start.alerts.end(), [&](const control::AlertCount& c) {
          return c.rule == count.rule && c.severity == count.severity;
        });
    if (before == start.alerts.end()) continue;
    Subtract(count.raised, before->raised);
    Subtract(count.cleared, before->cleared);
    Subtract(count.suppressed, before->suppressed);
  }
  // Of many entries few are told.
  absl::flat_hash_map<absl::string_view, control::RelayUse*> told;
  for (control::RelayUse& relay : grown.relays) told.emplace(relay.name, &relay);
  for (const control::RelayUse& before : start.relays) {
    const auto relay = told.find(before.name);
    if (relay == told.end()) continue;
    Subtract(relay->second->sessions, before.sessions);
    Subtract(relay->second->bytes, before.bytes);
  }
  Subtract(grown.ticks, start.ticks);
  Subtract(grown.peers_forgotten, start.peers_forgotten);
  Subtract(grown.answers_learnt, start.answers_learnt);
  Subtract(grown.answers_ignored, start.answers_ignored);
  return grown;
}

}  // namespace mailtap::exporting

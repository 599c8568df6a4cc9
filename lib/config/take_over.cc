// What a reload may change, and what it may not.
#include <string>
#include <vector>

#include "lib/config/parse.h"
#include "lib/config/version.h"

namespace mailtap::config {
namespace {

template <typename T>
void Keep(const T& running, T& next, absl::string_view name, std::vector<std::string>& kept) {
  if (next == running) return;
  next = running;
  kept.emplace_back(name);
}

}  // namespace

std::vector<std::string> TakeOver(const Config& running, Config& next) {
  std::vector<std::string> kept;
  Keep(running.sensor, next.sensor, "[sensor]", kept);
  Keep(running.services, next.services, "[services]", kept);
  Keep(running.tls, next.tls, "[tls]", kept);
  Keep(running.alerts.file, next.alerts.file, "alerts.file", kept);
  Keep(running.state, next.state, "[state]", kept);
  Keep(running.http, next.http, "[http]", kept);
  Keep(running.diagnostics, next.diagnostics, "[diagnostics]", kept);
  Keep(running.limits, next.limits, "[limits]", kept);
  Keep(running.timeouts, next.timeouts, "[timeouts]", kept);
  Keep(running.tunnels, next.tunnels, "[tunnels]", kept);
  Keep(running.dataplane, next.dataplane, "[dataplane]", kept);
  // A day ends by the clock that stays.
  for (Relay& relay : next.relays) {
    if (relay.expires) relay.ends = EndOfDay(*relay.expires, next.sensor.timezone);
  }
  for (Suppression& entry : next.suppressions) {
    entry.ends = EndOfDay(entry.expires, next.sensor.timezone);
  }
  next.version = VersionOf(next);
  return kept;
}

}  // namespace mailtap::config

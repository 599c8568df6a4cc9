#include "app/mailtap/check.h"

#include <algorithm>
#include <iostream>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "app/mailtap/learning.h"
#include "app/mailtap/overwriting.h"
#include "lib/control/relay_review.h"

namespace mailtap::app {

config::ParseResult LoadForSensor(const std::string& path) {
  config::ParseResult result = config::LoadFile(path);
  if (!result.config.has_value()) return result;
  const config::Config& config = *result.config;
  const std::string& state = config.state.directory;
  std::vector<NamedFile> inputs = FilesOf(path, config);
  for (NamedFile& file : StateFiles(state)) inputs.push_back(std::move(file));
  std::vector<NamedFile> outputs = {{"alerts.file", config.alerts.file}};
  if (config.learning.on()) {
    outputs.push_back({"learning.file", ProposalsPath(config.learning, state)});
  }
  const absl::Status refused = RefuseOverwriting(inputs, outputs);
  if (refused.ok()) return result;
  result.faults.push_back({path, 1, 1, std::string(refused.message())});
  result.config.reset();
  return result;
}

namespace {

// What is worth a look in the relay inventory as of now; the first few.
void WarnOfRelays(const std::string& path, const config::Config& config) {
  constexpr std::size_t kMost = 100;
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  const std::vector<control::RelayNote> notes =
      control::ReviewRelays(config.relays, config.networks.internal, now);
  for (std::size_t i = 0; i < std::min(kMost, notes.size()); ++i) {
    const config::Relay& relay = config.relays[notes[i].relay];
    // LoadFile() has warned of those that cover everything.
    if (notes[i].concern == control::RelayConcern::kCoversEverything) continue;
    const std::string& file = relay.file.empty() ? path : relay.file;
    std::cerr << file << ':' << relay.line << ":1: " << notes[i].text << " (warning)\n";
  }
  if (notes.size() > kMost) {
    std::cerr << path << ": and " << notes.size() - kMost << " more like these (warning)\n";
  }
}

// Suppressions that are over.
void WarnOfSuppressions(const std::string& path, const config::Config& config) {
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  for (const config::Suppression& entry : config.suppressions) {
    if (now < entry.ends) continue;
    std::cerr << path << ':' << entry.line << ":1: suppression \"" << entry.name
              << "\" expired with " << config::ToString(entry.expires)
              << " and suppresses nothing (warning)\n";
  }
}

}  // namespace

int Check(const std::string& path, const config::Config& config, bool print) {
  WarnOfRelays(path, config);
  WarnOfSuppressions(path, config);
  if (print) {
    std::cout << config::ToToml(config::WithAbsolutePaths(config));
  } else {
    std::cout << path << ": ok\n";
  }
  return 0;
}

}  // namespace mailtap::app

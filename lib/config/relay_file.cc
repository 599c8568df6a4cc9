#include "lib/config/relay_file.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/config/findings.h"
#include "lib/config/relay_file_reader.h"
#include "lib/config/text_file.h"
#include "lib/config/version.h"

namespace mailtap::config {

namespace {

// Of what was read out of files: a damaged feed may come to approve all mail there is, or none.
std::vector<Fault> WarningsOf(const std::vector<RelayFileContent>& contents,
                              const Config& config) {
  std::vector<Fault> warnings;
  for (const RelayFileContent& content : contents) {
    warnings.insert(warnings.end(), content.warnings.begin(), content.warnings.end());
  }
  for (const Relay& relay : config.relays) {
    if (warnings.size() >= kMostFaults) break;
    if (relay.file.empty() || !CoversEverything(relay, config.networks.internal)) continue;
    warnings.push_back({relay.file, relay.line, 1,
                        absl::StrCat("relay ", Quoted(relay.name),
                                     " matches mail from anywhere to anywhere")});
  }
  return warnings;
}

}  // namespace

RelayFileContent ParseRelayFile(const RelayFile& file, absl::string_view text,
                                const std::string& timezone) {
  RelayFileReader reader(file, timezone);
  text = SkipByteOrderMark(text);
  switch (file.format) {
    case RelayFormat::kList:
      ReadRelayList(text, reader);
      break;
    case RelayFormat::kCsv:
      ReadRelayCsv(text, reader);
      break;
    case RelayFormat::kMicrosoft365:
      ReadMicrosoft365(text, reader);
      break;
  }
  return reader.Take(/*may_be_empty=*/file.format == RelayFormat::kCsv);
}

RelayFileContent ReadRelayFile(const RelayFile& file, const std::string& timezone) {
  const auto text = ReadReferredFile(file.path, "relay_file.path", file.entry.line);
  if (!text.ok()) return {{}, {{file.path, 1, 1, std::string(text.status().message())}}};
  if (const int bad = LineOfInvalidUtf8(*text)) {
    return {{}, {{file.path, bad, 1, "not valid UTF-8"}}};
  }
  return ParseRelayFile(file, *text, timezone);
}

std::vector<Fault> AddRelays(const std::vector<RelayFileContent>& contents, Config& config) {
  for (const RelayFileContent& content : contents) {
    config.relays.insert(config.relays.end(), content.relays.begin(), content.relays.end());
  }
  std::vector<Fault> faults;
  absl::flat_hash_map<absl::string_view, const Relay*> first;
  for (const Relay& relay : config.relays) {
    const auto [known, is_new] = first.emplace(relay.name, &relay);
    if (is_new || relay.file.empty() || faults.size() == kMostFaults) continue;
    const Relay& other = *known->second;
    faults.push_back({relay.file, relay.line, 1,
                      absl::StrCat("relay name ", Quoted(relay.name), " is used already, ",
                                   other.file.empty() ? "in the configuration" : other.file,
                                   " line ", other.line)});
  }
  config.version = VersionOf(config);
  return faults;
}

RefreshedRelays RefreshRelays(const Config& running) {
  std::vector<RelayFileContent> contents;
  std::vector<Fault> faults;
  for (const RelayFile& file : running.relay_files) {
    RelayFileContent content = ReadRelayFile(file, running.sensor.timezone);
    if (!content.faults.empty()) {
      faults.insert(faults.end(), content.faults.begin(), content.faults.end());
      std::copy_if(running.relays.begin(), running.relays.end(),
                   std::back_inserter(content.relays),
                   [&](const Relay& relay) { return relay.file == file.path; });
    }
    contents.push_back(std::move(content));
  }
  RefreshedRelays refreshed{running, std::move(faults), {}};
  std::vector<Relay>& relays = refreshed.config.relays;
  relays.erase(std::remove_if(relays.begin(), relays.end(),
                              [](const Relay& relay) { return !relay.file.empty(); }),
               relays.end());
  const std::vector<Fault> clashes = AddRelays(contents, refreshed.config);
  if (!clashes.empty()) return {running, clashes, {}};
  refreshed.warnings = WarningsOf(contents, refreshed.config);
  return refreshed;
}

ParseResult LoadFile(const std::string& path) {
  ParseResult result = ParseFile(path);
  if (!result.config.has_value() || result.config->relay_files.empty()) return result;
  Config& config = *result.config;
  std::vector<RelayFileContent> contents;
  for (RelayFile& file : config.relay_files) {
    contents.push_back(ReadRelayFile(file, config.sensor.timezone));
    const std::vector<Fault>& faults = contents.back().faults;
    result.faults.insert(result.faults.end(), faults.begin(), faults.end());
  }
  if (result.faults.empty()) {
    result.faults = AddRelays(contents, config);
    const std::vector<Fault> warnings = WarningsOf(contents, config);
    result.warnings.insert(result.warnings.end(), warnings.begin(), warnings.end());
  }
  if (!result.faults.empty()) result.config.reset();
  return result;
}

}  // namespace mailtap::config

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/time.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

using At = Findings::At;

// Where entry `index` of [[kind]] says `key`; the entry itself where it doesn't.
At PlaceOf(const toml::table& root, absl::string_view kind, size_t index,
           absl::string_view key) {
  const auto entry = root[ToStd(kind)][index];
  const toml::node* value = entry[ToStd(key)].node();
  return value != nullptr ? value->source() : entry.node()->source();
}

At PlaceOf(const toml::table& root, absl::string_view section, absl::string_view key) {
  const toml::node* value = root[ToStd(section)][ToStd(key)].node();
  return value != nullptr ? value->source() : root.source();
}

template <typename Entry>
void CheckUnique(const toml::table& root, absl::string_view kind,
                 const std::vector<Entry>& entries, Findings& findings) {
  absl::flat_hash_map<absl::string_view, size_t> first;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].name.empty()) continue;  // already reported
    const auto [earlier, is_new] = first.emplace(entries[i].name, i);
    if (is_new) continue;
    findings.Error(
        PlaceOf(root, kind, i, "name"),
        absl::StrCat(kind, ".name ", Quoted(entries[i].name), " is used already at line ",
                     PlaceOf(root, kind, earlier->second, "name").begin.line));
  }
}

std::vector<Relay> EntriesOf(const std::vector<RelayFile>& files) {
  std::vector<Relay> entries;
  for (const RelayFile& file : files) entries.push_back(file.entry);
  return entries;
}

bool Overlap(const std::vector<net::Prefix>& some, const std::vector<net::Prefix>& others) {
  for (const net::Prefix& a : some) {
    for (const net::Prefix& b : others) {
      if (a.Contains(b.address) || b.Contains(a.address)) return true;
    }
  }
  return false;
}

void CheckNetworks(const toml::table& root, Findings& findings, const Config& config) {
  const std::vector<net::Prefix>& internal = config.networks.internal;
  if (std::none_of(internal.begin(), internal.end(), net::CoversFamily)) return;
  findings.Warn(PlaceOf(root, "networks", "internal"),
                "networks.internal covers every address, so no mail is external");
}

void CheckRelayFiles(const toml::table& root, Findings& findings, const Config& config) {
  absl::flat_hash_set<absl::string_view> paths;
  for (size_t i = 0; i < config.relay_files.size(); ++i) {
    const std::string& path = config.relay_files[i].path;
    if (path.empty() || paths.insert(path).second) continue;
    findings.Error(PlaceOf(root, "relay_file", i, "path"),
                   absl::StrCat("relay_file.path ", Quoted(path), " is listed already"));
  }
}

void CheckRelays(const toml::table& root, Findings& findings, const Config& config) {
  if (config.relays.empty() && config.relay_files.empty()) {
    findings.Warn(root.source(),
                  "no [[relay]] is defined, so all mail of internal hosts is unapproved");
  }
  for (size_t i = 0; i < config.relays.size(); ++i) {
    const Relay& relay = config.relays[i];
    const bool believed = !config.dns.resolvers.empty() || relay.trust == RelayTrust::kClaimed;
    if (!relay.names.empty() && !believed) {
      findings.Warn(PlaceOf(root, "relay", i, "names"),
                    "relay.names can't match anything: [dns] resolvers names nobody whose "
                    "answers are learnt");
    }
    if (relay.mode == RelayMode::kObserve) continue;  // approves nothing
    // What was refused is missing here.
    const auto refused = [&](const char* key, const auto& list) {
      return list.empty() && root["relay"][i][key];
    };
    if (refused("names", relay.names) || refused("sources", relay.sources) ||
        refused("destinations", relay.destinations) ||
        !CoversEverything(relay, config.networks.internal)) {
      continue;
    }
    findings.Warn(PlaceOf(root, "relay", i, "name"),
                  absl::StrCat("relay ", Quoted(relay.name),
                               " approves mail from any source to any destination; give it "
                               "sources, destinations or names"));
  }
}

void CheckGroups(const toml::table& root, Findings& findings, const Config& config) {
  absl::flat_hash_set<absl::string_view> used;
  // A rule that judges every group, or compares a host with those of its groups.
  const bool all = std::any_of(config.rules.begin(), config.rules.end(), [](const Rule& rule) {
    return rule.by_baseline() || (rule.scope == Scope::kGroup && rule.groups.empty());
  });
  for (const Rule& rule : config.rules) used.insert(rule.groups.begin(), rule.groups.end());
  for (size_t i = 0; i < config.groups.size(); ++i) {
    const Group& group = config.groups[i];
    if (!all && !group.name.empty() && !used.contains(group.name)) {
      findings.Warn(PlaceOf(root, "group", i, "name"),
                    absl::StrCat("no rule uses group ", Quoted(group.name),
                                 "; it only names hosts in alerts"));
    }
    if (group.by_asset() && config.assets.file.empty()) {
      findings.Warn(PlaceOf(root, "group", i, "name"),
                    absl::StrCat("group ", Quoted(group.name),
                                 " is empty: it asks for assets, and no assets.file is given"));
    }
    if (!group.members.empty() && !config.networks.internal.empty() &&
        !Overlap(group.members, config.networks.internal)) {
      findings.Warn(PlaceOf(root, "group", i, "members"),
                    absl::StrCat("group ", Quoted(group.name),
                                 " lies outside networks.internal, and only internal hosts "
                                 "are judged"));
    }
  }
}

void CheckRuleGroups(const toml::table& root, Findings& findings, const Config& config) {
  std::vector<std::string> names;
  for (const Group& group : config.groups) names.push_back(group.name);
  const absl::flat_hash_set<std::string> known(names.begin(), names.end());
  for (size_t i = 0; i < config.rules.size(); ++i) {
    const toml::array* groups = root["rule"][i]["groups"].as_array();
    if (groups == nullptr) continue;
    for (const toml::node& group : *groups) {
      const auto* name = group.as_string();
      if (name == nullptr || known.contains(name->get())) continue;
      findings.Error(group.source(),
                     absl::StrCat("rule.groups: there is no [[group]] named ", Describe(group),
                                  Suggestion(name->get(), names)));
    }
  }
}

bool Any(const Rule& rule, bool (*holds)(const Condition&)) {
  return holds(rule) || std::any_of(rule.conditions.begin(), rule.conditions.end(), holds);
}

// Whether the rule looks at nothing that its metric counts, and why.
absl::string_view WhyNeverRaised(const Config& config, const Rule& rule) {
  const auto nobody = [](Verdict v) {
    return v == Verdict::kTransit || v == Verdict::kUnattributed;
  };
  if (std::all_of(rule.verdicts.begin(), rule.verdicts.end(), nobody)) {
    return "mail with the verdicts it lists belongs to no internal host";
  }
  if (rule.scope == Scope::kGroup && config.groups.empty()) {
    return "it is judged by group, and there is none";
  }
  const auto lacks = [](const auto& list, auto value) {
    return !list.empty() && std::find(list.begin(), list.end(), value) == list.end();
  };
  const auto inbound = [&](Verdict v) { return nobody(v) || v == Verdict::kInbound; };
  if (std::all_of(rule.verdicts.begin(), rule.verdicts.end(), inbound) &&
      lacks(rule.roles, Role::kServer)) {
    return "the clients of inbound mail are external, and rule.roles leaves out servers";
  }
  const bool messages = Any(rule, [](const Condition& c) {
    return c.metric == Metric::kMessages || c.metric == Metric::kRejected;
  });
  if (messages && lacks(rule.services, Service::kSmtp)) {
    return "messages are counted in SMTP only, which rule.services leaves out";
  }
  if (messages && lacks(rule.tls, Tls::kNone)) {
    return "messages are counted without TLS only, which rule.tls leaves out";
  }
  return "";
}

void CheckMetrics(const toml::table& root, Findings& findings, const Rule& rule,
                  std::size_t i) {
  const bool new_peers =
      Any(rule, [](const Condition& c) { return c.metric == Metric::kNewPeers; });
  if (new_peers && rule.scope != Scope::kHost) {
    findings.Error(PlaceOf(root, "rule", i, "scope"),
                   "rule.scope must be \"host\" where new_peers is counted: whom others "
                   "know is not remembered");
  }
  const bool bare_ratio = Any(rule, [](const Condition& c) {
    return c.metric == Metric::kSentReceivedRatio && c.minimum == 0;
  });
  if (bare_ratio) {
    findings.Warn(PlaceOf(root, "rule", i, "name"),
                  absl::StrCat("rule ", Quoted(rule.name),
                               " judges a sent_received_ratio without a minimum, so that a "
                               "few bytes can raise it"));
  }
}

void CheckRules(const toml::table& root, Findings& findings, const Config& config) {
  if (config.rules.empty()) {
    findings.Warn(root.source(), "no [[rule]] is defined, so nothing raises an alert");
  }
  CheckRuleGroups(root, findings, config);
  for (size_t i = 0; i < config.rules.size(); ++i) {
    const Rule& rule = config.rules[i];
    if (rule.name == kRelayExpired) {
      findings.Error(PlaceOf(root, "rule", i, "name"),
                     absl::StrCat("rule.name must not be ", Quoted(kRelayExpired),
                                  ": that is how alerts on relay entries are called"));
    }
    if (absl::StartsWith(rule.name, kBlindSpotPrefix)) {
      findings.Error(PlaceOf(root, "rule", i, "name"),
                     absl::StrCat("rule.name must not start with ", Quoted(kBlindSpotPrefix),
                                  ": that is how alerts on blind spots are called"));
    }
    CheckMetrics(root, findings, rule, i);
    const absl::string_view why = WhyNeverRaised(config, rule);
    if (why.empty()) continue;
    findings.Warn(PlaceOf(root, "rule", i, "name"),
                  absl::StrCat("rule ", Quoted(rule.name), " can never raise: ", why));
  }
}

void CheckOperation(const toml::table& root, Findings& findings, const Config& config) {
  const std::string& file = config.alerts.file;
  if (!file.empty() && file[0] != '/') {
    findings.Warn(PlaceOf(root, "alerts", "file"),
                  "alerts.file is relative, so it depends on where mailtap is started");
  }
  const std::string& state = config.state.directory;
  if (!state.empty() && state[0] != '/') {
    findings.Warn(PlaceOf(root, "state", "directory"),
                  "state.directory is relative, so it depends on where mailtap is started");
  }
  if (config.learning.on() && state.empty()) {
    findings.Error(PlaceOf(root, "learning", "after"),
                   "[learning] needs state.directory, where what is learnt is kept");
  }
  if (const std::string& to = config.learning.file; !to.empty() && to[0] != '/') {
    findings.Warn(PlaceOf(root, "learning", "file"),
                  "learning.file is relative, so it depends on where mailtap is started");
  }
  constexpr int64_t kIdleRenewal = 29 * 60;  // RFC 2177
  if (config.timeouts.established <= kIdleRenewal) {
    findings.Warn(
        PlaceOf(root, "timeouts", "established"),
        absl::StrCat("timeouts.established is not above ", FormatDuration(kIdleRenewal),
                     ", so that one idle IMAP session counts as several"));
  }
}

}  // namespace

void Validate(const toml::table& root, Findings& findings, const Config& config) {
  CheckUnique(root, "relay", config.relays, findings);
  CheckUnique(root, "relay_file", EntriesOf(config.relay_files), findings);
  CheckUnique(root, "group", config.groups, findings);
  CheckUnique(root, "rule", config.rules, findings);
  CheckUnique(root, "suppress", config.suppressions, findings);
  CheckRelayFiles(root, findings, config);
  CheckNetworks(root, findings, config);
  CheckPorts(root, findings, config);
  CheckRelays(root, findings, config);
  CheckGroups(root, findings, config);
  CheckRules(root, findings, config);
  CheckSuppressions(root, findings, config);
  CheckOperation(root, findings, config);
}

}  // namespace mailtap::config

// [[relay]], [[group]] and [[rule]].
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

constexpr size_t kLongestName = 128;
constexpr size_t kLongestText = 1'024;
constexpr int64_t kShortestWindow = 10;
constexpr int64_t kDay = 86'400;

// Calls `read` with a reader for each [[key]] table of the file.
template <typename Read>
void Entries(TableReader& root, absl::string_view key, Findings& findings, Read read) {
  const toml::node* node = root.Find(key);
  if (node == nullptr) return;
  const toml::array* entries = node->as_array();
  if (entries == nullptr || !entries->is_array_of_tables()) {
    return root.Error(
        *node, absl::StrCat(key, " must be written as [[", key, "]], once for each entry"));
  }
  for (const toml::node& entry : *entries) {
    TableReader reader(*entry.as_table(), key, findings);
    read(reader);
    reader.Finish();
  }
}

// Keys of the fixed interface that this version can't honour yet. Ignoring one would approve
// more, or for longer, than its writer meant.
void RefuseRelayKeys(TableReader& t) {
  if (const toml::node* names = t.Find("names")) {
    t.Error(*names,
            "relay.names is not supported yet, and without it the entry would approve "
            "more than you mean; list the relay's addresses in relay.destinations");
  }
  if (const toml::node* expires = t.Find("expires")) {
    t.Error(*expires,
            "relay.expires is not supported yet, and the entry would go on approving "
            "after that day; remove the key to approve without an end");
  }
  const toml::node* mode = t.Find("mode");
  if (mode == nullptr || mode->value_or(std::string_view()) == "enforce") return;
  if (mode->value_or(std::string_view()) == "observe") {
    return t.Error(*mode,
                   "relay.mode = \"observe\" is not supported yet, and \"enforce\" would "
                   "approve mail that you only mean to count; remove the entry or use "
                   "\"enforce\"");
  }
  t.Error(*mode, absl::StrCat("relay.mode must be \"enforce\", not ", Describe(*mode)));
}

void ReadName(TableReader& t, std::string& name) {
  t.Require("name", "a name");
  t.Text("name", 1, kLongestName, name);
}

Relay ReadRelay(TableReader& t) {
  Relay relay;
  ReadName(t, relay.name);
  t.Prefixes("sources", IfEmpty::kRefuse, relay.sources);
  t.Prefixes("destinations", IfEmpty::kRefuse, relay.destinations);
  t.Choices("services", kServiceNames, IfEmpty::kRefuse, relay.services);
  t.Ports("ports", IfEmpty::kRefuse, relay.ports);
  t.Text("owner", 0, kLongestText, relay.owner);
  t.Text("reason", 0, kLongestText, relay.reason);
  RefuseRelayKeys(t);
  return relay;
}

Group ReadGroup(TableReader& t) {
  Group group;
  ReadName(t, group.name);
  if (t.Require("members", "the group's networks, such as [\"10.1.0.0/16\"]") != nullptr) {
    t.Prefixes("members", IfEmpty::kRefuse, group.members);
  }
  return group;
}

void ReadThresholds(TableReader& t, Findings& findings, Rule& rule) {
  const bool is_bytes = IsBytes(rule.metric);
  t.Require("raise", is_bytes ? "a size such as \"50MB\"" : "a number such as 100");
  t.Threshold("raise", is_bytes, rule.raise);
  if (t.table().contains("clear")) {
    t.Threshold("clear", is_bytes, rule.clear);
    if (rule.raise > 0 && rule.clear > rule.raise) {
      findings.Error(t.table().get("clear")->source(),
                     "rule.clear must not be above rule.raise: the alert would clear while it "
                     "is being raised");
    }
    return;
  }
  t.Find("clear");
  rule.clear = rule.raise / 2;
  // Sizes are whole bytes.
  if (is_bytes)
    rule.clear = std::max(1.0, static_cast<double>(static_cast<int64_t>(rule.clear)));
}

Rule ReadRule(TableReader& t, Findings& findings) {
  Rule rule;
  ReadName(t, rule.name);
  t.Strings("groups", IfEmpty::kRefuse, rule.groups);
  t.Choices("services", kServiceNames, IfEmpty::kRefuse, rule.services);
  t.Choices("verdicts", kVerdictNames, IfEmpty::kRefuse, rule.verdicts);
  if (rule.verdicts.empty()) {
    rule.verdicts = {Verdict::kUnapprovedExternal, Verdict::kUnapprovedInternal};
  }
  t.Choices("roles", kRoleNames, IfEmpty::kRefuse, rule.roles);
  t.Choice("metric", kMetricNames, rule.metric);
  t.Duration("window", kShortestWindow, kDay, rule.window_seconds);
  ReadThresholds(t, findings, rule);
  t.Duration("hold", 0, kDay, rule.hold_seconds);
  t.Choice("severity", kSeverityNames, rule.severity);
  return rule;
}

}  // namespace

void ReadPolicy(TableReader& root, Findings& findings, Config& config) {
  Entries(root, "relay", findings,
          [&](TableReader& t) { config.relays.push_back(ReadRelay(t)); });
  Entries(root, "group", findings,
          [&](TableReader& t) { config.groups.push_back(ReadGroup(t)); });
  Entries(root, "rule", findings,
          [&](TableReader& t) { config.rules.push_back(ReadRule(t, findings)); });
}

}  // namespace mailtap::config

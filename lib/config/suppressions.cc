// [[suppress]], from its tables.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

constexpr size_t kLongestText = 1'024;

Suppression ReadSuppression(TableReader& t, const Config& config) {
  Suppression entry;
  t.Name(entry.name);
  t.Require("hosts", "the addresses or networks that it is about, such as [\"10.1.2.3\"]");
  t.Prefixes("hosts", IfEmpty::kRequire, entry.hosts);
  t.Strings("rules", IfEmpty::kRefuse, entry.rules);
  t.Require("expires", "its last day, such as 2027-06-30");
  std::optional<Date> expires;
  t.Day("expires", expires);
  entry.expires = expires.value_or(Date{});
  entry.ends = EndOfDay(entry.expires, config.sensor.timezone);
  t.Require("reason", "why these alerts are not wanted");
  t.Text("reason", 1, kLongestText, entry.reason);
  t.Text("owner", 0, kLongestText, entry.owner);
  t.Text("ticket", 0, kLongestText, entry.ticket);
  entry.line = static_cast<int>(t.table().source().begin.line);
  return entry;
}

bool AnyOf(const std::vector<net::Prefix>& hosts, const std::vector<net::Prefix>& networks) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const net::Prefix& host) {
    return std::any_of(networks.begin(), networks.end(), [&](const net::Prefix& network) {
      return network.Contains(host.address) || host.Contains(network.address);
    });
  });
}

// That the rules exist, and judge hosts.
void CheckRules(const toml::array& rules, const Config& config, Findings& findings) {
  std::vector<std::string> names;
  for (const Rule& rule : config.rules) names.push_back(rule.name);
  for (const toml::node& node : rules) {
    const auto* name = node.as_string();
    if (name == nullptr) continue;  // already reported
    const auto rule = std::find_if(config.rules.begin(), config.rules.end(),
                                   [&](const Rule& r) { return r.name == name->get(); });
    if (rule == config.rules.end()) {
      findings.Error(node.source(),
                     absl::StrCat("suppress.rules: there is no [[rule]] named ", Describe(node),
                                  Suggestion(name->get(), names)));
    } else if (rule->scope != Scope::kHost) {
      findings.Warn(node.source(),
                    absl::StrCat("suppress.rules: rule ", Describe(node), " judges by ",
                                 Name(rule->scope), ", so no host's alert can be suppressed"));
    }
  }
}

}  // namespace

void ReadSuppressions(TableReader& root, Config& config) {
  root.Tables("suppress", [&](TableReader& t) {
    config.suppressions.push_back(ReadSuppression(t, config));
  });
}

void CheckSuppressions(const toml::table& root, Findings& findings, const Config& config) {
  for (size_t i = 0; i < config.suppressions.size(); ++i) {
    const auto entry = root["suppress"][i];
    if (const toml::array* rules = entry["rules"].as_array()) {
      CheckRules(*rules, config, findings);
    }
    const Suppression& suppression = config.suppressions[i];
    if (suppression.hosts.empty() || config.networks.internal.empty() ||
        AnyOf(suppression.hosts, config.networks.internal)) {
      continue;
    }
    findings.Warn(entry["hosts"].node()->source(),
                  "suppress.hosts lies outside networks.internal, and only internal hosts have "
                  "alerts");
  }
}

}  // namespace mailtap::config

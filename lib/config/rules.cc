// [[rule]] and [[rule.condition]].
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/config/quantity.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

constexpr int64_t kShortestWindow = 10;
constexpr int64_t kDay = 86'400;
constexpr int64_t kMostUpdates = 100'000;
constexpr size_t kMostConditions = 8;

void ReadThresholds(TableReader& t, Findings& findings, Condition& condition) {
  const bool is_bytes = IsBytes(condition.metric);
  t.Require("raise", is_bytes ? "a size such as \"50MB\"" : "a number such as 100");
  t.Threshold("raise", is_bytes, condition.raise);
  if (t.table().contains("clear")) {
    t.Threshold("clear", is_bytes, condition.clear);
    if (condition.raise > 0 && condition.clear > condition.raise) {
      findings.Error(t.table().get("clear")->source(),
                     absl::StrCat(t.PathOf("clear"), " must not be above ", t.PathOf("raise"),
                                  ": the alert would clear while it is being raised"));
    }
    return;
  }
  t.Find("clear");
  condition.clear = condition.raise / 2;
  // Sizes are whole bytes.
  if (is_bytes) {
    condition.clear = std::max(1.0, static_cast<double>(static_cast<int64_t>(condition.clear)));
  }
}

void ReadCondition(TableReader& t, Findings& findings, Condition& condition) {
  t.Choice("metric", kMetricNames, condition.metric);
  t.Duration("window", kShortestWindow, kDay, condition.window_seconds);
  ReadThresholds(t, findings, condition);
  t.Size("minimum", 0, kMaxSize, condition.minimum);
  if (t.table().contains("minimum") && condition.metric != Metric::kSentReceivedRatio) {
    t.Error(*t.table().get("minimum"),
            absl::StrCat(t.PathOf("minimum"),
                         " goes with the metric sent_received_ratio only; "
                         "for others, raise is the least that counts"));
  }
}

// Against what is usual. That is kept by the hour, as amounts that add up.
void ReadBaseline(TableReader& t, Rule& rule) {
  t.Threshold("multiple", /*is_bytes=*/false, rule.multiple);
  t.Threshold("deviations", /*is_bytes=*/false, rule.deviations);
  if (!rule.by_baseline()) return;
  const char* key = rule.multiple > 0 ? "multiple" : "deviations";
  constexpr int64_t kHour = 3600;
  if (rule.window_seconds != kHour || !AddsUp(rule.metric) || rule.scope != Scope::kHost) {
    t.Error(*t.table().get(key),
            absl::StrCat(t.PathOf(key),
                         " goes with window = \"1h\", scope = \"host\" and a "
                         "metric that adds up (no peers, no ratio)"));
  }
}

// Whose traffic it counts, and which.
void ReadScope(TableReader& t, Rule& rule) {
  t.Choice("scope", kScopeNames, rule.scope);
  t.Strings("groups", IfEmpty::kRefuse, rule.groups);
  t.Choices("services", kServiceNames, IfEmpty::kRefuse, rule.services);
  t.Choices("verdicts", kVerdictNames, IfEmpty::kRefuse, rule.verdicts);
  if (rule.verdicts.empty()) {
    rule.verdicts = {Verdict::kUnapprovedExternal, Verdict::kUnapprovedInternal};
  }
  t.Choices("roles", kRoleNames, IfEmpty::kRefuse, rule.roles);
  t.Choices("tls", kTlsNames, IfEmpty::kRefuse, rule.tls);
  t.TimeOfDay("hours", rule.hours);
  t.Choices("weekdays", kWeekdayNames, IfEmpty::kRefuse, rule.weekdays);
}

Rule ReadRule(TableReader& t, Findings& findings) {
  Rule rule;
  t.Name(rule.name);
  ReadScope(t, rule);
  ReadCondition(t, findings, rule);
  ReadBaseline(t, rule);
  t.Tables("condition",
           [&](TableReader& c) { ReadCondition(c, findings, rule.conditions.emplace_back()); });
  if (rule.conditions.size() > kMostConditions) {
    t.Error(*t.table().get("condition"),
            absl::StrCat("a rule has at most ", kMostConditions, " further conditions"));
  }
  t.Duration("sustained", 0, kDay, rule.sustained_seconds);
  t.Duration("hold", 0, kDay, rule.hold_seconds);
  t.Integer("updates", 0, kMostUpdates, rule.updates);
  t.Choice("severity", kSeverityNames, rule.severity);
  return rule;
}

}  // namespace

void ReadRules(TableReader& root, Findings& findings, Config& config) {
  root.Tables("rule", [&](TableReader& t) { config.rules.push_back(ReadRule(t, findings)); });
}

}  // namespace mailtap::config

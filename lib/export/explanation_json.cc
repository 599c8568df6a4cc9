#include <nlohmann/json.hpp>
#include <utility>

#include "lib/export/explanation.h"
#include "lib/export/json.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;

// Version of the object; grows when a field changes its meaning or goes.
constexpr int kExplanationSchema = 1;

Json TimeOrNull(UnixNanos time) {
  return time == 0 ? Json(nullptr) : Json(FormatRfc3339(time));
}

Json EntriesJson(const std::vector<control::ExplainedEntry>& entries) {
  Json array = Json::array();
  for (const control::ExplainedEntry& entry : entries) {
    array.push_back({{"relay", entry.name},
                     {"owner", TextOrNull(entry.owner)},
                     {"file", TextOrNull(entry.file)},
                     {"mode", std::string(Name(entry.mode))},
                     {"fits", entry.misses.empty()},
                     {"misses", entry.misses}});
  }
  return array;
}

Json ConversationJson(const control::ExplainedConversation& c) {
  return {{"role", std::string(Name(c.role))},
          {"peer", net::ToString(c.peer)},
          {"peer_internal", c.peer_internal},
          {"port", c.port},
          {"service", std::string(Name(c.service))},
          {"tls", std::string(Name(c.tls))},
          {"seen", c.seen},
          {"last_seen", TimeOrNull(c.last_seen)},
          {"verdict", std::string(Name(c.verdict))},
          {"relay", TextOrNull(c.relay)},
          {"observed", TextOrNull(c.observed)},
          {"name", TextOrNull(c.name)},
          {"name_source",
           c.name.empty() ? Json(nullptr) : Json(c.name_observed ? "dns" : "claimed")},
          {"claimed", c.claimed},
          {"entries", EntriesJson(c.entries)},
          {"more_entries", c.more_entries},
          {"counted_by", c.counted_by}};
}

Json RuleJson(const control::ExplainedRule& rule) {
  Json conditions = Json::array();
  for (const control::ExplainedCondition& c : rule.conditions) {
    conditions.push_back({{"metric", std::string(Name(c.metric))},
                          {"value", MetricNumber(c.metric, c.value)},
                          {"raise", MetricNumber(c.metric, c.raise)},
                          {"clear", MetricNumber(c.metric, c.clear)},
                          {"window_seconds", c.window_seconds}});
  }
  Json baseline;
  if (rule.baseline) {
    baseline = {{"expected", MetricNumber(rule.conditions[0].metric, rule.baseline->expected)},
                {"deviation", rule.baseline->deviation},
                {"weeks", rule.baseline->weeks},
                {"of", std::string(Name(rule.baseline->of))}};
  }
  return {{"rule", rule.rule},
          {"severity", std::string(Name(rule.severity))},
          {"scope", std::string(Name(rule.scope))},
          {"group", TextOrNull(rule.group)},
          {"role", std::string(Name(rule.role))},
          {"concerned", rule.why_not.empty()},
          {"why_not", TextOrNull(rule.why_not)},
          {"conditions", std::move(conditions)},
          {"by_baseline", rule.by_baseline},
          {"baseline", std::move(baseline)},
          {"state", std::string(Name(rule.watch))},
          {"suppression", TextOrNull(rule.suppression)}};
}

Json DealingsJson(const control::Explanation& e) {
  Json hosts = Json::object();
  for (int v = 0; v < config::kVerdictCount; ++v) {
    if (e.dealings[v] != 0) {
      hosts[std::string(Name(static_cast<config::Verdict>(v)))] = e.dealings[v];
    }
  }
  return hosts;
}

Json HostJson(const control::Explanation& e) {
  Json conversations = Json::array(), rules = Json::array();
  for (const auto& conversation : e.conversations) {
    conversations.push_back(ConversationJson(conversation));
  }
  for (const control::ExplainedRule& rule : e.rules) rules.push_back(RuleJson(rule));
  return {{"host", net::ToString(e.host)},
          {"encap", EncapNames(e.encap)},
          {"internal", e.internal},
          {"known", e.known},
          {"asset", TextOrNull(e.asset)},
          {"owner", TextOrNull(e.owner)},
          {"shared", e.shared},
          {"groups", e.groups},
          {"last_seen", TimeOrNull(e.last_seen)},
          {"unapproved_sent", e.totals.unapproved_sent},
          {"unapproved_received", e.totals.unapproved_received},
          {"unapproved_sessions", e.totals.unapproved_sessions},
          {"approved_sent", e.totals.approved_sent},
          {"approved_received", e.totals.approved_received},
          {"approved_sessions", e.totals.approved_sessions},
          {"internal_hosts", DealingsJson(e)},
          {"conversations", std::move(conversations)},
          {"more_conversations", e.more_conversations},
          {"rules", std::move(rules)}};
}

}  // namespace

std::string ExplanationJson(const ExplanationInput& input) {
  Json hosts = Json::array();
  for (const control::Explanation& e : input.explanations) hosts.push_back(HostJson(e));
  return Dump(Json{{"schema", kExplanationSchema},
                   {"state_time", FormatRfc3339(input.state_time)},
                   {"config_version", input.config_version},
                   {"state_config_version", TextOrNull(input.state_config_version)},
                   {"hosts", std::move(hosts)}},
              2) +
         "\n";
}

}  // namespace mailtap::exporting

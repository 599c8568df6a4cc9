// [[relay]], [[relay_file]], [[group]], [[rule]] and [[suppress]] as TOML.
#include "lib/config/parse.h"
#include "lib/config/toml_writer.h"

namespace mailtap::config {
namespace {

// What an entry and a file of entries have in common.
void WriteTerms(TomlWriter& w, const Relay& relay) {
  w.Text("trust", Name(relay.trust));
  w.AnyOrList("services", relay.services, NameItem<Service>);
  w.AnyOrList("ports", relay.ports, PortItem);
  if (relay.direction) {
    w.Text("direction", Name(*relay.direction));
  } else {
    w.Comment("direction: any");
  }
  w.Text("owner", relay.owner);
  w.Text("reason", relay.reason);
  w.Text("ticket", relay.ticket);
  if (relay.expires) {
    w.Raw("expires", ToString(*relay.expires));
  } else {
    w.Comment("expires: never");
  }
  w.Text("mode", Name(relay.mode));
}

void WriteCondition(TomlWriter& w, const Condition& condition) {
  const bool is_bytes = IsBytes(condition.metric);
  w.Text("metric", Name(condition.metric));
  w.Duration("window", condition.window_seconds);
  w.Threshold("raise", is_bytes, condition.raise);
  w.Threshold("clear", is_bytes, condition.clear);
  if (condition.metric == Metric::kSentReceivedRatio) w.Size("minimum", condition.minimum);
}

}  // namespace

void WriteRelay(TomlWriter& w, const Relay& relay) {
  w.Heading("[[relay]]");
  w.Text("name", relay.name);
  w.AnyOrList("sources", relay.sources, PrefixItem);
  w.AnyOrList("destinations", relay.destinations, PrefixItem);
  w.AnyOrList("names", relay.names, TextItem);
  WriteTerms(w, relay);
}

void WriteRelayFile(TomlWriter& w, const RelayFile& file) {
  w.Heading("[[relay_file]]");
  w.Text("name", file.entry.name);
  w.Text("path", file.path);
  w.Text("format", Name(file.format));
  if (file.format == RelayFormat::kMicrosoft365) {
    w.AnyOrList("service_areas", file.service_areas, TextItem);
  }
  w.AnyOrList("sources", file.entry.sources, PrefixItem);
  WriteTerms(w, file.entry);
}

void WriteGroup(TomlWriter& w, const Group& group) {
  w.Heading("[[group]]");
  w.Text("name", group.name);
  w.AnyOrList("members", group.members, PrefixItem);
  w.AnyOrList("roles", group.roles, TextItem);
  w.AnyOrList("units", group.units, TextItem);
  w.AnyOrList("tags", group.tags, TextItem);
}

void WriteRule(TomlWriter& w, const Rule& rule) {
  w.Heading("[[rule]]");
  w.Text("name", rule.name);
  w.Text("scope", Name(rule.scope));
  w.AnyOrList("groups", rule.groups, TextItem);
  w.AnyOrList("services", rule.services, NameItem<Service>);
  w.AnyOrList("verdicts", rule.verdicts, NameItem<Verdict>);
  w.AnyOrList("roles", rule.roles, NameItem<Role>);
  w.AnyOrList("tls", rule.tls, NameItem<Tls>);
  w.Text("hours", FormatHours(rule.hours));
  w.AnyOrList("weekdays", rule.weekdays, NameItem<Weekday>);
  WriteCondition(w, rule);
  if (rule.multiple > 0) w.Raw("multiple", FormatNumber(rule.multiple));
  if (rule.deviations > 0) w.Raw("deviations", FormatNumber(rule.deviations));
  w.Duration("sustained", rule.sustained_seconds);
  w.Duration("hold", rule.hold_seconds);
  w.Integer("updates", rule.updates);
  w.Text("severity", Name(rule.severity));
  for (const Condition& condition : rule.conditions) {
    w.Heading("[[rule.condition]]");
    WriteCondition(w, condition);
  }
}

void WriteSuppression(TomlWriter& w, const Suppression& entry) {
  w.Heading("[[suppress]]");
  w.Text("name", entry.name);
  w.List("hosts", TomlWriter::Each(entry.hosts, PrefixItem));
  w.AnyOrList("rules", entry.rules, TextItem);
  w.Raw("expires", ToString(entry.expires));
  w.Text("reason", entry.reason);
  w.Text("owner", entry.owner);
  w.Text("ticket", entry.ticket);
}

std::string ToToml(const Group& group) {
  TomlWriter w;
  WriteGroup(w, group);
  return w.Take();
}

std::string ToToml(const Rule& rule) {
  TomlWriter w;
  WriteRule(w, rule);
  return w.Take();
}

std::string ToToml(const Relay& relay) {
  TomlWriter w;
  WriteRelay(w, relay);
  return w.Take();
}

}  // namespace mailtap::config

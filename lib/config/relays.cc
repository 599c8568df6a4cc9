// [[relay]], [[relay_file]] and [dns], from their tables.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "lib/config/sections.h"

namespace mailtap::config {
namespace {

constexpr size_t kLongestText = 1'024;
constexpr size_t kLongestPath = 4'095;  // PATH_MAX without its NUL
constexpr int64_t kWeek = 7 * 86'400;

// What an entry and a file of entries have in common.
void ReadTerms(TableReader& t, const Config& config, Relay& relay) {
  t.Name(relay.name);
  t.Prefixes("sources", IfEmpty::kRefuse, relay.sources);
  t.Choice("trust", kRelayTrustNames, relay.trust);
  t.Choices("services", kServiceNames, IfEmpty::kRefuse, relay.services);
  t.Ports("ports", IfEmpty::kRefuse, relay.ports);
  MailFlow direction{};
  t.Choice("direction", kMailFlowNames, direction);
  if (t.table().contains("direction")) relay.direction = direction;
  t.Text("owner", 0, kLongestText, relay.owner);
  t.Text("reason", 0, kLongestText, relay.reason);
  t.Text("ticket", 0, kLongestText, relay.ticket);
  t.Day("expires", relay.expires);
  if (relay.expires) relay.ends = EndOfDay(*relay.expires, config.sensor.timezone);
  t.Choice("mode", kRelayModeNames, relay.mode);
  relay.line = static_cast<int>(t.table().source().begin.line);
}

bool IsAny(const std::vector<net::Prefix>& prefixes) {
  return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(), net::CoversFamily);
}

bool IsAny(const std::vector<std::string>& patterns) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(), [](const std::string& p) {
           // Names of servers have a dot, or are single labels.
           return p.find_first_not_of("*?.") == std::string::npos &&
                  p.find('*') != std::string::npos;
         });
}

RelayFormat FormatOf(const std::string& path) {
  if (absl::EndsWithIgnoreCase(path, ".csv")) return RelayFormat::kCsv;
  if (absl::EndsWithIgnoreCase(path, ".json")) return RelayFormat::kMicrosoft365;
  return RelayFormat::kList;
}

}  // namespace

std::string ToString(const Date& date) {
  return absl::StrFormat("%04d-%02d-%02d", date.year, date.month, date.day);
}

bool IsDay(const Date& date) {
  const absl::CivilDay day(date.year, date.month, date.day);
  return day.year() == date.year && day.month() == date.month && day.day() == date.day;
}

int64_t EndOfDay(const Date& date, const std::string& timezone) {
  absl::TimeZone zone;
  absl::LoadTimeZone(timezone, &zone);
  const absl::CivilDay next = absl::CivilDay(date.year, date.month, date.day) + 1;
  return absl::ToUnixSeconds(absl::FromCivil(next, zone));
}

bool CoversEverything(const Relay& relay, const std::vector<net::Prefix>& internal) {
  const auto is_source = [&](const net::Prefix& network) {
    return std::any_of(relay.sources.begin(), relay.sources.end(), [&](const net::Prefix& by) {
      return by.length <= network.length && by.Contains(network.address);
    });
  };
  const bool anybody =
      IsAny(relay.sources) ||
      (!internal.empty() && std::all_of(internal.begin(), internal.end(), is_source));
  const bool anywhere = relay.either && !relay.destinations.empty() && !relay.names.empty()
                            ? IsAny(relay.destinations) || IsAny(relay.names)
                            : IsAny(relay.destinations) && IsAny(relay.names);
  return anybody && anywhere;
}

Relay ReadRelay(TableReader& t, const Config& config) {
  Relay relay;
  ReadTerms(t, config, relay);
  t.Prefixes("destinations", IfEmpty::kRefuse, relay.destinations);
  t.Patterns("names", IfEmpty::kRefuse, relay.names);
  return relay;
}

RelayFile ReadRelayFileEntry(TableReader& t, const Config& config) {
  RelayFile file;
  ReadTerms(t, config, file.entry);
  t.Require("path", "the file's path");
  t.Text("path", 1, kLongestPath, file.path);
  file.format = FormatOf(file.path);
  t.Choice("format", kRelayFormatNames, file.format);
  t.Strings("service_areas", IfEmpty::kRefuse, file.service_areas);
  const toml::node* areas = t.table().get("service_areas");
  if (areas != nullptr && file.format != RelayFormat::kMicrosoft365) {
    t.Error(*areas, "relay_file.service_areas is for the format microsoft365 only");
  }
  return file;
}

void ReadDns(TableReader& t, Dns& dns) {
  t.Prefixes("resolvers", IfEmpty::kAllow, dns.resolvers);
  t.Duration("grace", 0, kWeek, dns.grace_seconds);
  t.Integer("names", 1'024, 16'777'216, dns.names);
}

}  // namespace mailtap::config

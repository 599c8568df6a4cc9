#include "lib/export/period.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "lib/config/config.h"
#include "lib/control/alert.h"
#include "lib/export/period_parts.h"

namespace mailtap::exporting {
namespace {

using Json = nlohmann::ordered_json;
using control::kHourSeconds;

std::string TextOf(const Json& object, const char* key) {
  const Json& value = object.at(key);
  return value.is_null() ? "" : value.get<std::string>();
}

// A stamp of FormatRfc3339(); 0 for null.
UnixNanos TimeOf(const Json& object, const char* key) {
  absl::Time time;
  std::string error;
  const std::string text = TextOf(object, key);
  if (text.empty()) return 0;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    throw Json::other_error::create(501, "no time: " + text, nullptr);
  }
  return absl::ToUnixNanos(time);
}

// As net::ToString() writes it; alerts of before there was such a thing are of no address
// space.
std::string EncapOf(const Json& json) {
  if (!json.contains("encap")) return "";
  return absl::StrJoin(json.at("encap").get<std::vector<std::string>>(), ",");
}

// Lines of before there was such a thing have the value alone; relay entries have neither.
double HighestIn(const Json& json) {
  const Json& value = json.contains("highest") ? json.at("highest") : json.at("value");
  return value.is_number() ? value.get<double>() : 0;
}

PeriodAlert AlertOf(const Json& json, AlertPeers& peers) {
  PeriodAlert alert;
  alert.id = TextOf(json, "id");
  alert.rule = TextOf(json, "rule");
  alert.severity = TextOf(json, "severity");
  alert.host = TextOf(json, "host");
  alert.encap = EncapOf(json);
  alert.role = TextOf(json, "role");
  alert.asset = TextOf(json, "asset");
  alert.owner = TextOf(json, "owner");
  alert.port = TextOf(json, "port");
  alert.summary = TextOf(json, "summary");
  alert.metric = FromName<config::Metric>(config::kMetricNames, TextOf(json, "metric"));
  alert.highest = HighestIn(json);
  if (json.contains("suppression")) alert.suppression = TextOf(json, "suppression");
  for (const Json& peer : json.at("top_peers")) {
    peers.emplace(TextOf(peer, "peer"), alert.encap, peer.at("port").get<int>());
  }
  return alert;
}

// The alerts that were open within the period: what they said last, and when.
void AddAlerts(const PeriodInput& input, AlertPeers& peers, Period& period) {
  struct Course {
    const std::string* json = nullptr;
    const std::string* end = nullptr;  // the line that clears it
    UnixNanos raised = 0, known = 0, cleared = 0;
    bool suppressed = false;
  };
  std::map<std::string, Course> courses;
  for (const StoredAlert& row : input.alerts) {
    Course& course = courses[row.id];
    if (course.known == 0) course.known = row.time;
    if (row.state == kDroppedAlert) {
      course.cleared = row.time;
      continue;
    }
    // What a row says may be damaged: when it was, and of what, is known all the same.
    const std::string* json = row.json.empty() ? nullptr : &row.json;
    if (row.state == Name(control::AlertState::kCleared)) {
      course.cleared = row.time;
      course.end = json;
      if (course.json == nullptr) course.json = json;
      continue;
    }
    if (json != nullptr) course.json = json;
    course.suppressed = row.state == Name(control::AlertState::kSuppressed);
    if (row.state == Name(control::AlertState::kUpdated)) {
      course.cleared = 0;  // of one that was dropped, and taken up again before that counted
    } else {
      course.raised = row.time;
    }
  }
  for (const auto& [id, course] : courses) {
    // Stamps are ends of seconds: what has that of the begin happened before it.
    const bool over = course.suppressed ? course.raised <= input.since
                                        : course.cleared != 0 && course.cleared <= input.since;
    if (over || course.json == nullptr) continue;
    PeriodAlert alert = AlertOf(Json::parse(*course.json), peers);
    if (course.end != nullptr) {
      alert.highest = std::max(alert.highest, HighestIn(Json::parse(*course.end)));
    }
    alert.raised = course.raised;
    alert.known = course.known;
    alert.cleared = course.cleared;
    const bool blind = absl::StartsWith(alert.rule, config::kBlindSpotPrefix);
    (course.suppressed ? period.suppressed
     : blind           ? period.blind_spots
                       : period.alerts)
        .push_back(std::move(alert));
  }
  for (auto* alerts : {&period.alerts, &period.blind_spots, &period.suppressed}) {
    std::sort(alerts->begin(), alerts->end(), [](const PeriodAlert& a, const PeriodAlert& b) {
      return std::tie(a.known, a.rule, a.host, a.id) < std::tie(b.known, b.rule, b.host, b.id);
    });
  }
}

// How high those that are still open have come since they last said something.
void AddPeaks(const PeriodInput& input, const Json& report, Period& period) {
  const auto peaks =
      report.find("open_alerts_highest");  // states of before there was such a thing
  if (peaks == report.end() || input.until < input.state_time) return;
  for (auto* alerts : {&period.alerts, &period.blind_spots}) {
    for (PeriodAlert& alert : *alerts) {
      const auto peak = peaks->find(alert.id);
      if (alert.cleared != 0 || peak == peaks->end()) continue;
      alert.highest = std::max(alert.highest, peak->get<double>());
    }
  }
}

// Seconds within [from, to) that the sensor judged. Of an hour it is known when it began to and
// for how long in all, so that they count as one piece.
int64_t Judged(const control::Hour& hour, UnixNanos from, UnixNanos to) {
  const UnixNanos begin = std::max(from, StartOfTick(hour.first_tick));
  const UnixNanos end = std::min(to, StartOfTick(hour.first_tick + hour.capture.seconds));
  return std::max<int64_t>(0, (end - begin) / kNanosPerSecond);
}

void AddCoverage(const PeriodInput& input, Period& period) {
  constexpr UnixNanos kHour = kHourSeconds * kNanosPerSecond;
  std::map<int64_t, const control::Hour*> judged;
  for (const control::Hour& hour : input.hours) {
    judged[hour.hour] = &hour;
    period.cut_down_hours += hour.cut_down;
  }
  if (input.since >= input.until) return;
  for (int64_t h = input.since / kHour; h * kHour < input.until; ++h) {
    const UnixNanos from = std::max(input.since, h * kHour);
    const UnixNanos to = std::min(input.until, (h + 1) * kHour);
    const int64_t wanted = (to - from) / kNanosPerSecond;
    const auto known = judged.find(h);
    const int64_t covered = known == judged.end() ? 0 : Judged(*known->second, from, to);
    period.covered_seconds += covered;
    if (covered == wanted) continue;
    // Hours without any stand together.
    const bool joins = covered == 0 && !period.gaps.empty() && period.gaps.back().to == from &&
                       period.gaps.back().seconds ==
                           (period.gaps.back().to - period.gaps.back().from) / kNanosPerSecond;
    if (!joins) period.gaps.push_back({from, from, 0});
    period.gaps.back().to = to;
    period.gaps.back().seconds += wanted - covered;
  }
}

void AddTotals(const control::Hour& hour, Period& period) {
  period.capture += hour.capture;
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      period.totals[s][v] += hour.totals[s][v];
    }
  }
}

PeriodRelay RelayOf(const Json& json) {
  PeriodRelay relay;
  relay.name = TextOf(json, "name");
  relay.file = TextOf(json, "file");
  relay.owner = TextOf(json, "owner");
  relay.reason = TextOf(json, "reason");
  relay.ticket = TextOf(json, "ticket");
  relay.expires = TextOf(json, "expires");
  relay.mode = TextOf(json, "mode");
  relay.ends = TimeOf(json, "ends");
  relay.hosts = json.at("hosts").get<uint64_t>();
  relay.last_used = TimeOf(json, "last_used");
  return relay;
}

void AddRelays(const PeriodInput& input, const Json& report, Period& period) {
  std::map<std::string, control::HourRelay> use;
  for (const control::Hour& hour : input.hours) {
    for (const control::HourRelay& row : hour.relays) {
      control::HourRelay& sum = use[row.name];
      sum.sessions += row.sessions;
      sum.bytes += row.bytes;
    }
  }
  for (const Json& json : report.at("relays")) {
    PeriodRelay relay = RelayOf(json);
    const auto used = use.find(relay.name);
    if (used != use.end()) {
      relay.sessions = used->second.sessions;
      relay.bytes = used->second.bytes;
      use.erase(used);
    }
    if (!relay.expires.empty() || relay.mode != Name(config::RelayMode::kEnforce)) {
      period.exceptions.push_back(relay);
    }
    const bool in_use = relay.sessions + relay.bytes > 0;
    (in_use ? period.relays_used : period.relays_unused).push_back(std::move(relay));
  }
  // Entries that the configuration has no longer.
  for (const auto& [name, sum] : use) {
    PeriodRelay& gone = period.relays_used.emplace_back();
    gone.name = name;
    gone.mode = "removed";
    gone.sessions = sum.sessions;
    gone.bytes = sum.bytes;
  }
}

void AddSuppressions(const Json& report, Period& period) {
  for (const Json& json : report.at("suppressions")) {
    PeriodSuppression& entry = period.suppressions.emplace_back();
    entry.name = TextOf(json, "name");
    entry.reason = TextOf(json, "reason");
    entry.owner = TextOf(json, "owner");
    entry.ticket = TextOf(json, "ticket");
    entry.expires = TextOf(json, "expires");
    entry.ends = TimeOf(json, "ends");
    entry.last_used = TimeOf(json, "last_used");
    json.at("hosts").get_to(entry.hosts);
    if (!json.at("rules").is_null()) json.at("rules").get_to(entry.rules);
    for (const PeriodAlert& alert : period.suppressed) {
      entry.alerts += alert.suppression == entry.name;
    }
  }
}

}  // namespace

bool IsAlertLine(absl::string_view json, absl::string_view id) {
  try {
    AlertPeers peers;
    return !absl::StrContains(json, '\n') &&
           AlertOf(Json::parse(json.begin(), json.end()), peers).id == id;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

absl::StatusOr<Period> GatherPeriod(const PeriodInput& input) {
  Period period;
  period.since = input.since;
  period.until = input.until;
  period.state_time = input.state_time;
  period.source = input.source;
  if (!input.hours.empty()) {
    period.counted_from = StartOfTick(input.hours.front().hour * kHourSeconds);
    period.counted_to = StartOfTick((input.hours.back().hour + 1) * kHourSeconds);
  }
  try {
    const Json report = Json::parse(input.report);
    period.config_version = TextOf(report, "config_version");
    report.at("relay_review").get_to(period.relay_review);
    AlertPeers peers;
    AddAlerts(input, peers, period);
    AddPeaks(input, report, period);
    AddCoverage(input, period);
    for (const control::Hour& hour : input.hours) AddTotals(hour, period);
    AddHostsAndServers(input, peers, period);
    AddRelays(input, report, period);
    AddSuppressions(report, period);
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(
        absl::StrCat("the state holds what mailtap doesn't write: ", error.what()));
  }
  return period;
}

}  // namespace mailtap::exporting

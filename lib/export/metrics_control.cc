// Families of what the control core judged: how well mail is seen, alerts, hosts, relays; and
// of itself.
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "lib/config/config.h"
#include "lib/export/metrics.h"
#include "lib/net/address.h"

namespace mailtap::exporting {
namespace {

using control::Snapshot;

double Seconds(UnixNanos time) { return static_cast<double>(time) / kNanosPerSecond; }

using RatioField = double (*)(const control::Confidence&);

struct RatioFamily {
  const char* name;
  const char* help;
  RatioField field;
};

// What the gauges of the sensor, mailtap_capture_*, and of its hosts, mailtap_host_*, say.
constexpr RatioFamily kRatios[] = {
    {"loss_ratio", "Mail payload that was never seen, only inferred, as a share of all",
     [](const control::Confidence& c) { return c.loss_ratio; }},
    {"repeat_ratio", "Mail payload seen again, as a share of all that was seen",
     [](const control::Confidence& c) { return c.repeat_ratio; }},
    {"duplicate_ratio",
     "Mail payload in copies made by the mirror, as a share of all that was seen",
     [](const control::Confidence& c) { return c.duplicate_ratio; }},
    {"one_way_ratio", "Mail seen in one direction only, as a share of all",
     [](const control::Confidence& c) { return c.one_way_ratio; }},
};

void AddCapture(const Snapshot& s, MetricFamilies& f) {
  for (const RatioFamily& ratio : kRatios) {
    f.Gauge(absl::StrCat("mailtap_capture_", ratio.name),
            absl::StrCat(ratio.help, "; over metrics.capture_window."))
        .Add({}, ratio.field(s.capture));
  }
}

using AlertField = uint64_t (*)(const control::AlertCount&);

void AddByRule(const Snapshot& s, MetricFamilyBuilder family, AlertField field) {
  for (const control::AlertCount& count : s.alerts) {
    family.Add({MetricLabel("rule", count.rule), MetricLabel("severity", Name(count.severity))},
               field(count));
  }
}

void AddAlerts(const Snapshot& s, MetricFamilies& f) {
  AddByRule(s, f.Counter("mailtap_alerts_raised_total", "Alerts raised since start."),
            [](const control::AlertCount& c) { return c.raised; });
  AddByRule(s, f.Counter("mailtap_alerts_cleared_total", "Alerts cleared since start."),
            [](const control::AlertCount& c) { return c.cleared; });
  AddByRule(s,
            f.Counter("mailtap_alerts_suppressed_total",
                      "Alerts since start that were not raised because a [[suppress]] entry "
                      "covers them."),
            [](const control::AlertCount& c) { return c.suppressed; });
  AddByRule(s, f.Gauge("mailtap_alerts_active", "Alerts that are open now."),
            [](const control::AlertCount& c) { return c.active; });
}

// `encap` is empty unless [tunnels] split_by tells hosts apart.
MetricLabels HostLabels(const control::HostGauge& gauge) {
  return {MetricLabel("rule", gauge.rule), MetricLabel("host", net::ToString(gauge.host)),
          MetricLabel("encap", net::ToString(gauge.encap)),
          MetricLabel("role", Name(gauge.role))};
}

void AddHostSights(const Snapshot& s, MetricFamilies& f) {
  for (const RatioFamily& ratio : kRatios) {
    auto family =
        f.Gauge(absl::StrCat("mailtap_host_", ratio.name),
                absl::StrCat(ratio.help,
                             " of this host's; over the period of metrics.capture_window "
                             "under way and the one before. The same hosts have series as in "
                             "mailtap_host_window_value."));
    for (const control::HostSight& sight : s.host_sights) {
      family.Add({MetricLabel("host", net::ToString(sight.host)),
                  MetricLabel("encap", net::ToString(sight.encap))},
                 ratio.field(sight.confidence));
    }
  }
}

using HostField = double (*)(const control::HostGauge&);

void AddByHost(const Snapshot& s, MetricFamilyBuilder family, HostField field) {
  for (const control::HostGauge& gauge : s.host_gauges) {
    family.Add(HostLabels(gauge), field(gauge));
  }
}

void AddHosts(const Snapshot& s, MetricFamilies& f) {
  AddByHost(s,
            f.Gauge("mailtap_host_window_value",
                    "The rule's metric for this host over the rule's window, in the metric's "
                    "unit. Only the hosts closest to their thresholds have series; "
                    "mailtap_hosts_cut says how many have none."),
            [](const control::HostGauge& g) { return g.value; });
  AddByHost(s,
            f.Gauge("mailtap_host_window_threshold",
                    "The value at which the rule raises an alert for this host, in the "
                    "metric's unit."),
            [](const control::HostGauge& g) { return g.raise; });
  AddByHost(s,
            f.Gauge("mailtap_host_alerting",
                    "1 while the rule's alert for this host is open, else 0."),
            [](const control::HostGauge& g) { return g.alerting ? 1.0 : 0.0; });
  const uint64_t shown = s.host_sights.size();
  const uint64_t cut = s.hosts_tracked > shown ? s.hosts_tracked - shown : 0;
  f.Gauge("mailtap_hosts_tracked", "Hosts with a value in any rule's window.")
      .Add({}, s.hosts_tracked);
  f.Gauge("mailtap_hosts_cut",
          "Hosts with a value in a rule's window that have no series of their own, since only "
          "the metrics.top_hosts closest to a threshold do.")
      .Add({}, cut);
}

void AddRelays(const Snapshot& s, MetricFamilies& f) {
  const auto add = [&](MetricFamilyBuilder family, auto field) {
    for (const control::RelayUse& relay : s.relays) {
      family.Add({MetricLabel("relay", relay.name)}, field(relay));
    }
  };
  using Relay = control::RelayUse;
  add(f.Counter("mailtap_relay_bytes_total",
                "TCP payload that a relay entry approved or, in the mode observe, would have; "
                "both directions. Only the metrics.top_relays entries with the most have "
                "series; mailtap_relays_cut says how many have none."),
      [](const Relay& r) { return r.bytes; });
  add(f.Counter(
          "mailtap_relay_sessions_total",
          "Mail sessions that a relay entry approved or, in the mode observe, would have."),
      [](const Relay& r) { return r.sessions; });
  add(f.Gauge("mailtap_relay_hosts",
              "Different clients that a relay entry has approved or, in the mode observe, "
              "would have."),
      [](const Relay& r) { return r.hosts; });
  add(f.Gauge("mailtap_relay_last_used_timestamp_seconds",
              "When a relay entry last approved traffic or, in the mode observe, would have, "
              "in seconds since 1970; 0: never."),
      [](const Relay& r) { return Seconds(r.last_used); });
}

void AddNames(const Snapshot& s, MetricFamilies& f) {
  const uint64_t shown = s.relays.size();
  f.Gauge("mailtap_relays_cut", "Relay entries that have no series of their own.")
      .Add({}, s.relays_known > shown ? s.relays_known - shown : 0);
  f.Gauge("mailtap_dns_names_known",
          "Names of addresses that are remembered from name servers' answers.")
      .Add({}, s.names_known);
  auto answers =
      f.Counter("mailtap_dns_answers_total",
                "Records of names that name servers' answers gave, by whether they were learnt "
                "or ignored, because [dns] resolvers doesn't list who answered.");
  answers.Add({MetricLabel("result", "learnt")}, s.answers_learnt);
  answers.Add({MetricLabel("result", "ignored")}, s.answers_ignored);
}

void AddControlCore(const Snapshot& s, MetricFamilies& f) {
  f.Gauge("mailtap_hosts_known", "Hosts that the control core keeps counters for.")
      .Add({}, s.hosts_known);
  f.Gauge(
       "mailtap_conversations_known",
       "Conversations (client, server, port, service) that the control core keeps state for.")
      .Add({}, s.conversations_known);
  f.Counter("mailtap_peers_forgotten_total",
            "Peers whose state was given up because a bound was reached. Their bytes stay in "
            "all totals; they may be missing from an alert's evidence.")
      .Add({}, s.peers_forgotten);
  f.Summary("mailtap_tick_duration_seconds",
            "Time that the control core took for its ticks: merging, windows and rules. It has "
            "one second for each.")
      .AddSummary({}, s.ticks, s.total_tick_seconds);
  f.Gauge("mailtap_last_tick_duration_seconds",
          "Time that the control core took for its last tick.")
      .Add({}, s.last_tick_seconds);
  f.Gauge("mailtap_last_tick_timestamp_seconds",
          "End of the last tick that was judged, in seconds since 1970; in a replay, in the "
          "packets' time.")
      .Add({}, Seconds(s.time));
  f.Gauge("mailtap_config_info", "1; the label is a hash of the configuration in force.")
      .Add({MetricLabel("config_version", s.config_version)}, 1.0);
}

}  // namespace

void AddControlFamilies(const Snapshot& snapshot, MetricFamilies& families) {
  AddCapture(snapshot, families);
  AddAlerts(snapshot, families);
  AddHosts(snapshot, families);
  AddHostSights(snapshot, families);
  AddRelays(snapshot, families);
  AddNames(snapshot, families);
  AddControlCore(snapshot, families);
}

}  // namespace mailtap::exporting

// Families of the control core: mail traffic, hosts, relays, alerts.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/base/mail.h"
#include "lib/config/config.h"
#include "lib/export/metrics.h"
#include "lib/net/address.h"

namespace mailtap::exporting {
namespace {

using control::Snapshot;
using control::Totals;

double Seconds(UnixNanos time) { return static_cast<double>(time) / kNanosPerSecond; }

// Calls visit(labels, totals) for every service and verdict. All combinations are there from
// the start, so that rates are right from the first packet on.
template <typename Visit>
void ForEachTotal(const Snapshot& snapshot, const Visit& visit) {
  for (int s = 0; s < kServiceCount; ++s) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      visit(MetricLabels{MetricLabel("service", kServiceNames[s]),
                         MetricLabel("verdict", config::kVerdictNames[v])},
            snapshot.totals[s][v]);
    }
  }
}

using ByteField = uint64_t (*)(const meter::DirectionBytes&);

void AddByDirection(const Snapshot& snapshot, MetricFamilyBuilder family, ByteField field) {
  ForEachTotal(snapshot, [&](MetricLabels labels, const Totals& totals) {
    for (int d = 0; d < kDirectionCount; ++d) {
      MetricLabels with_direction = labels;
      with_direction.push_back(MetricLabel("direction", d == kUp ? "up" : "down"));
      family.Add(std::move(with_direction), field(totals.bytes[d]));
    }
  });
}

void AddMail(const Snapshot& s, MetricFamilies& f) {
  AddByDirection(s,
                 f.Counter("mailtap_mail_bytes_total",
                           "TCP payload of established mail sessions, observed and inferred. "
                           "Direction up is client to server."),
                 [](const meter::DirectionBytes& b) { return b.volume(); });
  AddByDirection(s,
                 f.Counter("mailtap_mail_inferred_bytes_total",
                           "Part of mailtap_mail_bytes_total that the mirror did not deliver, "
                           "known from sequence and acknowledgement numbers."),
                 [](const meter::DirectionBytes& b) { return b.inferred; });
  AddByDirection(s,
                 f.Counter("mailtap_mail_repeated_bytes_total",
                           "Mail payload seen again (retransmissions and copies made by the "
                           "mirror); not part of mailtap_mail_bytes_total."),
                 [](const meter::DirectionBytes& b) { return b.repeated; });
  AddByDirection(s,
                 f.Counter("mailtap_mail_duplicate_bytes_total",
                           "Part of mailtap_mail_repeated_bytes_total that came in the very "
                           "packet seen before: a copy made by the mirror."),
                 [](const meter::DirectionBytes& b) { return b.duplicate; });
  AddByDirection(s,
                 f.Counter("mailtap_mail_packets_total",
                           "TCP segments of established mail sessions, those without payload "
                           "included."),
                 [](const meter::DirectionBytes& b) { return b.packets; });
}

void AddOneWay(const Snapshot& s, MetricFamilies& f) {
  auto one_way =
      f.Counter("mailtap_mail_one_way_bytes_total",
                "Part of mailtap_mail_bytes_total in conversations of which only one "
                "direction was seen lately; transit and unattributed mail is not "
                "followed.");
  ForEachTotal(s, [&](MetricLabels l, const Totals& t) { one_way.Add(l, t.one_way); });
}

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
    {"one_way_ratio", "Mail in conversations seen in one direction only, as a share of all",
     [](const control::Confidence& c) { return c.one_way_ratio; }},
};

void AddCapture(const Snapshot& s, MetricFamilies& f) {
  for (const RatioFamily& ratio : kRatios) {
    f.Gauge(absl::StrCat("mailtap_capture_", ratio.name),
            absl::StrCat(ratio.help, "; over metrics.capture_window."))
        .Add({}, ratio.field(s.capture));
  }
}

void AddSessions(const Snapshot& s, MetricFamilies& f) {
  auto sessions =
      f.Counter("mailtap_mail_sessions_total", "Mail sessions that became established.");
  ForEachTotal(s, [&](MetricLabels l, const Totals& t) { sessions.Add(l, t.sessions); });
}

void AddFailedSessions(const Snapshot& s, MetricFamilies& f) {
  auto failed = f.Counter("mailtap_mail_failed_sessions_total",
                          "Connection attempts on mail ports that never became established: "
                          "refused, unanswered, or scans.");
  ForEachTotal(s, [&](MetricLabels l, const Totals& t) { failed.Add(l, t.failed_sessions); });
}

// SMTP alone has transactions.
void AddMessages(const Snapshot& s, MetricFamilies& f) {
  const auto& smtp = s.totals[static_cast<int>(Service::kSmtp)];
  auto accepted = f.Counter("mailtap_messages_total",
                            "SMTP transactions that the server accepted, where neither TLS nor "
                            "a gap hides them.");
  for (int v = 0; v < config::kVerdictCount; ++v) {
    accepted.Add({MetricLabel("verdict", config::kVerdictNames[v])}, smtp[v].messages);
  }
}

void AddRejectedMessages(const Snapshot& s, MetricFamilies& f) {
  const auto& smtp = s.totals[static_cast<int>(Service::kSmtp)];
  auto rejected = f.Counter("mailtap_messages_rejected_total",
                            "SMTP transactions that the server refused, where neither TLS nor "
                            "a gap hides them.");
  for (int v = 0; v < config::kVerdictCount; ++v) {
    rejected.Add({MetricLabel("verdict", config::kVerdictNames[v])}, smtp[v].rejected);
  }
}

// What is known of sessions that have ended.
void AddEndedSessions(const Snapshot& s, MetricFamilies& f) {
  const auto verdict = [](int v) { return MetricLabel("verdict", config::kVerdictNames[v]); };
  const auto& smtp = s.totals[static_cast<int>(Service::kSmtp)];
  const auto& pop3 = s.totals[static_cast<int>(Service::kPop3)];
  auto refused = f.Counter("mailtap_messages_rejected_by_reply_total",
                           "Part of mailtap_messages_rejected_total by the class of the reply "
                           "that refused them (4xx: for now), counted when sessions end.");
  auto recipients = f.Counter("mailtap_message_recipients_total",
                              "Accepted recipients of accepted SMTP messages, counted when "
                              "sessions end.");
  auto retrievals =
      f.Counter("mailtap_messages_retrieved_total",
                "Messages that POP3 clients retrieved, counted when sessions end.");
  for (int v = 0; v < config::kVerdictCount; ++v) {
    refused.Add({verdict(v), MetricLabel("reply", "4xx")}, smtp[v].rejected_transient);
    refused.Add({verdict(v), MetricLabel("reply", "5xx")}, smtp[v].rejected_permanent);
    recipients.Add({verdict(v)}, smtp[v].recipients);
    retrievals.Add({verdict(v)}, pop3[v].retrievals);
  }
  auto text =
      f.Counter("mailtap_message_bytes_total",
                "Text of messages, where it is not hidden: accepted by SMTP or appended "
                "by IMAP (up), fetched by IMAP or retrieved by POP3 (down); counted when "
                "sessions end.");
  ForEachTotal(s, [&](MetricLabels labels, const Totals& totals) {
    for (int d = 0; d < kDirectionCount; ++d) {
      MetricLabels with_direction = labels;
      with_direction.push_back(MetricLabel("direction", d == kUp ? "up" : "down"));
      text.Add(std::move(with_direction), totals.text_bytes[d]);
    }
  });
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
  add(f.Counter("mailtap_relay_sessions_total", "Mail sessions that a relay entry approved."),
      [](const Relay& r) { return r.sessions; });
  add(f.Gauge("mailtap_relay_hosts", "Different clients that a relay entry has approved."),
      [](const Relay& r) { return r.hosts; });
  add(f.Gauge("mailtap_relay_last_used_timestamp_seconds",
              "When a relay entry last approved traffic, in seconds since 1970; 0: never."),
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

void AddTrafficFamilies(const Snapshot& snapshot, MetricFamilies& families) {
  AddMail(snapshot, families);
  AddOneWay(snapshot, families);
  AddCapture(snapshot, families);
  AddSessions(snapshot, families);
  AddFailedSessions(snapshot, families);
  AddMessages(snapshot, families);
  AddRejectedMessages(snapshot, families);
  AddEndedSessions(snapshot, families);
  AddAlerts(snapshot, families);
  AddHosts(snapshot, families);
  AddHostSights(snapshot, families);
  AddRelays(snapshot, families);
  AddNames(snapshot, families);
  AddControlCore(snapshot, families);
}

}  // namespace mailtap::exporting

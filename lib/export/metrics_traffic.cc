// Families of the mail's totals.
#include <cstdint>
#include <utility>

#include "lib/base/mail.h"
#include "lib/config/config.h"
#include "lib/export/metrics.h"

namespace mailtap::exporting {
namespace {

using control::Snapshot;
using control::Totals;

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

using DirectionField = uint64_t (*)(const Totals&, int direction);

void AddByDirection(const Snapshot& snapshot, MetricFamilyBuilder family,
                    DirectionField field) {
  ForEachTotal(snapshot, [&](MetricLabels labels, const Totals& totals) {
    for (int d = 0; d < kDirectionCount; ++d) {
      MetricLabels with_direction = labels;
      with_direction.push_back(MetricLabel("direction", d == kUp ? "up" : "down"));
      family.Add(std::move(with_direction), field(totals, d));
    }
  });
}

void AddMail(const Snapshot& s, MetricFamilies& f) {
  AddByDirection(s,
                 f.Counter("mailtap_mail_bytes_total",
                           "TCP payload of established mail sessions, observed and inferred. "
                           "Direction up is client to server. Of verdict unattributed the "
                           "hosts are not known because a worker's table was full."),
                 [](const Totals& t, int d) { return t.bytes[d].volume(); });
  AddByDirection(s,
                 f.Counter("mailtap_mail_inferred_bytes_total",
                           "Part of mailtap_mail_bytes_total that the mirror did not deliver, "
                           "known from sequence and acknowledgement numbers."),
                 [](const Totals& t, int d) { return t.bytes[d].inferred; });
  AddByDirection(s,
                 f.Counter("mailtap_mail_repeated_bytes_total",
                           "Mail payload seen again (retransmissions and copies made by the "
                           "mirror); not part of mailtap_mail_bytes_total."),
                 [](const Totals& t, int d) { return t.bytes[d].repeated; });
  AddByDirection(s,
                 f.Counter("mailtap_mail_duplicate_bytes_total",
                           "Part of mailtap_mail_repeated_bytes_total that came in the very "
                           "packet seen before: a copy made by the mirror."),
                 [](const Totals& t, int d) { return t.bytes[d].duplicate; });
  AddByDirection(s,
                 f.Counter("mailtap_mail_packets_total",
                           "TCP segments of established mail sessions, those without payload "
                           "included."),
                 [](const Totals& t, int d) { return t.bytes[d].packets; });
}

void AddOneWay(const Snapshot& s, MetricFamilies& f) {
  auto one_way =
      f.Counter("mailtap_mail_one_way_bytes_total",
                "Part of mailtap_mail_bytes_total in conversations of which only one "
                "direction was seen lately; transit and unattributed mail is not "
                "followed.");
  ForEachTotal(s, [&](MetricLabels l, const Totals& t) { one_way.Add(l, t.one_way); });
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
  auto hidden = f.Counter("mailtap_messages_hidden_sessions_total",
                          "Established SMTP sessions whose messages TLS, a gap or an unseen "
                          "direction hides, counted when sessions end.");
  auto retrievals =
      f.Counter("mailtap_messages_retrieved_total",
                "Messages that POP3 clients retrieved, counted when sessions end.");
  for (int v = 0; v < config::kVerdictCount; ++v) {
    refused.Add({verdict(v), MetricLabel("reply", "4xx")}, smtp[v].rejected_transient);
    refused.Add({verdict(v), MetricLabel("reply", "5xx")}, smtp[v].rejected_permanent);
    recipients.Add({verdict(v)}, smtp[v].recipients);
    hidden.Add({verdict(v)}, smtp[v].hidden_sessions);
    retrievals.Add({verdict(v)}, pop3[v].retrievals);
  }
  AddByDirection(s,
                 f.Counter("mailtap_message_bytes_total",
                           "Text of messages, where it is not hidden: accepted by SMTP or "
                           "appended by IMAP (up), fetched by IMAP or retrieved by POP3 "
                           "(down); counted when sessions end."),
                 [](const Totals& t, int d) { return t.text_bytes[d]; });
}

}  // namespace

void AddTrafficFamilies(const Snapshot& snapshot, MetricFamilies& families) {
  AddMail(snapshot, families);
  AddOneWay(snapshot, families);
  AddSessions(snapshot, families);
  AddFailedSessions(snapshot, families);
  AddMessages(snapshot, families);
  AddRejectedMessages(snapshot, families);
  AddEndedSessions(snapshot, families);
}

}  // namespace mailtap::exporting

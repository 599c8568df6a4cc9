// Sessions and alerts as the fixed interfaces spell them: one JSON object a line.
//
// The text depends on the argument alone: keys keep their order, integers stay integers, and
// ratios are rounded to six decimals, so equal inputs give equal bytes. Invalid UTF-8 (a name
// off the wire) becomes U+FFFD; nothing here throws or fails. Any thread.
#ifndef MAILTAP_LIB_EXPORT_JSON_H_
#define MAILTAP_LIB_EXPORT_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "lib/config/config.h"
#include "lib/control/alert.h"
#include "lib/control/hour.h"
#include "lib/control/judged_session.h"
#include "lib/net/encap.h"

namespace mailtap::exporting {

// One line of --flows, without its newline.
std::string ToJsonLine(const control::JudgedSession& session);

// One line of --alerts and of the alert file, without its newline. `sensor` is the name of
// this sensor from the configuration. One that is suppressed has the key `suppression` besides,
// the entry's name; it stands in no such file, but in the state.
std::string ToJsonLine(const control::Alert& alert, absl::string_view sensor);

// The parts that the report shares.

// A metric's value: an integer where the metric counts bytes or things, rounded to six
// decimals where it is a ratio.
nlohmann::ordered_json MetricNumber(config::Metric metric, double value);

// What an alert measures: "sent_bytes", or of a blind spot "loss_ratio".
nlohmann::ordered_json MetricName(const control::Alert& alert);
// A value or threshold of it.
nlohmann::ordered_json AlertNumber(const control::Alert& alert, double value);
// Host, encap, role, verdict and service: null and [] for a blind spot and a relay entry; no
// host for a group or the site.
struct AlertSubject {
  nlohmann::ordered_json host, encap, role, verdict, service;
};
AlertSubject SubjectOf(const control::Alert& alert);

// "loss_ratio" and the others as an object.
nlohmann::ordered_json ConfidenceJson(const control::Confidence& confidence);

// One service's and verdict's of the totals, by their numbers.
nlohmann::ordered_json HourTotalsJson(const control::HourTotalsTable& totals, int service,
                                      int verdict);

// "vlan:100" and so on, outermost first.
nlohmann::ordered_json EncapNames(const net::EncapStack& stack);

// The text or null, where empty means that there is none.
nlohmann::ordered_json TextOrNull(absl::string_view text);

// Serialises with invalid UTF-8 replaced. `indent` as nlohmann's dump; -1: one line.
std::string Dump(const nlohmann::ordered_json& json, int indent = -1);

// `text` with every invalid UTF-8 sequence replaced by U+FFFD.
std::string ValidUtf8(absl::string_view text);

}  // namespace mailtap::exporting

#endif  // MAILTAP_LIB_EXPORT_JSON_H_

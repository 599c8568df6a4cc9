// How people read what rules count.
#ifndef MAILTAP_LIB_CONTROL_AMOUNT_H_
#define MAILTAP_LIB_CONTROL_AMOUNT_H_

#include <string>

#include "lib/config/rule.h"

namespace mailtap::control {

// A value or threshold of the metric, in its unit: "20.0 MB", "50".
std::string Amount(config::Metric metric, double value);

// The metric as a noun: "sent bytes".
std::string Noun(config::Metric metric);

// "20.0 MB of sent bytes", "50 messages", "1 distinct peer"
std::string AmountOf(config::Metric metric, double value);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_AMOUNT_H_

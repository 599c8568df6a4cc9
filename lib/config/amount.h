// How people read what rules count.
#ifndef MAILTAP_LIB_CONFIG_AMOUNT_H_
#define MAILTAP_LIB_CONFIG_AMOUNT_H_

#include <cstdint>
#include <string>

#include "lib/config/rule.h"

namespace mailtap::config {

// A count: as it is, or from 100,000 on in short.
std::string Number(uint64_t count);

// A value or threshold of the metric, in its unit: "20.0 MB", "50".
std::string Amount(Metric metric, double value);

// The metric as a noun: "sent bytes".
std::string Noun(Metric metric);

// "20.0 MB of sent bytes", "50 messages", "1 distinct peer"
std::string AmountOf(Metric metric, double value);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_AMOUNT_H_

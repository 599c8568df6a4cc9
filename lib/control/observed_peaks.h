// What the windows of one rule reached over some hours, and what of it is usual.
#ifndef MAILTAP_LIB_CONTROL_OBSERVED_PEAKS_H_
#define MAILTAP_LIB_CONTROL_OBSERVED_PEAKS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/mail.h"
#include "lib/config/rule.h"
#include "lib/control/hour.h"
#include "lib/control/median.h"
#include "lib/net/address.h"

namespace mailtap::control {

// A host in one role: the highest that its window reached.
struct PeakHost {
  net::IpAddress host;
  std::string encap;
  Role role = Role::kClient;
  double highest = 0;
  int64_t hour = 0;
};

struct Observed {
  std::vector<PeakHost> subjects;  // the highest first
  std::size_t samples = 0;         // (subject, hour)
  int64_t hours = 0;               // that kept peaks of this rule
  double untold = 0;               // what those that were not told apart may have reached
};

using Counts = std::function<bool(const net::IpAddress&)>;

// Of the hosts that `counts` accepts.
Observed Observe(const std::vector<Hour>& hours, const config::Rule& rule,
                 const Counts& counts);

// How many hosts would have reached `value`, and the first of them: "2 hosts (10.1.0.1, ...)".
std::string CrossedText(const Observed& observed, double value);

// What is usual among the subjects: those in alerts and those far apart from all others are
// not.
struct Usual {
  std::vector<const PeakHost*> rest;  // the highest first
  std::vector<const PeakHost*> apart;
  std::size_t suspects = 0;
};

// Of fewer subjects none can be told to stand apart.
inline constexpr std::size_t kLeastToCompare = 5;

// Points into `observed`.
Usual UsualOf(const Observed& observed, const std::set<net::IpAddress>& suspects);
// Of the highest of each that is usual; there must be one.
Spread SpreadOfHighest(const Usual& usual);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_OBSERVED_PEAKS_H_

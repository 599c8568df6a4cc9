// The sentence that an alert says to a person.
#ifndef MAILTAP_LIB_CONTROL_SUMMARY_H_
#define MAILTAP_LIB_CONTROL_SUMMARY_H_

#include <bit>
#include <cstdint>
#include <string>

#include "lib/control/alert.h"

namespace mailtap::control {

// Verdicts or services, by their numbers.
class KindSet {
 public:
  void Add(int kind) { bits_ |= 1u << kind; }
  bool Contains(int kind) const { return (bits_ >> kind & 1) != 0; }
  int size() const { return std::popcount(bits_); }

 private:
  uint32_t bits_ = 0;
};

// Who had a part in what the window holds.
struct Parties {
  std::size_t peers = 0;  // different addresses
  std::size_t hosts = 1;  // of ours
  // Where there are several the alert's are those of the largest share.
  KindSet verdicts, services;
};

// One sentence: who, how much, over which service, with whom, in which window, against which
// threshold, and what to check. `alert` is complete but for its summary; `hold_seconds` of its
// rule.
std::string Summarize(const Alert& alert, const Parties& parties, int64_t hold_seconds);

// The same of an alert, of a rule or a blind spot, that is cleared because a reload took its
// rule away, or changed the rule's metric or window so that it counts anew.
std::string SummarizeReload(const Alert& alert);
// The same of a group's, because a reload took the group away.
std::string SummarizeGroupGone(const Alert& alert);

// The same of an open alert that is cleared because `by` covers it now.
std::string SummarizeSuppression(const Alert& alert, const config::Suppression& by);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SUMMARY_H_

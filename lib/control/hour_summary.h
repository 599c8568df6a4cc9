// What the hour under way has held so far, put together from where it is counted.
#ifndef MAILTAP_LIB_CONTROL_HOUR_SUMMARY_H_
#define MAILTAP_LIB_CONTROL_HOUR_SUMMARY_H_

#include "lib/control/hour.h"
#include "lib/control/state.h"

namespace mailtap::control {

// Takes time in proportion to the hosts, and the servers of unapproved mail. Control thread
// only.
Hour SummarizeHour(const State& state);

// Its sums alone: none of its hosts, servers, relays, acts and peaks, which are some thousand
// times as long. Hosts and servers count among those that are not told apart. Nothing is learnt
// from such an hour.
Hour CutDown(const Hour& hour);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_HOUR_SUMMARY_H_

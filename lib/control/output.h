// What the control core gives to the outside: alerts and judged sessions as they happen, and a
// snapshot at every tick. Implemented by lib/export and by tests; all calls come from the
// control core's thread, in the order that the fixed interfaces promise.
#ifndef MAILTAP_LIB_CONTROL_OUTPUT_H_
#define MAILTAP_LIB_CONTROL_OUTPUT_H_

#include <memory>

#include "lib/control/alert.h"
#include "lib/control/judged_session.h"
#include "lib/control/snapshot.h"

namespace mailtap::control {

class Output {
 public:
  virtual ~Output() = default;
  // Must not block: a live sink queues, and counts what it drops. The argument is valid during
  // the call only.
  virtual void OnAlert(const Alert& alert) = 0;
  // An alert that would have been raised, and is not to be sent: for reports.
  virtual void OnSuppressed(const Alert&) {}
  virtual void OnSession(const JudgedSession& session) = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_OUTPUT_H_

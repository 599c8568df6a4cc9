// A mail session as the worker saw it and the policy judged it: one line of --flows.
#ifndef MAILTAP_LIB_CONTROL_JUDGED_SESSION_H_
#define MAILTAP_LIB_CONTROL_JUDGED_SESSION_H_

#include <string>

#include "lib/config/config.h"
#include "lib/meter/records.h"

namespace mailtap::control {

struct JudgedSession {
  meter::SessionRecord record;
  std::string sni;  // empty where there was none
  // Under which its last bytes were counted.
  config::Verdict verdict = config::Verdict::kTransit;
  std::string relay;  // the name of the entry that matched then; empty: none
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_JUDGED_SESSION_H_

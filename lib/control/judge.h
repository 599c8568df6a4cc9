// The end of a tick: which alerts change, and what they say.
#ifndef MAILTAP_LIB_CONTROL_JUDGE_H_
#define MAILTAP_LIB_CONTROL_JUDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/control/alert.h"
#include "lib/control/output.h"
#include "lib/control/state.h"

namespace mailtap::control {

// Control thread only.
class Judge {
 public:
  // Both outlive this object.
  Judge(State& state, Output& output) : state_(state), output_(output) {}

  // Takes out what has left the windows by the end of `tick`, judges every entity that
  // changed, and puts out the alerts that changed: by rule, then host, then role.
  void EndTick(int64_t tick);

  // Clears the open alerts of the rules i for which gone[i], as of the end of the last tick,
  // because the configuration of `version` has them no longer or counts by them anew.
  void ClearAll(const std::vector<bool>& gone, const std::string& version);

 private:
  struct Change {
    uint32_t entity;
    AlertState state;
  };
  void Sort(std::vector<Change>& changes) const;
  Alert Compose(const Change& change, int64_t tick);

  State& state_;
  Output& output_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_JUDGE_H_

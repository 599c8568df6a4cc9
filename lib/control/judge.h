// The end of a tick: which alerts change, and what they say.
#ifndef MAILTAP_LIB_CONTROL_JUDGE_H_
#define MAILTAP_LIB_CONTROL_JUDGE_H_

#include <cstdint>

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

 private:
  struct Change {
    uint32_t entity;
    AlertState state;
  };
  void PutOut(const Change& change, int64_t tick);

  State& state_;
  Output& output_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_JUDGE_H_

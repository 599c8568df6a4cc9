// The sessions of a tick, put out in an order that doesn't depend on who sent them.
#ifndef MAILTAP_LIB_CONTROL_SESSION_BOOK_H_
#define MAILTAP_LIB_CONTROL_SESSION_BOOK_H_

#include <string>
#include <vector>

#include "lib/control/intake.h"
#include "lib/control/output.h"
#include "lib/control/state.h"

namespace mailtap::control {

// Control thread only.
class SessionBook {
 public:
  // All outlive this object.
  SessionBook(State& state, const Intake& intake, Output& output)
      : state_(state), intake_(intake), output_(output) {}

  // Gathers a session; its SNI has been given to the name book before.
  void Apply(const meter::SessionRecord& session);

  // Puts out what was gathered until the end of `tick`: by first_seen, then by key, port, and
  // all the rest that shows. Each has the verdict under which its last bytes were counted, so
  // that sessions and totals agree. After Intake::Fold().
  void PutOut(int64_t tick);

 private:
  struct Pending {
    meter::SessionRecord record;
    std::string sni;
  };
  static bool Before(const Pending& a, const Pending& b);

  State& state_;
  const Intake& intake_;
  Output& output_;
  std::vector<Pending> pending_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_SESSION_BOOK_H_

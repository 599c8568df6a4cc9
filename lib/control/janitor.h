// Keeps the control core's tables within their bounds.
#ifndef MAILTAP_LIB_CONTROL_JANITOR_H_
#define MAILTAP_LIB_CONTROL_JANITOR_H_

#include "lib/control/state.h"

namespace mailtap::control {

// Control thread only.
class Janitor {
 public:
  // `state` outlives this object.
  explicit Janitor(State& state) : state_(state), hosts_allowed_(state.bounds.hosts) {}

  // Forgets what evidence no longer needs at the end of `tick`, and what is over the bounds,
  // the longest idle first, and counts it in State::forgotten. Between ticks: nothing is being
  // gathered. Costs nothing while all is within bounds.
  void Tidy(int64_t tick);

 private:
  void TidyRetired(int64_t tick);
  void TidyKey(uint32_t retired);
  void TidyConversations();
  void TidyHosts();
  // Where `logs` hold more than `most` rows the oldest go.
  template <typename Log>
  void TidyLogs(std::vector<Log>& logs, std::size_t most);
  bool IsIdle(uint32_t host) const;
  void Forget(uint32_t conversation);

  State& state_;
  std::size_t hosts_allowed_;  // look again when there are more
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_JANITOR_H_

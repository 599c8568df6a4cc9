// The end of a tick: which alerts change, and what they say.
#ifndef MAILTAP_LIB_CONTROL_JUDGE_H_
#define MAILTAP_LIB_CONTROL_JUDGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "lib/control/alert.h"
#include "lib/control/output.h"
#include "lib/control/renumbering.h"
#include "lib/control/state.h"

namespace mailtap::control {

// Control thread only.
class Judge {
 public:
  // Both outlive this object.
  Judge(State& state, Output& output) : state_(state), output_(output) {}

  // Starts `tick`, before its traffic is counted: with an hour begins what is usual in it.
  void StartTick(int64_t tick);
  // The earliest tick at which that can raise an alert without new traffic, or INT64_MAX.
  int64_t NextEvent() const { return waiting_.empty() ? INT64_MAX : next_hour_; }

  // Takes out what has left the windows by the end of `tick`, judges every entity that
  // changed, and puts out the alerts that changed: by rule, then host, then role.
  void EndTick(int64_t tick);

  // Clears the open alerts of rules and groups that go, as of the end of the last tick, because
  // the configuration of `version` has them no longer or counts by them anew.
  void ClearAll(const Renumbering& to, const std::string& version);

  // What the first condition's value has to reach, and what it was made of where the rule asks
  // what is usual: of an alert that lasts, as it began; else now. Without a baseline such a
  // rule raises nothing, and this is the least that could.
  struct Bar {
    std::optional<Baseline> baseline;
    double raise = 0;
    double clear = 0;
  };
  Bar BarOf(const Entity& entity) const;
  // The entry that covers the entity's alerts; Suppressions::kNone where none does.
  uint32_t SuppressionOf(const Entity& entity, int64_t tick) const;

 private:
  struct Change {
    uint32_t entity;
    AlertState state;
  };
  // What is usual in one of the two hours that the window touches, the one that sets the
  // threshold, and that threshold.
  struct Usual {
    Baseline baseline;
    double raise;
  };
  // Of a rule that asks for it, now; nothing where not enough is known of both hours.
  std::optional<Usual> UsualOf(const Entity& entity) const;
  void Sort(std::vector<Change>& changes) const;
  Alert Compose(const Change& change, int64_t tick);
  void PutOut(const Change& change, int64_t tick);
  void Suppress(const Change& change, int64_t tick);
  // Of an entity whose rule asks what is usual: `standing` is by `raise` and `clear` alone.
  Standing AgainstBaseline(uint32_t id, const Entity& entity, Standing standing, int64_t tick);
  void Address(const Entity& entity, Alert& alert) const;
  void AddExpected(const PreparedRule& rule, int64_t tick, Alert& alert) const;
  void AddConditions(const Entity& lead, Alert& alert) const;

  State& state_;
  Output& output_;
  absl::flat_hash_set<uint32_t> waiting_;  // entities at `raise`, but not above what is usual
  int64_t next_hour_ = 0;                  // when something else will be
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_JUDGE_H_

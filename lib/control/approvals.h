// What changes approval while the configuration stays: names that are learnt, claimed or over,
// and relay entries whose day has come.
#ifndef MAILTAP_LIB_CONTROL_APPROVALS_H_
#define MAILTAP_LIB_CONTROL_APPROVALS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/base/archive.h"
#include "lib/control/alert.h"
#include "lib/control/intake.h"
#include "lib/control/output.h"
#include "lib/control/state.h"

namespace mailtap::control {

// Control thread only.
class Approvals {
 public:
  // All outlive this object.
  Approvals(State& state, Intake& intake, Output& output)
      : state_(state), intake_(intake), output_(output) {}

  // An answer counts where a configured resolver gave it.
  void Apply(const meter::AnswerRecord& answer);
  void Apply(const meter::NameRecord& name);

  // The names of the tick that is being gathered are complete: conversations that they change
  // are judged anew. Before Intake::Settle() for `tick`.
  void Settle(int64_t tick);

  // Ends what holds through `tick` and no longer, and raises alerts on relay entries among it,
  // by their order. A name of a server stays as long as mail that it approves keeps flowing:
  // with pauses of at most timeouts.established, after which no session can be left.
  void EndTick(int64_t tick);
  // The earliest tick after the last one at whose end something may end, or INT64_MAX.
  int64_t NextEvent() const;

  // The state's configuration is another: alerts on entries that are gone or last longer now
  // are cleared. Before conversations are judged anew.
  void Reload();

  // Of relay:expired.
  const AlertCount& count() const { return count_; }
  uint64_t answers_learnt() const { return answers_learnt_; }
  uint64_t answers_ignored() const { return answers_ignored_; }

  // The alerts that are open and how far entries have been dealt with; and the way back, into
  // an object that is new. Entries that are gone or last longer now: see Reload().
  void SaveAlerts(ArchiveWriter& out) const;
  void RestoreAlerts(ArchiveReader& in);
  // What else is counted.
  void Save(ArchiveWriter& out) const;
  void Restore(ArchiveReader& in);

 private:
  struct Open {
    std::string id;
    config::Date expired;
    UnixNanos first_seen = 0;
  };
  int64_t Needed(const HostKey& server, const std::vector<uint32_t>& entries) const;
  void EndNames(int64_t tick);
  void EndEntries(int64_t tick);
  void Raise(uint32_t entry, int64_t tick);
  Alert Compose(const config::Relay& relay, AlertState state) const;

  State& state_;
  Intake& intake_;
  Output& output_;
  // Entries that ended at this tick or an earlier one have been dealt with.
  int64_t ended_ = INT64_MIN;
  std::map<std::string, Open> open_;  // by the entry's name
  AlertCount count_ = {std::string(config::kRelayExpired)};
  uint64_t answers_learnt_ = 0;
  uint64_t answers_ignored_ = 0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_APPROVALS_H_

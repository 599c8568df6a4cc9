// The life of alerts: pending, raised, updated, cleared.
#ifndef MAILTAP_LIB_CONTROL_ALERT_BOOK_H_
#define MAILTAP_LIB_CONTROL_ALERT_BOOK_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/archive.h"
#include "lib/control/alert.h"
#include "lib/control/baselines.h"
#include "lib/control/snapshot.h"
#include "lib/control/tick_row.h"

namespace mailtap::control {

struct OpenAlert {
  static constexpr int64_t kNotBelow = INT64_MAX;

  uint32_t subject = kNone;
  std::string id;
  UnixNanos first_seen = 0;  // of the traffic in the window at the raise
  // By a rule: of the largest share, as of the last report for which the window held anything.
  config::Verdict verdict = config::Verdict::kUnapprovedExternal;
  Service service = Service::kSmtp;

  // By a baseline: that, and what it made of `raise`, at the raise.
  std::optional<Baseline> baseline;
  double raise = 0;

  bool suppressed = false;       // as pending is, or raised but for the owner's wish:
  int64_t suppressed_until = 0;  // the first tick at which it may be raised after all

  bool pending = false;     // not raised yet: `raise` has to last
  int64_t above_since = 0;  // of a pending one: the tick at whose end `raise` was reached
  int64_t updates = 0;      // reported so far

  int64_t below_since = kNotBelow;  // the tick at whose end the value fell below `clear`
  int64_t last_report = 0;          // the tick of the last raised or updated
  int64_t timer = INT64_MAX;        // the tick at which it wants to be looked at again
  bool news = false;                // traffic counted since the last report

  double value = 0;    // as it was last judged
  double told = 0;     // the highest that was reported
  double highest = 0;  // the highest at the end of a tick since it was raised

  // Whether it has something to report: traffic made it more than was ever told.
  bool grown() const { return news && value > told; }
};

void PutOpenAlert(const OpenAlert& alert, ArchiveWriter& out);
OpenAlert GetOpenAlert(ArchiveReader& in);

// What raises and clears the alerts of one rule or blind spot.
struct AlertTerms {
  std::string rule;
  config::Severity severity;
  double raise;
  double clear;
  int64_t hold_seconds;
  int64_t sustained_seconds = 0;
  int64_t updates = INT64_MAX;  // at most
};

// How a subject stands at the end of a tick.
struct Standing {
  bool raised;       // all its values are at or above `raise`
  bool held;         // all are at or above `clear`
  double value = 0;  // the first of them
  // The first tick at which its alerts are to be reported.
  int64_t suppressed_until = INT64_MIN;
};

// A subject (an entity of the windows, a blind spot) raises when its values were at or above
// `raise` at the end of each tick for `sustained` seconds (0: the first such tick); until then
// its alert is pending. It clears when some value was below `clear` at the end of each tick for
// `hold` seconds (hold 0: the first such tick). In between it reports again, at most every
// `update` seconds, when by traffic since the last report its value stands above all that were
// told.
//
// A subject whose alerts are suppressed is kSuppressed where it would raise. It then lasts as
// an alert does, and ends by `clear` and `hold` without a word; when it is not suppressed any
// more it raises at the end of the first tick at which its values are at `raise`. An alert that
// is open when its subject becomes suppressed is cleared, and lasts so too. Control thread
// only.
class AlertBook {
 public:
  // Open alerts report again at most every `update_seconds`.
  AlertBook(std::vector<AlertTerms> terms, int64_t update_seconds);

  // Other terms are in force, numbered anew. Of those that are gone no alert is open. Counts go
  // on by the rule's name.
  void Reload(std::vector<AlertTerms> terms, int64_t update_seconds);

  // What happens to `subject`, judged by the terms numbered `rule`, that stands so at the end
  // of `tick`. `alert` is the place of its open or pending alert, kNone without one; the caller
  // keeps it. To be called once for every subject of which a value changed in that tick or that
  // TakeDue() named. After kCleared the caller calls Close(), but for one that was cleared
  // because it is suppressed().
  std::optional<AlertState> Judge(uint32_t subject, uint16_t rule, uint32_t& alert,
                                  const Standing& standing, int64_t tick);
  // The same for one with a single value, and the terms' thresholds.
  std::optional<AlertState> Judge(uint32_t subject, uint16_t rule, uint32_t& alert,
                                  double value, int64_t tick) {
    const AlertTerms& terms = terms_[rule];
    return Judge(subject, rule, alert,
                 Standing{value >= terms.raise, value >= terms.clear, value}, tick);
  }
  // The raised alert is cleared whatever its value, because `rule` is about to go.
  void Clear(uint16_t rule);
  // A pending alert comes to nothing; closes it.
  void Drop(uint16_t rule, uint32_t& alert);
  void Close(uint32_t& alert);

  // What has been counted since the start, and an open alert of `subject`: as another process
  // left them at the end of `tick`.
  void RestoreCounts(ArchiveReader& in);
  void Reopen(const OpenAlert& saved, uint32_t subject, uint16_t rule, uint32_t& alert,
              int64_t tick);

  // An alert that another process left open, and that nothing can be judged for any more.
  void Lose(const OpenAlert& saved) {
    if (!saved.pending && !saved.suppressed) lost_.push_back(saved.id);
  }
  std::vector<std::string> TakeLost() { return std::exchange(lost_, {}); }  // their ids

  void SaveCounts(ArchiveWriter& out) const;

  // The value was so much at some tick that was not judged.
  void NoteValue(uint32_t alert, double value) {
    open_[alert].highest = std::max(open_[alert].highest, value);
  }
  // Traffic has counted for a subject with an open alert.
  void NoteTraffic(uint32_t alert) { open_[alert].news = true; }

  // Of those that are raised, in no certain order.
  void AddPeaks(std::vector<OpenPeak>& peaks) const;

  OpenAlert& open(uint32_t alert) { return open_[alert]; }
  const OpenAlert& open(uint32_t alert) const { return open_[alert]; }
  const AlertTerms& terms(uint16_t rule) const { return terms_[rule]; }
  // Whether the alert, of whatever place, is raised and not only pending.
  bool raised(uint32_t alert) const {
    return alert != kNone && !open_[alert].pending && !open_[alert].suppressed;
  }
  // Whether it is raised, or would be but for the owner's wish.
  bool lasts(uint32_t alert) const { return alert != kNone && !open_[alert].pending; }
  bool suppressed(uint32_t alert) const { return open_[alert].suppressed; }
  // How many of a rule are raised, pending or suppressed.
  uint64_t watched(uint16_t rule) const { return watched_[rule]; }
  // In the order of the terms.
  const std::vector<AlertCount>& counts() const { return counts_; }

  // The earliest tick at which an open alert may change without new traffic, or INT64_MAX.
  int64_t NextTimer() const { return timers_.empty() ? INT64_MAX : timers_.top().first; }
  // The subjects whose timers end at or before `tick`.
  std::vector<uint32_t> TakeDue(int64_t tick);

 private:
  std::optional<AlertState> JudgePending(uint16_t rule, OpenAlert& alert, int64_t tick);
  AlertState Report(uint16_t rule, OpenAlert& alert, int64_t tick);
  static bool Ends(OpenAlert& alert, const AlertTerms& terms, bool held, int64_t tick);
  std::optional<AlertState> JudgeOpen(OpenAlert& alert, const AlertTerms& terms, bool held,
                                      int64_t tick);
  uint32_t Open(uint32_t subject, uint16_t rule, int64_t tick);
  void SetTimer(uint32_t place, const AlertTerms& terms, int64_t tick);

  using Timer = std::pair<int64_t, uint32_t>;  // tick, place in open_

  std::vector<AlertTerms> terms_;
  int64_t update_seconds_;
  std::vector<OpenAlert> open_;
  std::vector<uint32_t> free_;
  std::vector<std::string> lost_;
  std::vector<AlertCount> counts_;
  std::vector<uint64_t> watched_;  // as counts_
  // One whose tick isn't its alert's `timer` is out of date, and is passed over.
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_ALERT_BOOK_H_

#include "lib/control/alert_book.h"

#include <algorithm>
#include <utility>

#include "lib/control/places.h"

namespace mailtap::control {

AlertBook::AlertBook(std::vector<AlertTerms> terms, int64_t update_seconds)
    : terms_(std::move(terms)), update_seconds_(std::max<int64_t>(1, update_seconds)) {
  for (const AlertTerms& rule : terms_) counts_.push_back({rule.rule, rule.severity});
  watched_.resize(terms_.size());
}

void AlertBook::Reload(std::vector<AlertTerms> terms, int64_t update_seconds) {
  terms_ = std::move(terms);
  update_seconds_ = std::max<int64_t>(1, update_seconds);
  const std::vector<AlertCount> before = std::exchange(counts_, {});
  const std::vector<uint64_t> watched_before = std::exchange(watched_, {});
  for (const AlertTerms& rule : terms_) {
    AlertCount count{rule.rule};
    uint64_t watched = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (before[i].rule != rule.rule) continue;
      count = before[i];
      watched = watched_before[i];
    }
    count.severity = rule.severity;
    counts_.push_back(std::move(count));
    watched_.push_back(watched);
  }
}

std::optional<AlertState> AlertBook::Judge(uint32_t subject, uint16_t rule, uint32_t& alert,
                                           const Standing& standing, int64_t tick) {
  const AlertTerms& terms = terms_[rule];
  if (alert == kNone) {
    if (!standing.raised) return std::nullopt;
    alert = Open(subject, rule, tick);
  }
  OpenAlert& open = open_[alert];
  const bool was_raised = raised(alert), covered = tick < standing.suppressed_until;
  open.suppressed_until = standing.suppressed_until;
  open.value = standing.value;
  open.highest = std::max(open.highest, open.value);
  std::optional<AlertState> change;
  if (was_raised && covered) {
    open.suppressed = true;
    ++counts_[rule].suppressed;
    ++watched_[rule];  // it goes on
    change = AlertState::kCleared;
  } else if (was_raised) {
    change = JudgeOpen(open, terms, standing.held, tick);
  } else if (open.suppressed && standing.raised && !covered) {
    change = Report(rule, open, tick);
  } else if (open.suppressed ? Ends(open, terms, standing.held, tick) : !standing.raised) {
    Drop(rule, alert);
    return std::nullopt;
  } else if (open.pending) {
    change = JudgePending(rule, open, tick);
  }
  if (change == AlertState::kCleared) Clear(rule);
  if (change != AlertState::kCleared || open.suppressed) SetTimer(alert, terms, tick);
  return change;
}

std::optional<AlertState> AlertBook::JudgePending(uint16_t rule, OpenAlert& alert,
                                                  int64_t tick) {
  if (tick - alert.above_since < terms_[rule].sustained_seconds) return std::nullopt;
  alert.pending = false;
  if (tick >= alert.suppressed_until) return Report(rule, alert, tick);
  alert.suppressed = true;
  ++counts_[rule].suppressed;
  return AlertState::kSuppressed;
}

AlertState AlertBook::Report(uint16_t rule, OpenAlert& alert, int64_t tick) {
  alert.suppressed = false;
  alert.below_since = OpenAlert::kNotBelow;
  alert.news = false;
  alert.last_report = tick;
  alert.told = alert.highest = alert.value;
  ++counts_[rule].raised;
  ++counts_[rule].active;
  return AlertState::kRaised;
}

void PutOpenAlert(const OpenAlert& alert, ArchiveWriter& out) {
  out.PutText(alert.id);
  out.Put(alert.first_seen);
  out.Put(alert.verdict);
  out.Put(alert.service);
  out.Put(alert.baseline);
  out.Put(alert.raise);
  out.Put(alert.suppressed);
  out.Put(alert.suppressed_until);
  out.Put(alert.pending);
  out.Put(alert.above_since);
  out.Put(alert.updates);
  out.Put(alert.below_since);
  out.Put(alert.last_report);
  out.Put(alert.news);
  out.Put(alert.value);
  out.Put(alert.told);
  out.Put(alert.highest);
}

OpenAlert GetOpenAlert(ArchiveReader& in) {
  OpenAlert alert;
  alert.id = in.GetText();
  in.Get(alert.first_seen);
  in.Get(alert.verdict);
  in.Get(alert.service);
  in.Get(alert.baseline);
  in.Get(alert.raise);
  in.Get(alert.suppressed);
  in.Get(alert.suppressed_until);
  in.Get(alert.pending);
  in.Get(alert.above_since);
  in.Get(alert.updates);
  in.Get(alert.below_since);
  in.Get(alert.last_report);
  in.Get(alert.news);
  in.Get(alert.value);
  in.Get(alert.told);
  in.Get(alert.highest);
  return alert;
}

void AlertBook::SaveCounts(ArchiveWriter& out) const {
  out.Put(uint64_t{counts_.size()});
  for (const AlertCount& count : counts_) {
    out.PutText(count.rule);
    out.Put(count.raised);
    out.Put(count.cleared);
    out.Put(count.suppressed);
  }
}

void AlertBook::RestoreCounts(ArchiveReader& in) {
  for (std::size_t n = in.GetCount(3 * sizeof(uint64_t)); n > 0; --n) {
    const std::string rule = in.GetText();
    const auto raised = in.Get<uint64_t>();
    const auto cleared = in.Get<uint64_t>();
    const auto suppressed = in.Get<uint64_t>();
    for (AlertCount& count : counts_) {
      if (count.rule != rule) continue;
      count.raised = raised;
      count.cleared = cleared;
      count.suppressed = suppressed;
    }
  }
}

void AlertBook::Reopen(const OpenAlert& saved, uint32_t subject, uint16_t rule, uint32_t& alert,
                       int64_t tick) {
  alert = Open(subject, rule, tick);
  open_[alert] = saved;
  open_[alert].subject = subject;
  open_[alert].timer = INT64_MAX;
  if (raised(alert)) ++counts_[rule].active;
  SetTimer(alert, terms_[rule], tick);
}

uint32_t AlertBook::Open(uint32_t subject, uint16_t rule, int64_t tick) {
  const uint32_t place = TakePlace(open_, free_);
  open_[place].subject = subject;
  open_[place].pending = true;
  open_[place].above_since = tick;
  ++watched_[rule];
  return place;
}

// Whether it has been below `clear` for long enough.
bool AlertBook::Ends(OpenAlert& alert, const AlertTerms& terms, bool held, int64_t tick) {
  alert.below_since = held ? OpenAlert::kNotBelow : std::min(alert.below_since, tick);
  return !held && tick - alert.below_since >= terms.hold_seconds;
}

std::optional<AlertState> AlertBook::JudgeOpen(OpenAlert& alert, const AlertTerms& terms,
                                               bool held, int64_t tick) {
  if (Ends(alert, terms, held, tick)) return AlertState::kCleared;
  if (!alert.grown() || alert.updates >= terms.updates ||
      tick - alert.last_report < update_seconds_) {
    return std::nullopt;
  }
  alert.news = false;
  alert.told = alert.value;
  ++alert.updates;
  alert.last_report = tick;
  return AlertState::kUpdated;
}

void AlertBook::SetTimer(uint32_t place, const AlertTerms& terms, int64_t tick) {
  OpenAlert& alert = open_[place];
  int64_t next = INT64_MAX;
  if (alert.pending) {
    next = alert.above_since + terms.sustained_seconds;
  } else if (alert.below_since != OpenAlert::kNotBelow) {
    next = alert.below_since + terms.hold_seconds;
  }
  if (alert.suppressed && alert.suppressed_until > tick) {
    next = std::min(next, alert.suppressed_until);
  }
  if (raised(place) && alert.grown() && alert.updates < terms.updates) {
    next = std::min(next, alert.last_report + update_seconds_);
  }
  if (next == INT64_MAX) return;
  // An earlier timer that still runs will set this one when it ends.
  if (alert.timer > tick && alert.timer <= next) return;
  alert.timer = next;
  timers_.emplace(next, place);
}

std::vector<uint32_t> AlertBook::TakeDue(int64_t tick) {
  std::vector<uint32_t> subjects;
  while (!timers_.empty() && timers_.top().first <= tick) {
    const auto [time, place] = timers_.top();
    timers_.pop();
    OpenAlert& alert = open_[place];
    if (alert.subject == kNone || alert.timer != time) continue;
    alert.timer = INT64_MAX;
    subjects.push_back(alert.subject);
  }
  return subjects;
}

void AlertBook::AddPeaks(std::vector<OpenPeak>& peaks) const {
  for (uint32_t place = 0; place < open_.size(); ++place) {
    if (open_[place].subject == kNone || !raised(place)) continue;
    peaks.push_back({open_[place].id, open_[place].highest});
  }
}

void AlertBook::Clear(uint16_t rule) {
  ++counts_[rule].cleared;
  --counts_[rule].active;
  --watched_[rule];
}

void AlertBook::Drop(uint16_t rule, uint32_t& alert) {
  --watched_[rule];
  Close(alert);
}

void AlertBook::Close(uint32_t& alert) {
  open_[alert].subject = kNone;
  free_.push_back(alert);
  alert = kNone;
}

}  // namespace mailtap::control

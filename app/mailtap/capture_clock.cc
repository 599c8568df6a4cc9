#include "app/mailtap/capture_clock.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace mailtap::app {

UnixNanos CaptureClock::Judge(UnixNanos stamp, const std::vector<UnixNanos>& following) {
  const auto all = [&](auto holds) {
    return std::all_of(following.begin(), following.end(), holds);
  };
  if (last_ == kBeforeAll) {
    // No time was before the first packet; only those that follow can tell.
    const bool ahead = all([&](UnixNanos f) { return stamp - f > kNear; });
    const bool behind = following.size() == kWitnesses &&
                        all([&](UnixNanos f) { return f - stamp > kLonePause; });
    last_ = (ahead || behind) && !following.empty() ? following[0] : stamp;
  }
  const UnixNanos expected = last_ - shift_;
  const UnixNanos step = std::abs(stamp - expected);
  const bool borne_out =
      all([&](UnixNanos f) { return std::abs(f - stamp) < std::abs(f - expected); });
  if (stamp > expected && borne_out) {
    // Stamps are ahead by themselves again. Of two clocks that take turns, no step adds up.
    if (stamp >= last_ - kNear) shift_ = 0;
    return Advance(stamp);
  }
  if (stamp < expected && borne_out && last_ - stamp <= kMostShift) {
    set_back_.Add(step);
    shift_ = last_ - stamp;
  } else if (step > 0) {
    strays_.Add(step);
  }
  return last_;
}

std::string CaptureClock::Faults() const {
  std::vector<std::string> faults;
  const auto add = [&](absl::string_view what, const Steps& steps, absl::string_view so) {
    if (steps.count == 0) return;
    faults.push_back(absl::StrCat(what, ": ", steps.count, ", by up to ",
                                  FormatDuration(steps.longest / kNanosPerSecond), "; ", so));
  };
  add("time stamps step backwards for good", set_back_, "what follows is shifted by as much");
  add("packets stamped far from those around them", strays_,
      "they count at their neighbours' time");
  return absl::StrJoin(faults, "; ");
}

}  // namespace mailtap::app

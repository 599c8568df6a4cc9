#include "lib/control/observed_peaks.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/control/proposal_parts.h"

namespace mailtap::control {

Observed Observe(const std::vector<Hour>& hours, const config::Rule& rule,
                 const Counts& counts) {
  Observed observed;
  std::map<std::tuple<net::IpAddress, std::string, Role>, PeakHost> subjects;
  for (const Hour& hour : hours) {
    for (const HourPeaks& row : hour.peaks) {
      if (row.rule != rule.name || row.metric != rule.metric ||
          row.window_seconds != rule.window_seconds) {
        continue;
      }
      ++observed.hours;
      if (row.more > 0 && !row.peaks.empty()) {
        observed.untold = std::max(observed.untold, row.peaks.back().value);
      }
      for (const HourPeak& peak : row.peaks) {
        if (!counts(peak.host)) continue;
        ++observed.samples;
        PeakHost& subject = subjects[{peak.host, peak.encap, peak.role}];
        if (peak.value <= subject.highest) continue;
        subject = {peak.host, peak.encap, peak.role, peak.value, hour.hour};
      }
    }
  }
  for (auto& [key, subject] : subjects) observed.subjects.push_back(std::move(subject));
  std::stable_sort(observed.subjects.begin(), observed.subjects.end(),
                   [](const PeakHost& a, const PeakHost& b) { return a.highest > b.highest; });
  return observed;
}

Usual UsualOf(const Observed& observed, const std::set<net::IpAddress>& suspects) {
  constexpr double kApart = 5;        // times all others
  constexpr std::size_t kOneOf = 20;  // at most
  Usual usual;
  for (const PeakHost& subject : observed.subjects) {
    const bool suspect = suspects.contains(subject.host);
    usual.suspects += suspect;
    (suspect ? usual.apart : usual.rest).push_back(&subject);
  }
  const std::size_t n = usual.rest.size();
  if (n < kLeastToCompare) return usual;
  const std::size_t most = std::max<std::size_t>(1, n / kOneOf);
  for (std::size_t k = most; k > 0; --k) {
    if (usual.rest[k - 1]->highest <= kApart * usual.rest[k]->highest) continue;
    const auto end = usual.rest.begin() + static_cast<std::ptrdiff_t>(k);
    usual.apart.insert(usual.apart.end(), usual.rest.begin(), end);
    usual.rest.erase(usual.rest.begin(), end);
    break;
  }
  return usual;
}

std::string CrossedText(const Observed& observed, double value) {
  constexpr std::size_t kMostNamed = 5;
  std::vector<std::string> hosts;
  std::size_t count = 0;
  for (const PeakHost& subject : observed.subjects) {
    if (subject.highest < value) break;
    if (++count <= kMostNamed) hosts.push_back(net::ToString(subject.host));
  }
  const bool more = count > hosts.size();
  return absl::StrCat(Counted(count, "host"), hosts.empty() ? "" : " (",
                      absl::StrJoin(hosts, ", "), more ? ", ..." : "",
                      hosts.empty() ? "" : ")");
}

Spread SpreadOfHighest(const Usual& usual) {
  std::vector<double> highest;
  for (const PeakHost* subject : usual.rest) highest.push_back(subject->highest);
  return SpreadOf(std::move(highest));
}

}  // namespace mailtap::control

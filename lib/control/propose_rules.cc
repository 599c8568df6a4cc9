// Thresholds: what the windows of each rule usually reach, and a margin over that.
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/config/quantity.h"
#include "lib/control/observed_peaks.h"
#include "lib/control/proposal_parts.h"

namespace mailtap::control {
namespace {

using config::IsBytes;
using config::Metric;

constexpr int64_t kWeekSeconds = 7 * 86'400;
// Over the highest usual value; a wider one where not even a week was seen.
constexpr double kMargin = 2, kWideMargin = 4;
constexpr double kDeviations = 6;
constexpr std::size_t kLeastSamples = 20;  // hours of hosts
constexpr double kWorthIt = 1.5;           // a lesser change than this is none
constexpr double kLeastGain = 2;           // of a group's threshold over that of all
constexpr std::size_t kMostRules = 100;
constexpr std::size_t kMostNamed = 5;

// Below these nothing is much, whoever does it.
double FloorOf(Metric metric) {
  if (IsBytes(metric)) return 1e6;
  return config::CountsPeers(metric) ? 5 : 20;
}

std::string AmountText(Metric metric, double value) {
  return IsBytes(metric) ? FormatBytes(static_cast<uint64_t>(value))
                         : config::FormatNumber(value);
}
std::string ThresholdText(Metric metric, double value) {
  return IsBytes(metric) ? config::FormatSize(static_cast<int64_t>(value))
                         : config::FormatNumber(value);
}
std::string PeakText(Metric metric, const PeakHost& subject) {
  return absl::StrCat(net::ToString(subject.host), " as ", Name(subject.role), " with ",
                      AmountText(metric, subject.highest), " at ", HourText(subject.hour));
}

// Up to two digits that people read.
double RoundUp(double value) {
  const double step = std::pow(10, std::max(0.0, std::floor(std::log10(value)) - 1));
  return std::ceil(value / step) * step;
}

// Why a rule can't be judged by what an hour keeps, or nothing.
std::optional<std::string> WhyNot(const Learnt& learnt, const config::Rule& rule) {
  if (rule.by_baseline()) return "it follows what is usual by itself";
  if (rule.metric == Metric::kSentReceivedRatio) return "ratios are not kept by the hour";
  if (rule.scope != config::Scope::kHost) {
    return "it judges many hosts together, and hours keep what each host reached";
  }
  if (learnt.seconds < 2 * rule.window_seconds) {
    return absl::StrCat("its window of ", FormatDuration(rule.window_seconds),
                        " is too long for ", FormatDuration(learnt.seconds), " of traffic");
  }
  return std::nullopt;
}

class RuleProposer {
 public:
  RuleProposer(const Learnt& learnt, Proposals& proposals)
      : learnt_(learnt), proposals_(proposals), with_groups_(learnt.input.config) {
    for (const auto& proposal : proposals.groups) with_groups_.groups.push_back(proposal.entry);
    policy_.emplace(with_groups_);
    for (const config::Rule& rule : learnt.input.config.rules) taken_.insert(rule.name);
  }

  void Run() {
    for (const config::Rule& rule : learnt_.input.config.rules) {
      if (const auto why = WhyNot(learnt_, rule)) {
        Note(rule, "", *why);
        continue;
      }
      const Observed all =
          Observe(learnt_.input.hours, rule, [](const net::IpAddress&) { return true; });
      if (all.hours == 0) {
        Note(rule, "",
             "what its windows reach was not kept; [learning] does that from its "
             "start on");
        continue;
      }
      const double of_all = ProposeOne(rule, "", all, rule.raise / kWorthIt);
      if (rule.groups.empty()) ForGroups(rule, of_all);
    }
    CutNotes(kMostRules, proposals_.rule_notes);
  }

 private:
  void Note(const config::Rule& rule, absl::string_view group, absl::string_view why) {
    proposals_.rule_notes.push_back(absl::StrCat("rule \"", rule.name, "\"",
                                                 group.empty() ? "" : " for ", group,
                                                 " stays as it is: ", why));
  }

  // For groups that are proposed: only where that is much lower than for all.
  void ForGroups(const config::Rule& rule, double of_all) {
    for (std::size_t i = learnt_.input.config.groups.size(); i < with_groups_.groups.size();
         ++i) {
      const Observed observed =
          Observe(learnt_.input.hours, rule, [&](const net::IpAddress& host) {
            const std::vector<uint32_t>& groups = GroupsOf(host);
            return std::find(groups.begin(), groups.end(), i) != groups.end();
          });
      ProposeOne(rule, with_groups_.groups[i].name, observed,
                 std::min(of_all, rule.raise) / kLeastGain);
    }
  }

  const std::vector<uint32_t>& GroupsOf(const net::IpAddress& host) {
    const auto [at, added] = groups_of_.try_emplace(host);
    if (added) at->second = policy_->GroupsOf(host);
    return at->second;
  }

  // Why nothing can be said of what is usual, or nothing.
  static std::optional<std::string> WhyNone(const Observed& observed, const Usual& usual) {
    if (observed.hours < kLeastHours || observed.samples < kLeastSamples ||
        usual.rest.empty()) {
      return absl::StrCat("too little to tell: ", Counted(observed.subjects.size(), "host"),
                          " in ", Counted(observed.hours, "hour"), ", together ",
                          Counted(observed.samples, "value"));
    }
    constexpr std::size_t kOneOf = 10;
    if (usual.suspects > std::max<std::size_t>(1, observed.subjects.size() / kOneOf)) {
      return absl::StrCat(usual.suspects, " of ", observed.subjects.size(),
                          " hosts have alerts: settle these first");
    }
    return std::nullopt;
  }

  // Proposes a threshold of at most `low`, or a higher one where what is usual reaches that in
  // force. Returns the one that holds then.
  double ProposeOne(const config::Rule& rule, const std::string& group,
                    const Observed& observed, double low) {
    const Usual usual = UsualOf(observed, learnt_.input.suspects);
    if (const auto why = WhyNone(observed, usual)) {
      if (group.empty() || observed.samples > 0) Note(rule, group, *why);
      return rule.raise;
    }
    const double raise = ThresholdOf(rule, observed, usual);
    const bool reached = std::max(usual.rest.front()->highest, observed.untold) >= rule.raise;
    const bool near = raise < rule.raise * kWorthIt;
    const bool higher = group.empty() && reached && !near;
    if (raise > low && !higher) {
      if (group.empty()) {
        Note(rule, group,
             absl::StrCat("the traffic suggests ", ThresholdText(rule.metric, raise), ", ",
                          near ? "which is near its " : "and nothing usual reaches its ",
                          ThresholdText(rule.metric, rule.raise)));
      }
      return rule.raise;
    }
    if (proposals_.rules.size() == kMostRules) {
      Note(rule, group, "there are enough proposals");
      return rule.raise;
    }
    Add(rule, group, raise, observed, usual);
    return raise;
  }

  double ThresholdOf(const config::Rule& rule, const Observed& observed, const Usual& usual) {
    double least = FloorOf(rule.metric);
    if (usual.rest.size() >= kLeastToCompare) {
      const Spread spread = SpreadOfHighest(usual);
      least = std::max(least, spread.median + kDeviations * spread.deviation);
    }
    return RoundUp(
        std::max({Margin() * usual.rest.front()->highest, Margin() * observed.untold, least}));
  }
  double Margin() const { return learnt_.seconds < kWeekSeconds ? kWideMargin : kMargin; }

  void Add(const config::Rule& rule, const std::string& group, double raise,
           const Observed& observed, const Usual& usual) {
    auto& proposal = proposals_.rules.emplace_back();
    proposal.entry = rule;
    proposal.entry.name = UniqueName(
        absl::StrCat("proposed: ", rule.name, group.empty() ? "" : ", ", group), taken_);
    proposal.entry.raise = raise;
    const double clear = std::floor(raise * (rule.clear / rule.raise));
    proposal.entry.clear = std::max(1.0, clear);
    if (!group.empty()) proposal.entry.groups = {group};
    AddEvidence(rule, proposal.entry, observed, usual, proposal.evidence);
  }

  void AddEvidence(const config::Rule& rule, const config::Rule& proposed,
                   const Observed& observed, const Usual& usual,
                   std::vector<std::string>& evidence) const {
    const bool of_group = rule.groups != proposed.groups;
    const Metric metric = rule.metric;
    const Spread spread = SpreadOfHighest(usual);
    evidence.push_back(absl::StrCat(
        "Of rule \"", rule.name, "\"", of_group ? " for the proposed group " : "",
        of_group ? proposed.groups.front() : "", ": ", Name(metric), " within ",
        FormatDuration(rule.window_seconds), ", in ", Counted(observed.hours, "hour"), " of ",
        Counted(observed.subjects.size(), "host"), ", together ",
        Counted(observed.samples, "value")));
    evidence.push_back(
        absl::StrCat("  the hosts' highest: median ", AmountText(metric, spread.median),
                     ", deviation ", AmountText(metric, std::round(spread.deviation)),
                     "; the highest usual: ", PeakText(metric, *usual.rest.front())));
    for (std::size_t i = 0; i < std::min(kMostNamed, usual.apart.size()); ++i) {
      const PeakHost& subject = *usual.apart[i];
      const bool suspect = learnt_.input.suspects.contains(subject.host);
      evidence.push_back(absl::StrCat("  not usual, ",
                                      suspect ? "as it has alerts" : "far apart", ": ",
                                      PeakText(metric, subject)));
    }
    if (observed.untold > 0) {
      evidence.push_back(absl::StrCat("  hosts that hours don't tell apart reached at most ",
                                      AmountText(metric, observed.untold)));
    }
    evidence.push_back(
        absl::StrCat("  proposed: ", Margin(), " times that, rounded up; at least median and ",
                     kDeviations, " deviations, and ", ThresholdText(metric, FloorOf(metric))));
    evidence.push_back(absl::StrCat("  the ", ThresholdText(metric, rule.raise),
                                    " in force would have been reached by ",
                                    CrossedText(observed, rule.raise), ", this by ",
                                    CrossedText(observed, proposed.raise)));
    if (!rule.conditions.empty()) {
      evidence.emplace_back("  by its first condition alone; the others hold some back");
    }
    if (!of_group) {
      evidence.emplace_back("It is to take that rule's place: both together judge twice.");
    }
  }

  const Learnt& learnt_;
  Proposals& proposals_;
  config::Config with_groups_;  // the configuration, and the groups that are proposed
  std::optional<Policy> policy_;
  absl::flat_hash_map<net::IpAddress, std::vector<uint32_t>> groups_of_;
  std::set<std::string> taken_;
};

}  // namespace

void ProposeRules(const Learnt& learnt, Proposals& proposals) {
  RuleProposer(learnt, proposals).Run();
}

}  // namespace mailtap::control

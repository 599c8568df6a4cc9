#include "lib/export/proposals.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/time.h"
#include "lib/config/parse.h"
#include "lib/control/alert.h"
#include "lib/export/table.h"

namespace mailtap::exporting {
namespace {

using control::Proposal;
using control::Proposals;

void AddSuspects(const StoredAlert& row, control::ProposalInput& input) {
  const auto json = nlohmann::json::parse(row.json);
  const auto& host = json.at("host");
  if (!host.is_null()) {
    const auto address = net::ParseAddress(host.get<std::string>());
    if (address.ok()) input.suspects.insert(*address);
  }
  for (const auto& peer : json.at("top_peers")) {
    const auto address = net::ParseAddress(peer.at("peer").get<std::string>());
    if (address.ok()) {
      input.suspect_servers.emplace(*address, peer.at("port").get<uint16_t>());
    }
  }
}

// A line of a comment, whatever `text` holds.
std::string Comment(absl::string_view text) {
  return absl::StrCat(text.empty() ? "#" : "# ", Printable(text), "\n");
}

std::string Heading(absl::string_view what) {
  return absl::StrCat("\n# ", std::string(93, '-'), "\n", Comment(what));
}

template <typename Entry>
void AddSection(absl::string_view what, const std::vector<Proposal<Entry>>& proposals,
                const std::vector<std::string>& notes, std::string& out) {
  absl::StrAppend(&out, Heading(what));
  for (const Proposal<Entry>& proposal : proposals) {
    absl::StrAppend(&out, "\n");
    for (const std::string& line : proposal.evidence) absl::StrAppend(&out, Comment(line));
    absl::StrAppend(&out, config::ToToml(proposal.entry));
  }
  if (!notes.empty()) absl::StrAppend(&out, "\n", Comment("Not proposed:"));
  for (const std::string& note : notes) {
    absl::StrAppend(&out, Comment(absl::StrCat("* ", note)));
  }
}

std::string Preamble(const Proposals& proposals, const config::Config& config) {
  constexpr int64_t kWeekSeconds = 7 * 86'400;
  std::string out = Comment(absl::StrCat("Proposals for the configuration, learnt from ",
                                         FormatDuration(proposals.seconds), " of traffic,"));
  absl::StrAppend(
      &out,
      Comment(absl::StrCat("from ", FormatRfc3339(StartOfTick(proposals.first_tick)), " to ",
                           FormatRfc3339(StartOfTick(proposals.end_tick)), ", for version ",
                           config.version, " of it.")),
      Comment(""),
      Comment("Nothing of this is in force, and mailtap never reads this file. Look at each "
              "entry and its"),
      Comment("evidence, change what is wrong, copy what you approve into the configuration, "
              "and run"),
      Comment("`mailtap check`. What comes again later replaces this file: work on a copy."));
  if (proposals.seconds < config.learning.after_seconds) {
    absl::StrAppend(&out,
                    Comment(absl::StrCat(
                        "It may be too early: ",
                        FormatDuration(config.learning.after_seconds - proposals.seconds),
                        " are lacking of the ", FormatDuration(config.learning.after_seconds),
                        " that [learning] asks for.")));
  }
  if (proposals.seconds < kWeekSeconds) {
    absl::StrAppend(&out, Comment("Less than a week was seen: what happens on some days of the "
                                  "week only may be missing."));
  }
  return out;
}

std::string Counted(std::size_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

}  // namespace

absl::StatusOr<Proposals> ProposeFrom(const config::Config& config,
                                      const std::vector<control::Hour>& hours,
                                      const std::vector<StoredAlert>& alerts) {
  control::ProposalInput input{config, hours, {}, {}};
  const UnixNanos since = hours.empty() ? 0 : StartOfTick(hours.front().first_tick);
  std::map<std::string, UnixNanos> cleared;  // by id, when last
  for (const StoredAlert& row : alerts) {
    const bool over = row.state == kDroppedAlert ||
                      row.state == Name(control::AlertState::kCleared) ||
                      row.state == Name(control::AlertState::kSuppressed);
    cleared[row.id] = over ? row.time : INT64_MAX;
  }
  try {
    for (const StoredAlert& row : alerts) {
      if (cleared[row.id] < since || row.state == kDroppedAlert || row.json.empty()) continue;
      AddSuspects(row, input);
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(
        absl::StrCat("the state holds an alert that mailtap doesn't write: ", error.what()));
  }
  return control::Propose(input);
}

std::string ProposalsToml(const Proposals& proposals, const config::Config& config) {
  std::string out = Preamble(proposals, config);
  AddSection("Groups: hosts that act alike", proposals.groups, proposals.group_notes, out);
  AddSection("Thresholds: a margin over what is usual", proposals.rules, proposals.rule_notes,
             out);
  AddSection("Relay entries: servers that many hosts use steadily and no entry approves",
             proposals.relays, proposals.relay_notes, out);
  return out;
}

std::string CountProposals(const Proposals& proposals) {
  return absl::StrCat(Counted(proposals.groups.size(), "group", "groups"), ", ",
                      Counted(proposals.rules.size(), "threshold", "thresholds"), " and ",
                      Counted(proposals.relays.size(), "relay entry", "relay entries"));
}

}  // namespace mailtap::exporting

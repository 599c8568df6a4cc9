#include "lib/control/blind_spot_summary.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/config/amount.h"

namespace mailtap::control {
namespace {

using config::BlindSpotKind;
using config::Number;

std::string Percent(double share) { return absl::StrFormat("%.3g %%", 100 * share); }

// "12 of 3400"
std::string PartOfWhole(const BlindSpot& spot) {
  return absl::StrCat(Number(spot.part()), " of ", Number(spot.whole()));
}

// The largest of the parts, "unknown_encap (12)", where there is one.
std::string Largest(const BlindSpot& spot, const std::vector<NamedCount>& names) {
  std::size_t largest = 0;
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (spot.window.sum(i + 1) > spot.window.sum(largest + 1)) largest = i;
  }
  if (largest >= names.size()) return "";
  return absl::StrCat(names[largest].name, " (", Number(spot.window.sum(largest + 1)), ")");
}

// What gives the tables that were full more room, "limits.sessions, limits.ring", that of the
// one which was full most often first.
std::string Remedy(const BlindSpot& spot, const std::vector<NamedCount>& tables) {
  std::vector<std::size_t> full;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (spot.window.sum(i + 1) > 0) full.push_back(i);
  }
  std::stable_sort(full.begin(), full.end(), [&](std::size_t a, std::size_t b) {
    return spot.window.sum(a + 1) > spot.window.sum(b + 1);
  });
  std::vector<std::string> keys;
  for (const std::size_t i : full) {
    std::string key = absl::StrCat("limits.", tables[i].limit);
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
  }
  return absl::StrJoin(keys, ", ");
}

std::string FullTables(const BlindSpot& spot, const std::vector<NamedCount>& tables,
                       absl::string_view within) {
  const std::string lost = spot.whole() == 0
                               ? ""
                               : absl::StrCat(", and ", FormatBytes(spot.whole()),
                                              " of mail could not be assigned to hosts");
  return absl::StrCat("Tables had no room ", Number(spot.part()),
                      spot.part() == 1 ? " time" : " times", within, ", most often ",
                      Largest(spot, tables), lost, ": raise ", Remedy(spot, tables),
                      " and restart.");
}

std::string Silent(const Alert& alert, const BlindSpot& spot) {
  const uint64_t rate = spot.window.sum(1) / std::max<uint64_t>(1, spot.window.sum(0));
  return absl::StrCat("Port ", spot.name, " has carried no packet for ",
                      FormatDuration(static_cast<int64_t>(alert.value)), ", before that ",
                      Number(rate), " a second: check the mirror session and the cable.");
}

// What is wrong and what to check, of the kinds that look back over a window.
std::string Seen(const Alert& alert, const BlindSpot& spot, const CaptureSample& names) {
  const std::string share = Percent(spot.share());
  const std::string within = absl::StrCat(" within ", FormatDuration(alert.window_seconds));
  switch (spot.kind) {
    case BlindSpotKind::kSilentPort:
      return Silent(alert, spot);
    case BlindSpotKind::kLoss:
      return absl::StrCat(
          "The capture lacks ", share, " of the mail's bytes", within, " (",
          FormatBytes(spot.part()), " of ", FormatBytes(spot.whole()),
          "): check whether the mirror port is oversubscribed; volumes include what was "
          "inferred, names and message counts may be missing.");
    case BlindSpotKind::kOneWay:
      return absl::StrCat(
          "Only one direction was seen of ", share, " of the mail", within, " (",
          FormatBytes(spot.part()), " of ", FormatBytes(spot.whole()),
          "): check that the mirror copies both directions, and that answers take the same "
          "way.");
    case BlindSpotKind::kSnapped:
      return absl::StrCat(
          share, " of the packets", within, " were captured short (", PartOfWhole(spot),
          "): raise the snap length of the capture or of the mirror, or switch GRO and LRO of "
          "the interface off, as content past the cut is not read.");
    case BlindSpotKind::kDrops:
      return absl::StrCat("Port ", spot.name, " lost ", share, " of its packets", within, " (",
                          PartOfWhole(spot),
                          "): give the sensor more worker lcores, or raise "
                          "dataplane.rx_descriptors and dataplane.mbufs (of net_af_packet, its "
                          "argument framecnt).");
    case BlindSpotKind::kUndecodable:
      return absl::StrCat(share, " of the packets", within, " could not be looked into (",
                          PartOfWhole(spot), "), most of them for ",
                          Largest(spot, names.undecodable),
                          ": check what the mirror wraps them in; diagnostics.samples keeps "
                          "the start of some.");
    case BlindSpotKind::kTableFull:
      return FullTables(spot, names.shortages, within);
  }
  return "";
}

// What has become less, as a noun.
std::string Noun(const BlindSpot& spot) {
  switch (spot.kind) {
    case BlindSpotKind::kSilentPort:
    case BlindSpotKind::kTableFull:
      break;
    case BlindSpotKind::kLoss:
      return "The share of the mail's bytes that the capture lacks";
    case BlindSpotKind::kOneWay:
      return "The share of mail seen in one direction only";
    case BlindSpotKind::kSnapped:
      return "The share of packets captured short";
    case BlindSpotKind::kDrops:
      return absl::StrCat("The share of packets that port ", spot.name, " loses");
    case BlindSpotKind::kUndecodable:
      return "The share of packets that can't be looked into";
  }
  return "";
}

std::string Cleared(const Alert& alert, const BlindSpot& spot, int64_t hold_seconds) {
  const std::string held =
      hold_seconds == 0 ? "" : absl::StrCat(" for ", FormatDuration(hold_seconds));
  const std::string within = absl::StrCat(" within ", FormatDuration(alert.window_seconds));
  if (spot.kind == BlindSpotKind::kSilentPort) {
    return absl::StrCat("Port ", spot.name, " carries packets again",
                        held.empty() ? "" : absl::StrCat(", and has done so", held),
                        ", after at most ", FormatDuration(static_cast<int64_t>(alert.highest)),
                        " of silence.");
  }
  const absl::string_view is = held.empty() ? " is" : " has been";
  if (spot.kind == BlindSpotKind::kTableFull) {
    return absl::StrCat("The tables' shortages", held.empty() ? " are" : " have been",
                        " below ", absl::StrFormat("%.4g", alert.threshold), within, held,
                        ", and now stand at ", Number(spot.part()), ", after at most ",
                        Number(static_cast<uint64_t>(alert.highest)), ".");
  }
  return absl::StrCat(Noun(spot), is, " below ", Percent(alert.threshold), within, held,
                      ", and now stands at ", Percent(alert.value), ", after at most ",
                      Percent(alert.highest), ".");
}

}  // namespace

std::string Summarize(const Alert& alert, const BlindSpot& spot, const CaptureSample& names,
                      int64_t hold_seconds) {
  if (alert.state == AlertState::kCleared) return Cleared(alert, spot, hold_seconds);
  return Seen(alert, spot, names);
}

}  // namespace mailtap::control

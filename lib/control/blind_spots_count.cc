// What blind spots are judged by: how the capture's counters and the mail's totals grow.
#include <algorithm>

#include "lib/control/blind_spots.h"

namespace mailtap::control {
namespace {

using config::BlindSpotKind;
using Counts = CounterWindow::Counts;

// Appends what each count has grown by. `before` is empty the first time.
void AppendGrowth(const std::vector<NamedCount>& now, const std::vector<NamedCount>& before,
                  Counts& growth) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    growth.push_back(now[i].count - (i < before.size() ? before[i].count : 0));
  }
}

Counts CountsOf(const Sight& s) {
  return {s.volume, s.inferred, s.repeated, s.duplicate, s.followed, s.one_way};
}

}  // namespace

Sight BlindSpots::SightInAll() const {
  Sight sum;
  for (const auto& verdicts : state_.totals) {
    for (int v = 0; v < config::kVerdictCount; ++v) {
      Sight sight;
      for (const meter::DirectionBytes& bytes : verdicts[v].bytes) {
        sight.volume += bytes.volume();
        sight.inferred += bytes.inferred;
        sight.repeated += bytes.repeated;
        sight.duplicate += bytes.duplicate;
      }
      const auto verdict = static_cast<config::Verdict>(v);
      if (verdict != config::Verdict::kTransit && verdict != config::Verdict::kUnattributed) {
        sight.followed = sight.volume;
      }
      sight.one_way = verdicts[v].one_way;
      sum += sight;
    }
  }
  return sum;
}

// What found no session or no row of its own: workers report both as deltas that lack an end.
uint64_t BlindSpots::UnattributedInAll() const {
  uint64_t sum = 0;
  for (const auto& verdicts : state_.totals) {
    for (const meter::DirectionBytes& bytes :
         verdicts[static_cast<int>(config::Verdict::kUnattributed)].bytes) {
      sum += bytes.volume();
    }
  }
  return sum;
}

// `sight`: what the mail has grown by.
Counts BlindSpots::Growth(const BlindSpot& spot, const Sight& sight) const {
  Counts growth;
  PortSample port, port_before;
  if (spot.port != BlindSpot::kNoPort) {
    const auto at = static_cast<std::size_t>(spot.port);
    port = sample_.ports[at];
    if (at < counted_.ports.size()) port_before = counted_.ports[at];
  }
  const uint64_t packets = port.packets - port_before.packets;
  const uint64_t dropped = port.dropped - port_before.dropped;
  switch (spot.kind) {
    case BlindSpotKind::kSilentPort:
      return {packets > 0 ? 1u : 0u, packets};
    case BlindSpotKind::kLoss:
      return {sight.volume, sight.inferred};
    case BlindSpotKind::kOneWay:
      return {sight.followed, sight.one_way};
    case BlindSpotKind::kSnapped:
      return {sample_.packets - counted_.packets, sample_.snapped - counted_.snapped};
    case BlindSpotKind::kDrops:
      return {packets + dropped, dropped};
    case BlindSpotKind::kUndecodable:
      growth.push_back(sample_.packets - counted_.packets);
      AppendGrowth(sample_.undecodable, counted_.undecodable, growth);
      return growth;
    case BlindSpotKind::kTableFull:
      growth.push_back(UnattributedInAll() - unattributed_counted_);
      AppendGrowth(sample_.shortages, counted_.shortages, growth);
      return growth;
  }
  return growth;
}

HourCapture BlindSpots::Count(int64_t tick) {
  if (spots_.empty()) {
    spots_ = MakeSpots();
    TakeSaved();
    // While nobody looked no port was silent.
    for (BlindSpot& spot : spots_) {
      const bool silent = spot.kind == BlindSpotKind::kSilentPort && spot.alert == kNone;
      if (silent && spot.last != INT64_MIN) spot.last = tick;
    }
  }
  const Sight now = SightInAll();
  const Sight sight = now.Since(sight_counted_);
  recent_.Expire(tick);
  recent_.Add(tick, CountsOf(sight));
  for (BlindSpot& spot : spots_) {
    const Counts growth = Growth(spot, sight);
    if (spot.port != BlindSpot::kNoPort) {
      spot.ended = sample_.ports[static_cast<std::size_t>(spot.port)].ended;
    }
    const bool silent = spot.kind == BlindSpotKind::kSilentPort;
    const bool grows =
        std::any_of(growth.begin() + 1, growth.end(), [](uint64_t n) { return n > 0; });
    // The window of a port that is silent shows what went before.
    if (!silent || grows) spot.window.Expire(tick);
    if (grows) {
      if (silent || spot.part() == 0) spot.since = tick;
      spot.last = tick;
      if (spot.alert != kNone && !silent) alerts_.NoteTraffic(spot.alert);
    }
    spot.window.Add(tick, growth);
  }
  const HourCapture grown = Grown(sight);
  unattributed_counted_ = UnattributedInAll();
  counted_ = sample_;
  sight_counted_ = now;
  return grown;
}

HourCapture BlindSpots::Grown(const Sight& sight) const {
  HourCapture grown;
  grown.sight = sight;
  grown.packets = sample_.packets - counted_.packets;
  grown.snapped = sample_.snapped - counted_.snapped;
  for (std::size_t i = 0; i < sample_.ports.size(); ++i) {
    grown.dropped +=
        sample_.ports[i].dropped - (i < counted_.ports.size() ? counted_.ports[i].dropped : 0);
  }
  Counts undecodable;
  AppendGrowth(sample_.undecodable, counted_.undecodable, undecodable);
  for (const uint64_t packets : undecodable) grown.undecodable += packets;
  return grown;
}

}  // namespace mailtap::control

// Blind spots that outlive the process.
#include <algorithm>
#include <utility>

#include "lib/control/blind_spots.h"

namespace mailtap::control {
namespace {

void PutCounts(const std::vector<NamedCount>& counts, ArchiveWriter& out) {
  out.Put(uint64_t{counts.size()});
  for (const NamedCount& count : counts) out.Put(count.count);
}

std::vector<NamedCount> GetCounts(ArchiveReader& in) {
  std::vector<NamedCount> counts(in.GetCount(sizeof(uint64_t)));
  for (NamedCount& count : counts) in.Get(count.count);
  return counts;
}

void PutSample(const CaptureSample& sample, ArchiveWriter& out) {
  out.Put(uint64_t{sample.ports.size()});
  for (const PortSample& port : sample.ports) {
    out.PutText(port.name);
    out.Put(port.packets);
    out.Put(port.dropped);
    out.Put(port.ended);
  }
  out.Put(sample.packets);
  out.Put(sample.snapped);
  PutCounts(sample.undecodable, out);
  PutCounts(sample.shortages, out);
}

CaptureSample GetSample(ArchiveReader& in) {
  CaptureSample sample;
  sample.ports.resize(in.GetCount(sizeof(uint64_t)));
  for (PortSample& port : sample.ports) {
    port.name = in.GetText();
    in.Get(port.packets);
    in.Get(port.dropped);
    in.Get(port.ended);
  }
  in.Get(sample.packets);
  in.Get(sample.snapped);
  sample.undecodable = GetCounts(in);
  sample.shortages = GetCounts(in);
  return sample;
}

// Names are static, and so not kept.
void NameAs(const std::vector<NamedCount>& named, std::vector<NamedCount>& counts) {
  counts.resize(named.size());
  for (std::size_t i = 0; i < named.size(); ++i) counts[i].name = named[i].name;
}

}  // namespace

void BlindSpots::Observe(const CaptureSample& sample) {
  sample_ = sample;
  NameAs(sample.undecodable, counted_.undecodable);
  NameAs(sample.shortages, counted_.shortages);
}

void BlindSpots::Save(ArchiveWriter& out) const {
  PutSample(counted_, out);
  out.Put(recent_.seconds());
  recent_.Save(out);
  out.Put(tick_);
  out.Put(uint64_t{spots_.size()});
  for (const BlindSpot& spot : spots_) {
    out.Put(spot.kind);
    out.PutText(spot.name);
    out.Put(spot.window.seconds());
    spot.window.Save(out);
    out.Put(spot.since);
    out.Put(spot.last);
    out.Put(spot.ended);
  }
}

void BlindSpots::SaveAlerts(ArchiveWriter& out) const {
  alerts_.SaveCounts(out);
  const auto open = [](const BlindSpot& spot) { return spot.alert != kNone; };
  out.Put(static_cast<uint64_t>(std::count_if(spots_.begin(), spots_.end(), open)));
  for (const BlindSpot& spot : spots_) {
    if (!open(spot)) continue;
    out.Put(spot.kind);
    out.PutText(spot.name);
    PutOpenAlert(alerts_.open(spot.alert), out);
  }
}

void BlindSpots::RestoreAlerts(ArchiveReader& in) {
  alerts_.RestoreCounts(in);
  for (std::size_t n = in.GetCount(sizeof(UnixNanos)); n > 0 && in.ok(); --n) {
    SavedAlert alert;
    in.Get(alert.kind);
    alert.port = in.GetText();
    alert.open = GetOpenAlert(in);
    saved_alerts_.push_back(std::move(alert));
  }
}

void BlindSpots::Restore(ArchiveReader& in, bool same_capture) {
  CaptureSample counted = GetSample(in);
  CounterWindow recent(in.Get<int64_t>());
  recent.Restore(in);
  const auto tick = in.Get<int64_t>();
  for (std::size_t n = in.GetCount(3 * sizeof(int64_t)); n > 0 && in.ok(); --n) {
    const auto kind = in.Get<config::BlindSpotKind>();
    std::string name = in.GetText();
    BlindSpot spot(kind, 0, in.Get<int64_t>(), BlindSpot::kNoPort, std::move(name));
    spot.window.Restore(in);
    in.Get(spot.since);
    in.Get(spot.last);
    in.Get(spot.ended);
    saved_.push_back(std::move(spot));
  }
  if (!in.ok()) return;
  if (recent.seconds() == recent_.seconds()) recent_ = std::move(recent);
  sight_counted_ = SightInAll();
  if (same_capture) {
    sample_ = counted_ = std::move(counted);
    tick_ = tick;
    spots_ = MakeSpots();
    TakeSaved();
  }
  unattributed_counted_ = UnattributedInAll();
}

// What was saved of the spots that there are, by kind and port.
void BlindSpots::TakeSaved() {
  for (std::size_t i = 0; i < spots_.size(); ++i) {
    BlindSpot& spot = spots_[i];
    for (BlindSpot& saved : saved_) {
      if (saved.kind != spot.kind || saved.name != spot.name ||
          saved.window.seconds() != spot.window.seconds()) {
        continue;
      }
      spot.window = std::move(saved.window);
      spot.since = saved.since;
      spot.last = spot.judged = saved.last;
      spot.ended = saved.ended;
    }
    for (SavedAlert& saved : saved_alerts_) {
      if (saved.kind != spot.kind || saved.port != spot.name) continue;
      alerts_.Reopen(saved.open, static_cast<uint32_t>(i), spot.rule, spot.alert,
                     state_.last_tick);
      saved.taken = true;
    }
  }
  for (const SavedAlert& saved : saved_alerts_) {
    if (!saved.taken) alerts_.Lose(saved.open);
  }
  saved_.clear();
  saved_alerts_.clear();
}

}  // namespace mailtap::control

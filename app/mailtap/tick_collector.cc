#include "app/mailtap/tick_collector.h"

#include <algorithm>
#include <utility>

namespace mailtap::app {
namespace {

// Applies records; stops behind the record that ends tick `until` or a later one.
struct Applier {
  control::Control& control;
  int64_t& ended;
  int64_t until;

  bool operator()(const meter::DeltaRecord& record) const { return Apply(record); }
  bool operator()(const meter::NameRecord& record) const { return Apply(record); }
  bool operator()(const meter::AnswerRecord& record) const { return Apply(record); }
  bool operator()(const meter::SessionRecord& record) const { return Apply(record); }
  bool operator()(const meter::EncapRecord& record) const { return Apply(record); }
  bool operator()(const meter::SampleRecord& record) const { return Apply(record); }
  bool operator()(const exchange::TickRecord& record) const {
    ended = record.tick;
    return record.tick < until;
  }

 private:
  template <typename Record>
  bool Apply(const Record& record) const {
    control.Apply(record);
    return true;
  }
};

}  // namespace

TickCollector::TickCollector(std::vector<exchange::RecordRing*> rings,
                             control::Control& control,
                             std::function<control::CaptureSample()> observe,
                             int64_t first_tick)
    : control_(control), observe_(std::move(observe)), tick_(first_tick) {
  for (exchange::RecordRing* ring : rings) sources_.push_back({.ring = ring});
}

bool TickCollector::Poll(UnixNanos now) {
  bool all = true;
  for (Source& source : sources_) {
    if (source.ended < tick_) source.ring->Drain(Applier{control_, source.ended, tick_});
    all = all && source.ended >= tick_;
  }
  if (!all && now < StartOfTick(tick_ + 1) + kGrace) return false;
  Close();
  return true;
}

void TickCollector::DrainAll() {
  for (Source& source : sources_) {
    source.ring->Drain(Applier{control_, source.ended, INT64_MAX});
  }
}

void TickCollector::Finish() {
  for (const Source& source : sources_) tick_ = std::max(tick_, source.ended);
  Close();
}

void TickCollector::Close() {
  control_.Observe(observe_());
  control_.EndTick(tick_++);
}

}  // namespace mailtap::app

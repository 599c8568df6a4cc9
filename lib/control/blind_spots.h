// What the sensor can't see: a silent port, a lossy or one-sided mirror, frames it can't read.
#ifndef MAILTAP_LIB_CONTROL_BLIND_SPOTS_H_
#define MAILTAP_LIB_CONTROL_BLIND_SPOTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/archive.h"
#include "lib/control/alert_book.h"
#include "lib/control/capture_sample.h"
#include "lib/control/counter_window.h"
#include "lib/control/output.h"
#include "lib/control/state.h"

namespace mailtap::control {

// One that is judged by itself: a kind, and a port where the kind is about ports.
struct BlindSpot {
  static constexpr int kNoPort = -1;

  BlindSpot(config::BlindSpotKind k, uint16_t r, int64_t window_seconds, int p = kNoPort,
            std::string n = "")
      : kind(k), rule(r), port(p), name(std::move(n)), window(window_seconds) {}

  // Of `window`: what the part is measured against, and the part.
  uint64_t whole() const { return window.sum(0); }
  uint64_t part() const;
  // The part's share of the whole; 0 where there is none.
  double share() const;

  config::BlindSpotKind kind;
  uint16_t rule;  // in the alert book
  int port;
  std::string name;  // of the port
  // The whole, then the parts by reason; of silent_port: seconds with packets, then packets, up
  // to the last packet.
  CounterWindow window;
  uint32_t alert = kNone;
  int64_t since = INT64_MIN;   // tick in which the part, last 0, began to grow
  int64_t last = INT64_MIN;    // tick in which it last grew; of silent_port: of the last packet
  bool ended = false;          // the port's capture is over
  int64_t judged = INT64_MIN;  // `last` as of the last tick that was judged
};

// Counts, judges and reports them; alerts live as those of rules do. Control thread only.
class BlindSpots {
 public:
  // Both outlive this object.
  BlindSpots(const State& state, Output& output);

  // The capture's counters at the end of the tick that is being gathered.
  void Observe(const CaptureSample& sample);

  // Counts as traffic of `tick` what the counters and the state's totals have grown by since
  // the last call, and returns it; without `seconds`.
  HourCapture Count(int64_t tick);
  // The state's configuration is another: clears the alerts of kinds that are no longer judged
  // or look back otherwise, which start anew. After EndTick(), before the next Count().
  void Reload();

  // See checkpoint.h. RestoreAlerts() comes before Restore().
  void Save(ArchiveWriter& out) const;
  void SaveAlerts(ArchiveWriter& out) const;
  void RestoreAlerts(ArchiveReader& in);
  void Restore(ArchiveReader& in, bool same_capture);
  std::vector<std::string> TakeLostAlerts() { return alerts_.TakeLost(); }

  // Judges all as of the end of `tick`, and puts out what changed: by kind, then port.
  void EndTick(int64_t tick);
  // The earliest tick after the last one at which something may change without traffic.
  int64_t NextEvent() const;

  // Of all mail: over metrics.capture_window at the end of the last tick, and since the start.
  Confidence Recent() const;
  Confidence InAll() const { return SightInAll().confidence(); }
  void AddPeaks(std::vector<OpenPeak>& peaks) const { alerts_.AddPeaks(peaks); }
  // By kind, of those that are enabled.
  const std::vector<AlertCount>& counts() const { return alerts_.counts(); }

 private:
  std::vector<BlindSpot> MakeSpots() const;
  Sight SightInAll() const;
  uint64_t UnattributedInAll() const;
  HourCapture Grown(const Sight& sight) const;
  CounterWindow::Counts Growth(const BlindSpot& spot, const Sight& sight) const;
  double Value(const BlindSpot& spot, int64_t tick) const;
  void NoteSilence(BlindSpot& spot);
  bool MayChange(const BlindSpot& spot) const;
  int64_t NextSilence(const BlindSpot& spot) const;
  Alert Compose(BlindSpot& spot, AlertState state, int64_t tick);
  void DropStale();
  void TakeSaved();

  const State& state_;
  Output& output_;
  AlertBook alerts_;
  std::vector<BlindSpot> spots_;  // by kind, then port; made when the first tick is counted
  CounterWindow recent_;          // the fields of Sight, in their order
  CaptureSample sample_;
  CaptureSample counted_;  // what of it has been counted
  Sight sight_counted_;
  uint64_t unattributed_counted_ = 0;
  int64_t tick_ = INT64_MIN;  // the last that was judged
  // Of an earlier process, until the ports are known.
  struct SavedAlert {
    config::BlindSpotKind kind;
    std::string port;
    OpenAlert open;
    bool taken = false;
  };
  std::vector<SavedAlert> saved_alerts_;
  std::vector<BlindSpot> saved_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_BLIND_SPOTS_H_

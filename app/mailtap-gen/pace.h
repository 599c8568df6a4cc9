// Turns the generated traffic's own time into the capture's, so that its packets come at a
// wanted rate: all pauses stretch or shrink alike.
#ifndef MAILTAP_APP_MAILTAP_GEN_PACE_H_
#define MAILTAP_APP_MAILTAP_GEN_PACE_H_

#include <algorithm>
#include <cstdint>

namespace mailtap::gen {

class Pace {
 public:
  // `rate` in packets a second; 0 leaves time as it is.
  explicit Pace(double rate) : rate_(rate) {
    // Nothing falls silent for longer, even where few sessions are left.
    if (rate_ > 0) longest_gap_ns_ = std::max(1.0, 50 / rate_) * 1e9;
  }

  // The capture's time of a moment that is not before the last packet's; both in ns.
  uint64_t CaptureTime(uint64_t own_ns) const {
    if (rate_ <= 0) return own_ns;
    const double gap = static_cast<double>(own_ns - own_ns_) * factor_;
    return capture_ns_ + static_cast<uint64_t>(std::min(gap, longest_gap_ns_));
  }

  // Called for each packet with its own time.
  void OnPacket(uint64_t own_ns) {
    if (rate_ <= 0) return;
    capture_ns_ = CaptureTime(own_ns);
    own_ns_ = own_ns;
    if (++packets_ % kInterval != 0) return;
    const double took = static_cast<double>(own_ns_ - interval_start_ns_);
    interval_start_ns_ = own_ns_;
    // Traffic comes in bursts: only the average foretells the next interval.
    average_ns_ += (took - average_ns_) / std::min(16.0, static_cast<double>(++intervals_));
    // What has gone wrong so far is to be made up for within ten intervals.
    const double target = kInterval / rate_ * 1e9;
    const double late =
        static_cast<double>(capture_ns_) - static_cast<double>(packets_) / rate_ * 1e9;
    factor_ =
        std::clamp(target - late / 10, target / 4, target * 4) / std::max(1.0, average_ns_);
  }

 private:
  static constexpr uint64_t kInterval = 64;

  double rate_;
  double factor_ = 1;
  double longest_gap_ns_ = 0;
  double average_ns_ = 0;  // of an interval in own time
  uint64_t intervals_ = 0;
  uint64_t packets_ = 0;
  // Of the last packet.
  uint64_t own_ns_ = 0;
  uint64_t capture_ns_ = 0;
  uint64_t interval_start_ns_ = 0;  // in own time
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_PACE_H_

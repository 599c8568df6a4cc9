// What the tests of blind spots share.
#ifndef MAILTAP_TESTS_UNIT_CONTROL_SENSOR_H_
#define MAILTAP_TESTS_UNIT_CONTROL_SENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/control/testing.h"

namespace mailtap::control {

// Only this one kind is judged, with its defaults; hold 10 s.
inline config::Config Only(config::BlindSpotKind kind) {
  config::Config config = BaseConfig();
  config.blind_spots[static_cast<int>(kind)].enabled = true;
  config.blind_spots[static_cast<int>(kind)].hold_seconds = 10;
  return config;
}

// A sensor with two ports, that ends every tick or, as a replay does, only those that matter.
class Sensor {
 public:
  explicit Sensor(const config::Config& config, bool skip = false)
      : bench_(config), skip_(skip) {
    sample_.ports = {{.name = "eth0"}, {.name = "eth1"}};
    sample_.undecodable = {{"truncated_ip"}, {"encap_depth"}};
    sample_.shortages = {
        {"sessions", 0, "sessions"}, {"names", 0, "sessions"}, {"answers", 0, "ring"}};
  }
  CaptureSample& sample() { return sample_; }
  Control& control() { return bench_.control; }
  // `packets` to each port in this second.
  void Second(uint64_t packets0, uint64_t packets1 = 0) {
    sample_.ports[0].packets += packets0;
    sample_.ports[1].packets += packets1;
    sample_.packets += packets0 + packets1;
    const bool idle = packets0 + packets1 == 0;
    if (!skip_ || !idle || tick_ >= bench_.control.NextEventTick()) {
      bench_.control.Observe(sample_);
      bench_.control.EndTick(tick_);
    }
    ++tick_;
  }
  void Seconds(int count, uint64_t packets0, uint64_t packets1 = 0) {
    for (int i = 0; i < count; ++i) Second(packets0, packets1);
  }
  int64_t tick() const { return tick_; }
  const std::vector<Alert>& alerts() const { return bench_.output.alerts; }
  std::vector<std::string> changes() const { return Changes(alerts()); }
  std::vector<AlertCount> counts() const { return bench_.control.MakeSnapshot()->alerts; }

 private:
  Bench bench_;
  const bool skip_;
  CaptureSample sample_;
  int64_t tick_ = kT0;
};

}  // namespace mailtap::control

#endif  // MAILTAP_TESTS_UNIT_CONTROL_SENSOR_H_

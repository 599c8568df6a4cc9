// What a worker lcore does while no packets come: it polls on, or rests for a moment.
#ifndef MAILTAP_LIB_DATAPLANE_IDLE_H_
#define MAILTAP_LIB_DATAPLANE_IDLE_H_

#include <cstdint>
#include <vector>

namespace mailtap::dataplane {

// Counts rounds over the ports that brought nothing; after a while of these it rests after
// each. Where processor and ports can (UMONITOR and UMWAIT by rte_power_intrinsics.h), the
// lcore waits in a low-power state until a packet is written or the time is over. Elsewhere it
// sleeps: a microsecond at first, then twice as long each time up to the longest. So a packet
// waits for as long as the longest rest and the system's time to wake a thread.
class Idler {
 public:
  // Polls `queue` of `ports`. 0 for `longest_micros`: never rests. Made by the main thread
  // after Eal::Start, used by the lcore alone.
  Idler(const std::vector<uint16_t>& ports, uint16_t queue, int64_t longest_micros);

  // To be called by the lcore before its first round.
  void Begin() const;
  // After each round over all ports.
  void AfterRound(bool received) {
    if (longest_micros_ == 0) return;
    if (received) {
      empty_rounds_ = 0;
    } else if (++empty_rounds_ > kPatience) {
      Rest();
    }
  }

  // Whether rests end with a packet's arrival, or only with the time.
  bool monitors() const { return monitors_; }

 private:
  // Some ten microseconds of polling: gaps within a busy stream are no rest.
  static constexpr uint32_t kPatience = 500;

  void Rest();

  const std::vector<uint16_t> ports_;
  const uint16_t queue_;
  const int64_t longest_micros_;
  bool monitors_ = false;
  uint32_t empty_rounds_ = 0;
};

}  // namespace mailtap::dataplane

#endif  // MAILTAP_LIB_DATAPLANE_IDLE_H_

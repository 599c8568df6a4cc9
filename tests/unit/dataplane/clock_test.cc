// Time that follows the system's clock, with counters and clocks of the test's own.
#include "lib/dataplane/clock.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mailtap::dataplane {
namespace {

constexpr UnixNanos kStart = 1'700'000'000 * kNanosPerSecond;

// A counter that runs at another frequency than was guessed, asked once a second.
class Machine {
 public:
  Machine(double hertz, double guess) : hertz_(hertz), clock_(1'000, kStart, 1e9 / guess) {}

  // The time that the clock gives in the middle of the next second, and whether it has run on
  // at a rate that is off by at most `off`.
  void RunSecond(double off) {
    for (int part = 1; part <= 4; ++part) {
      nanos_ += kNanosPerSecond / 4;
      const UnixNanos now = clock_.At(cycles());
      EXPECT_NEAR(static_cast<double>(now - last_) / (kNanosPerSecond / 4.0), 1, off);
      last_ = now;
    }
    clock_.Follow(cycles(), real(), nanos_);
  }
  UnixNanos real() const { return kStart + nanos_ + set_by_; }
  UnixNanos time() const { return clock_.At(cycles()); }
  void SetSystemClock(int64_t by) { set_by_ += by; }

 private:
  uint64_t cycles() const {
    return 1'000 +
           static_cast<uint64_t>(std::llround(static_cast<double>(nanos_) * hertz_ / 1e9));
  }

  const double hertz_;
  SlewedClock clock_;
  int64_t nanos_ = 0, set_by_ = 0;
  UnixNanos last_ = kStart;
};

TEST(SlewedClock, KeepsTimeThoughTheFrequencyIsRounded) {
  for (const double hertz : {2.4454e9, 2.4546e9}) {
    Machine machine(hertz, 2.45e9);
    for (int second = 0; second < 600; ++second) machine.RunSecond(0.003);
    EXPECT_NEAR(static_cast<double>(machine.time() - machine.real()), 0, 10'000);
  }
}

TEST(SlewedClock, FollowsASystemClockThatWasSetWithoutAStep) {
  for (const int64_t by : {-30 * kNanosPerSecond, 30 * kNanosPerSecond}) {
    Machine machine(2e9, 2e9);
    machine.RunSecond(0.0001);
    machine.SetSystemClock(by);
    for (int second = 0; second < 3'200; ++second) {
      machine.RunSecond(SlewedClock::kMostSlew + 0.0001);
    }
    EXPECT_NEAR(static_cast<double>(machine.time() - machine.real()), 0, 1e6);
  }
}

TEST(SlewedClock, ReadBeforeALineIsDrawnLiesBeforeIt) {
  SlewedClock clock(1'000, kStart, 1.0);
  clock.Follow(2'000, kStart + 1'000, 5'000);
  EXPECT_EQ(clock.At(1'900), kStart + 900);
  EXPECT_EQ(clock.At(2'100), kStart + 1'100);
}

}  // namespace
}  // namespace mailtap::dataplane

#include "bench/report.h"

#include <chrono>
#include <cstdint>

namespace mailtap::bench {
namespace {

uint64_t Cycles() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
#error "no time stamp counter is known for this processor"
#endif
}

double Measure() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kSpan(20);
  const Clock::time_point start = Clock::now();
  const uint64_t first = Cycles();
  Clock::time_point end = start;
  while (end - start < kSpan) end = Clock::now();
  const uint64_t last = Cycles();
  return static_cast<double>(last - first) / std::chrono::duration<double>(end - start).count();
}

}  // namespace

double CyclesPerSecond() {
  static const double kCyclesPerSecond = Measure();
  return kCyclesPerSecond;
}

}  // namespace mailtap::bench

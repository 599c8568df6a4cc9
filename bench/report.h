// What every benchmark reports besides its time.
#ifndef MAILTAP_BENCH_REPORT_H_
#define MAILTAP_BENCH_REPORT_H_

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

namespace mailtap::bench {

// Ticks of the processor's time stamp counter in a second, measured once against the steady
// clock. The counter runs at the nominal clock whatever the core's frequency is.
double CyclesPerSecond();

// Reports `total` things of which one is a `unit` ("packet", "record"...): <unit>s/s, ns/<unit>
// and cycles/<unit>. Counts the time that the benchmark counts, pauses excepted.
inline void Report(benchmark::State& state, const std::string& unit, double total) {
  using benchmark::Counter;
  state.counters[unit + "s/s"] = Counter(total, Counter::kIsRate);
  state.counters["ns/" + unit] = Counter(total / 1e9, Counter::kIsRate | Counter::kInvert);
  state.counters["cycles/" + unit] =
      Counter(total / CyclesPerSecond(), Counter::kIsRate | Counter::kInvert);
}

// The processor time of the calling thread since it was made: what a stretch of work takes
// when nobody else wants the core, which on a busy machine no wall clock tells.
class ThreadStopwatch {
 public:
  ThreadStopwatch() : start_(Now()) {}
  double seconds() const { return Now() - start_; }

 private:
  static double Now() {
    timespec now = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  }
  const double start_;
};

// Of an even number of values the upper of the two in the middle.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Runs `prepare` and, timed, `work` once an iteration; reports the median and the longest.
template <typename Prepare, typename Work>
void TimeEach(benchmark::State& state, Prepare&& prepare, Work&& work) {
  std::vector<double> seconds;
  for (auto _ : state) {
    prepare();
    const ThreadStopwatch stopwatch;
    work();
    seconds.push_back(stopwatch.seconds());
    state.SetIterationTime(seconds.back());
  }
  state.counters["median_ms"] = Median(seconds) * 1e3;
  state.counters["longest_ms"] = *std::max_element(seconds.begin(), seconds.end()) * 1e3;
}

}  // namespace mailtap::bench

#endif  // MAILTAP_BENCH_REPORT_H_

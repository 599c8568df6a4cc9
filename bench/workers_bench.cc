// What workers cost each other, and what it costs a worker to be listened to. Everything that
// is compared is measured in turn, round by round, in processor time.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "bench/bench_worker.h"
#include "bench/control_load.h"
#include "bench/report.h"
#include "lib/control/control.h"
#include "lib/export/metrics.h"

namespace mailtap::bench {
namespace {

constexpr int kWorkers = 2;
constexpr int kPasses = 8;  // over all frames, a round

using std::chrono::milliseconds;

// Half the distance that the middle half of the values spans, as a share of their median: below
// it no difference says anything.
double Noise(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double span = values[values.size() * 3 / 4] - values[values.size() / 4];
  return span / 2 / values[values.size() / 2];
}

// One worker's share of the traffic, and the worker.
class Share {
 public:
  explicit Share(int number)
      : frames_("--flows 2k --hosts 1000 --mail-share 5 --seed " + std::to_string(5 + number)),
        worker_(config_) {}

  // The processor time of a round, in seconds.
  double Round() {
    double seconds = 0;
    for (int i = 0; i < kPasses; ++i) {
      const ThreadStopwatch watch;
      worker_.Take(frames_);
      seconds += watch.seconds();
      worker_.Forget(frames_);
      worker_.Drain();
    }
    return seconds;
  }

 private:
  const config::Config config_;
  MbufFrames frames_;
  BenchWorker worker_;
};

// A share in a process or a thread of its own, which works when it is told to.
struct Turn {
  std::atomic<int> asked{0};  // rounds
  std::atomic<int> done{0};
  double seconds = 0;  // of the last round; written before `done`
};

void Serve(int number, Turn& turn, const std::atomic<bool>& stop) {
  Share share(number);
  turn.done.store(-1);  // ready
  for (int round = 1; !stop.load();) {
    if (turn.asked.load() < round) {
      std::this_thread::sleep_for(milliseconds(1));
      continue;
    }
    turn.seconds = share.Round();
    turn.done.store(round++);
  }
}

// All of them at once; the sum of their times.
double RoundOf(Turn* turns, int round) {
  for (int i = 0; i < kWorkers; ++i) turns[i].asked.store(round);
  double seconds = 0;
  for (int i = 0; i < kWorkers; ++i) {
    while (turns[i].done.load() != round) std::this_thread::sleep_for(milliseconds(1));
    seconds += turns[i].seconds;
  }
  return seconds;
}

// Shared with the processes that are forked off.
struct Board {
  Turn processes[kWorkers];
  Turn threads[kWorkers];
  std::atomic<bool> stop{false};
};

void TwoWorkers(benchmark::State& state) {
  void* memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return state.SkipWithError("no shared memory");
  auto& board = *new (memory) Board;
  for (int i = 0; i < kWorkers; ++i) {
    if (::fork() != 0) continue;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Serve(i, board.processes[i], board.stop);
    ::_exit(0);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&board, i] { Serve(i, board.threads[i], board.stop); });
  }
  for (Turn* turns : {board.processes, board.threads}) {
    for (int i = 0; i < kWorkers; ++i) {
      while (turns[i].done.load() == 0) std::this_thread::sleep_for(milliseconds(10));
    }
  }
  std::vector<double> apart, together, ratios;
  int round = 0;
  for (auto _ : state) {
    ++round;
    apart.push_back(RoundOf(board.processes, round));
    together.push_back(RoundOf(board.threads, round));
    ratios.push_back(apart.back() / together.back());
    state.SetIterationTime(together.back());
  }
  board.stop.store(true);
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kWorkers; ++i) ::wait(nullptr);
  ::munmap(memory, sizeof(Board));
  const double packets = double{kWorkers} * kPasses * MbufFrames::kFrames;
  state.counters["processes ns/packet"] = Median(apart) / packets * 1e9;
  state.counters["threads ns/packet"] = Median(together) / packets * 1e9;
  state.counters["throughput"] = Median(ratios);
  state.counters["noise"] = std::max(Noise(apart), Noise(together));
}

// The control core's thread and a scraper in one: takes what the worker pushes, ends a tick a
// second and reads /metrics ten times a second.
class Listener {
 public:
  explicit Listener(BenchWorker& worker)
      : worker_(worker), control_(ShippedConfig(), alerts_), thread_([this] { Run(); }) {}
  ~Listener() {
    stop_.store(true);
    thread_.join();
  }

 private:
  void Run() {
    auto snapshot = control_.MakeSnapshot();
    const exporting::MetricsCollector collector([&] { return snapshot; },
                                                [] { return exporting::SensorStatus(); });
    int64_t tick = 1'800'000'000;
    for (int step = 1; !stop_.load(); ++step) {
      std::this_thread::sleep_for(milliseconds(1));
      worker_.ring.Drain([&]<typename Record>(const Record& record) {
        if constexpr (!std::is_same_v<Record, exchange::TickRecord>) control_.Apply(record);
      });
      if (step % 1'000 == 0) {
        control_.EndTick(++tick);
        snapshot = control_.MakeSnapshot();
      }
      if (step % 100 == 0) {
        benchmark::DoNotOptimize(exporting::MetricsText(collector));
      }
    }
  }

  BenchWorker& worker_;
  AlertCounter alerts_;
  control::Control control_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Whose ticks are not those of the frames.
struct Untimed {
  pipeline::Worker& worker;

  void Work(absl::Span<const pipeline::PacketView> views) { worker.Take(views); }
  void Settle() { worker.Settle(); }
};

// A round of a second and a half of work. With a listener ticks end by the clock, as they do
// live; without one none does, and nobody else is there.
double ListenedRound(BenchWorker& worker, MbufFrames& frames, bool listened,
                     std::size_t& passes) {
  std::unique_ptr<Listener> listener;
  if (listened) listener = std::make_unique<Listener>(worker);
  const auto start = std::chrono::steady_clock::now();
  auto second = start;
  double seconds = 0;
  for (passes = 0; std::chrono::steady_clock::now() - start < milliseconds(1'500); ++passes) {
    const ThreadStopwatch watch;
    Untimed taker{*worker.worker};
    frames.Feed(worker.later, taker);
    if (listened && std::chrono::steady_clock::now() - second > milliseconds(1'000)) {
      second += milliseconds(1'000);
      worker.worker->EndTick(TickOf(worker.later));
    }
    seconds += watch.seconds();
    worker.tick = TickOf(worker.later + frames.span());
    worker.Forget(frames);
    if (!listened) worker.Drain();
  }
  return seconds / static_cast<double>(passes);
}

void FlushAndScrape(benchmark::State& state) {
  const config::Config config;
  MbufFrames frames("--flows 2k --hosts 1000 --mail-share 5 --seed 5");
  BenchWorker worker(config);
  std::vector<double> alone, listened, ratios;
  std::size_t passes = 0;
  for (auto _ : state) {
    alone.push_back(ListenedRound(worker, frames, false, passes));
    listened.push_back(ListenedRound(worker, frames, true, passes));
    ratios.push_back(alone.back() / listened.back());
    state.SetIterationTime(listened.back());
  }
  const double packets = MbufFrames::kFrames;
  state.counters["alone ns/packet"] = Median(alone) / packets * 1e9;
  state.counters["listened ns/packet"] = Median(listened) / packets * 1e9;
  state.counters["throughput"] = Median(ratios);
  state.counters["noise"] = std::max(Noise(alone), Noise(listened));
}

BENCHMARK(TwoWorkers)->UseManualTime()->Iterations(21)->Unit(benchmark::kMillisecond);
BENCHMARK(FlushAndScrape)->UseManualTime()->Iterations(9)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

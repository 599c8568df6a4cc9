// The compare that decides whether a payload is looked at: on payloads that are no mail, and on
// those that open like it.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "bench/report.h"
#include "lib/classify/first_word.h"

namespace mailtap::bench {
namespace {

enum Text { kBinary, kHttp, kMail, kTagged };

std::string PayloadOf(Text text, std::mt19937& random) {
  constexpr std::size_t kBytes = 64;
  std::string payload;
  switch (text) {
    case kBinary:
      break;
    case kHttp:
      payload = random() % 2 == 0 ? "GET /index.html HTTP/1.1\r\n" : "HTTP/1.1 200 OK\r\n";
      break;
    case kMail:
      payload = random() % 2 == 0 ? "220 mx.example.net ESMTP\r\n" : "EHLO client\r\n";
      break;
    case kTagged:
      payload = "a" + std::to_string(random() % 1'000) + " SELECT INBOX\r\n";
      break;
  }
  while (payload.size() < kBytes) payload += static_cast<char>(random());
  return payload;
}

void FirstWord(benchmark::State& state) {
  constexpr std::size_t kPayloads = 4'096;
  std::mt19937 random(1);
  std::vector<std::string> payloads;
  for (std::size_t i = 0; i < kPayloads; ++i) {
    payloads.push_back(PayloadOf(static_cast<Text>(state.range(0)), random));
  }
  const classify::FirstWordFilter filter;
  uint64_t matches = 0;
  for (auto _ : state) {
    for (const std::string& payload : payloads) {
      matches += filter.Matches(reinterpret_cast<const uint8_t*>(payload.data()),
                                static_cast<uint32_t>(payload.size()));
    }
    benchmark::DoNotOptimize(matches);
  }
  const auto total = static_cast<double>(state.iterations() * kPayloads);
  Report(state, "packet", total);
  state.counters["matched"] = static_cast<double>(matches) / total;
}

BENCHMARK(FirstWord)->ArgName("text")->DenseRange(kBinary, kTagged);

}  // namespace
}  // namespace mailtap::bench

BENCHMARK_MAIN();

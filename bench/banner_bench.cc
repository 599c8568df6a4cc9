// The recogniser (Hyperscan over the first lines of both sides), and how much more a packet of
// ordinary traffic costs where it is there to be asked.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "bench/report.h"
#include "lib/classify/recogniser.h"

namespace mailtap::bench {
namespace {

struct Opening {
  const char* name;
  std::string client;
  std::string server;
};

// With the bytes behind the text that Hyperscan may read.
std::string WithSlack(std::string text) {
  text.reserve(text.size() + classify::Speech::kSlack);
  return text;
}

void Banner(benchmark::State& state, const Opening& opening) {
  auto database = classify::PatternDatabase::Load().value();
  const auto recogniser = classify::Recogniser::Create(std::move(database)).value();
  const std::string client = WithSlack(opening.client), server = WithSlack(opening.server);
  const classify::Speech client_said = {.text = client, .from_start = true};
  const classify::Speech server_said = {.text = server, .from_start = true};
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        recogniser.Judge(client_said, server_said, {.server_first = true}));
  }
  Report(state, "flow", static_cast<double>(state.iterations()));
}

const Opening kOpenings[] = {
    {"smtp", "EHLO client.example.net\r\n", "220 mx.example.net ESMTP Postfix\r\n"},
    {"imap", "a1 CAPABILITY\r\n", "* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"},
    {"pop3", "USER somebody\r\n", "+OK Dovecot ready.\r\n"},
    {"ftp", "USER somebody\r\n", "220 (vsFTPd 3.0.3)\r\n"},
    {"redis", "PING\r\n", "+OK\r\n"},
    {"http", "GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
};

void RegisterAll() {
  for (const Opening& opening : kOpenings) {
    benchmark::RegisterBenchmark((std::string("Banner/") + opening.name).c_str(), Banner,
                                 opening);
  }
}

}  // namespace
}  // namespace mailtap::bench

int main(int argc, char** argv) {
  mailtap::bench::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

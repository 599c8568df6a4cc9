// Runs a fuzz target without libFuzzer.
//
//   TARGET                   its seeds, and a fixed number of mutations of them
//   TARGET FILE...           those inputs
//   TARGET --seeds FOLDER    writes its seeds as files, to start libFuzzer from
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>

#include "tests/fuzz/driver.h"

namespace {

constexpr int kRounds = 20'000;

// In a buffer of exactly its size, so that AddressSanitizer sees any overrun.
void Run(const std::string& input) {
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[input.size()]);
  std::memcpy(exact.get(), input.data(), input.size());
  LLVMFuzzerTestOneInput(exact.get(), input.size());
}

std::string Mutated(std::string input, std::mt19937& random) {
  const auto at = [&] { return input.empty() ? 0 : random() % input.size(); };
  for (unsigned n = random() % 8; n > 0; --n) {
    switch (random() % 4) {
      case 0:
        if (!input.empty()) input[at()] = static_cast<char>(random());
        break;
      case 1:
        if (!input.empty()) input[at()] ^= static_cast<char>(1u << random() % 8);
        break;
      case 2:
        input.erase(at(), random() % 16);
        break;
      default:
        input.insert(at(), input.substr(at(), random() % 64));
    }
  }
  return input;
}

int WriteSeeds(const char* folder) {
  int number = 0;
  for (const std::string& seed : mailtap::fuzz::Seeds()) {
    std::ofstream file(std::string(folder) + "/seed" + std::to_string(number++),
                       std::ios::binary);
    if (!(file << seed)) {
      std::fprintf(stderr, "cannot write into %s\n", folder);
      return EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--seeds") == 0) return WriteSeeds(argv[2]);
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return EXIT_FAILURE;
    }
    Run(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  if (argc > 1) return EXIT_SUCCESS;
  const std::vector<std::string> seeds = mailtap::fuzz::Seeds();
  std::mt19937 random(20'261'123);
  for (const std::string& seed : seeds) Run(seed);
  for (int round = 0; round < kRounds; ++round) {
    Run(Mutated(seeds[random() % seeds.size()], random));
  }
  return EXIT_SUCCESS;
}

// What every fuzz target shares: the entry point that libFuzzer calls, and a plain main for
// builds without it.
#ifndef MAILTAP_TESTS_FUZZ_DRIVER_H_
#define MAILTAP_TESTS_FUZZ_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Runs one input; never fails, but for what a sanitizer or an assertion finds.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);

namespace mailtap::fuzz {

// Inputs of the right shape, defined by each target: the plain main mutates them, and writes
// them as a corpus for libFuzzer.
std::vector<std::string> Seeds();

}  // namespace mailtap::fuzz

#endif  // MAILTAP_TESTS_FUZZ_DRIVER_H_
